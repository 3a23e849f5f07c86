"""Figures as clients read them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from hub.sdk.money import Money
from web.hub import the_hub


def number(value: Decimal) -> str:
    """`2`, `1.5`: no more decimals than it needs."""
    return f"{value.normalize():,f}"


def price(value: Decimal, currency: str) -> str:
    """A price with the decimals of its currency, or those it has itself."""
    usual = Money.rounded(value, currency).decimal
    return f"{usual:,f}" if usual == value else number(value)


def onday(moment: datetime) -> Markup:
    """The day of a time where the MSP is."""
    local = moment.astimezone(the_hub().settings.time_zone)
    return Markup('<time datetime="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), f"{local.day} {local:%b %Y}"
    )


def frame() -> dict[str, Any]:
    """What every page of the portal says."""
    return {"msp": the_hub().settings.msp_name}

"""What people type into forms, as the core takes it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

from hub.sdk.errors import InvalidError
from web.hub import the_hub

LINE: Final = ("description", "quantity", "unit_price", "tax_rate")


def text(given: Mapping[str, str], name: str) -> str | None:
    """A text, None if it was left empty."""
    return given.get(name, "").strip() or None


def day(given: Mapping[str, str], name: str) -> date | None:
    """A date, None if it was left empty."""
    written = text(given, name)
    if written is None:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        said = "Write a date such as 2026-03-01."
        raise InvalidError(said, {name: [said]}) from None


def noon(given: Mapping[str, str], name: str) -> datetime | None:
    """Noon of a date where the installation is, None if it was left empty."""
    found = day(given, name)
    if found is None:
        return None
    zone = the_hub().settings.time_zone
    return datetime.combine(found, time(12), zone).astimezone(UTC)


def lines(given: Any) -> list[dict[str, str]]:
    """The lines of an invoice or quote; empty quantity and tax mean 1 and 0."""
    columns = [given.getlist(name)[:50] for name in LINE]
    rows = [
        {name: value.strip() for name, value in zip(LINE, row, strict=True)}
        for row in zip(*columns, strict=False)
    ]
    filled = [row for row in rows if row["description"] or row["unit_price"]]
    for row in filled:
        row["quantity"] = row["quantity"] or "1"
        row["tax_rate"] = row["tax_rate"] or "0"
    return filled


def empty_lines(count: int) -> list[dict[str, str]]:
    """Lines yet to be filled in."""
    return [dict.fromkeys(LINE, "") for _ in range(count)]

"""Mandates: the client's way to one, and its end."""

from collections.abc import Mapping
from typing import Any, Final

from hub.sdk import ledger
from hub.sdk.context import Context
from hub.sdk.errors import RejectedError
from hub.sdk.facts import Fact
from hub_gocardless import client, events, hosted, resources
from hub_gocardless.provider import MANDATE_CURRENCIES, site
from hub_gocardless.resources import Told

_REFUSED: Final = 422


def start(
    company: ledger.Company, request: ledger.MandateRequest, ctx: Context
) -> ledger.Checkout:
    """Open the page on which a company gives a mandate."""
    if request.currency not in MANDATE_CURRENCIES:
        raise RejectedError(
            f"GoCardless collects nothing in {request.currency}, only in"
            f" {', '.join(sorted(MANDATE_CURRENCIES))}.",
            code="currency_not_supported",
        )
    return hosted.opened(ctx, request, request_for(request), company)


def request_for(request: ledger.MandateRequest) -> dict[str, Any]:
    """Build the billing request. The scheme follows from the currency."""
    metadata = {"hub_request": request.id, "hub_company": request.company.id}
    return {
        "mandate_request": {"currency": request.currency, "metadata": metadata},
        "metadata": metadata,
    }


def finish(
    request: ledger.MandateRequest, params: Mapping[str, str], ctx: Context
) -> list[Fact]:
    """Ask the request whether a mandate came of it; what the browser brings is not
    looked at."""
    at = ctx.now()
    found = hosted.standing(ctx, request)
    id = ((found or {}).get("links") or {}).get("mandate_request_mandate")
    if id is None:
        return []
    data = client.get(ctx, "mandates", id)
    told = Told(at=at, site=site(ctx.settings))
    return events.understood(
        lambda: [
            resources.mandate(
                data, told, request=request.id, checkout=request.reference
            )
        ]
    )


def cancel(mandate: ledger.Mandate, ctx: Context) -> list[Fact]:
    """Cancel a mandate; one that has ended already says how."""
    try:
        data = client.act(ctx, "mandates", mandate.reference, "cancel")
    except RejectedError as error:
        if error.status != _REFUSED:
            raise
        data = client.get(ctx, "mandates", mandate.reference)
    told = Told(at=ctx.now(), site=site(ctx.settings))
    return events.understood(lambda: [resources.mandate(data, told)])

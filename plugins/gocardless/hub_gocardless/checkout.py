"""Pay by bank: one instant payment on GoCardless's page, without a mandate."""

from collections.abc import Mapping
from typing import Any, Final

from hub.sdk import ledger
from hub.sdk.context import Context
from hub.sdk.errors import RejectedError
from hub.sdk.facts import Fact
from hub_gocardless import client, debits, events, hosted, resources
from hub_gocardless.provider import INSTANT_CURRENCIES, site
from hub_gocardless.resources import Told

# What a charge's reference begins with where it is a page, and no debit.
_PAGE: Final = "BRQ"
_REFUSED: Final = 422


def start(charge: ledger.Charge, ctx: Context) -> ledger.Checkout:
    """Open the page of a charge; asked twice, it leads to the same payment."""
    if charge.amount.currency not in INSTANT_CURRENCIES:
        raise RejectedError(
            f"GoCardless takes no instant payments in {charge.amount.currency}, only"
            " GBP and EUR. Set up a direct debit, or pay another way.",
            code="currency_not_supported",
        )
    return hosted.opened(ctx, charge, request_for(charge), charge.invoice.company)


def request_for(charge: ledger.Charge) -> dict[str, Any]:
    """Build the billing request. Its metadata doesn't reach the payment, so both get
    it."""
    metadata = debits.metadata_of(charge)
    return {
        "payment_request": {
            "amount": charge.amount.minor,
            "currency": charge.amount.currency,
            "description": f"Invoice {charge.invoice.number}"[:255],
            "metadata": metadata,
        },
        "metadata": metadata,
    }


def finish(
    charge: ledger.Charge, params: Mapping[str, str], ctx: Context
) -> list[Fact]:
    """Take the payer back; what the browser brings is not looked at."""
    return settle(charge, ctx)


def settle(charge: ledger.Charge, ctx: Context) -> list[Fact]:
    """Ask what became of a charge: a page, a debit, or what nobody knows yet."""
    if charge.reference is None:
        return debits.found(charge, ctx)
    if not charge.reference.startswith(_PAGE):
        return debits.settle(charge.reference, ctx)
    at = ctx.now()
    found = hosted.known(ctx, charge, charge.reference)
    payment = (found["links"] or {}).get("payment_request_payment")
    told = Told(at=at, site=site(ctx.settings))
    if payment is None:
        return events.understood(lambda: resources.checkout(found, told))
    match = resources.match_of(found, checkout=found["id"])
    return debits.settle(payment, ctx, match)


def cancel(charge: ledger.Charge, ctx: Context) -> list[Fact]:
    """Close the page of a charge, or call a debit off that the bank hasn't got yet.
    What is under way already says so."""
    if charge.reference is None:
        return debits.found(charge, ctx)
    is_page = charge.reference.startswith(_PAGE)
    kind = "billing_requests" if is_page else "payments"
    try:
        client.act(ctx, kind, charge.reference, "cancel")
    except RejectedError as error:
        facts = settle(charge, ctx) if error.status == _REFUSED else []
        if facts:
            return facts
        raise
    return settle(charge, ctx)

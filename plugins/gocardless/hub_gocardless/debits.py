"""Direct debits: collecting by mandate, and what becomes of a payment."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from hub.sdk import clock, ledger
from hub.sdk.context import Context
from hub.sdk.errors import RejectedError, UnexpectedResponseError
from hub.sdk.facts import Fact, Match
from hub_gocardless import client, events, resources, schemas
from hub_gocardless.provider import site
from hub_gocardless.resources import Told

_PAYMENTS: Final = "payments"
# Our clock and GoCardless's may differ by so much.
_SKEW: Final = timedelta(minutes=15)


def collect(
    invoice: ledger.Invoice,
    charge: ledger.Charge,
    mandate: ledger.Mandate,
    ctx: Context,
) -> list[Fact]:
    """Collect a charge; asked twice, GoCardless names the payment it made first."""
    found = client.get(ctx, "mandates", mandate.reference)
    day = _charge_date(invoice, found, ctx)
    asked = payment_for(charge, mandate.reference)
    try:
        made = _created(charge, asked | ({"charge_date": day} if day else {}), ctx)
    except RejectedError as error:
        # The earliest day changes daily: it may just have done so.
        if not day or error.code != "charge_date":
            raise
        made = _created(charge, asked, ctx)
    told = Told(at=ctx.now(), site=site(ctx.settings))
    return events.understood(lambda: resources.payment(made, told))


def payment_for(charge: ledger.Charge, mandate: str) -> dict[str, Any]:
    """Build the payment. Without a reference: few accounts may set one."""
    return {
        "amount": charge.amount.minor,
        "currency": charge.amount.currency,
        "description": f"Invoice {charge.invoice.number}"[:255],
        "metadata": metadata_of(charge),
        "links": {"mandate": mandate},
    }


def metadata_of(charge: ledger.Charge) -> dict[str, str]:
    """Name charge and invoice; there is room for three keys."""
    return {"hub_payment": charge.id, "hub_invoice": charge.invoice.number}


def settle(payment: str, ctx: Context, match: Match | None = None) -> list[Fact]:
    """Ask a payment for its events: the facts are those of its webhooks."""
    # Before asking: no word of what happens meanwhile may be older.
    at = ctx.now()
    data = client.get(ctx, _PAYMENTS, payment)
    listed = reversed(list(client.listed(ctx, "events", payment=payment)))

    def read() -> Iterator[Fact]:
        last = ""
        for item in listed:
            event = schemas.read(schemas.Event, item, "event")
            is_known = event["action"] in events.PAYMENT_ACTIONS
            if event["resource_type"] == _PAYMENTS and is_known:
                last = event["action"]
                yield from resources.payment(data, events.told(event, ctx), match)
        if not resources.tells_all(last, data):
            yield from resources.payment(
                data, Told(at=at, site=site(ctx.settings)), match
            )

    return events.understood(read)


def found(charge: ledger.Charge, ctx: Context) -> list[Fact]:
    """Look for the payment of a charge whose making nobody knows the end of."""
    since = {"created_at[gte]": clock.iso(charge.created_at - _SKEW)}
    currency = charge.amount.currency
    listed = client.listed(ctx, _PAYMENTS, **since, currency=currency)
    for item in listed:
        match item:
            case {"id": str(id), "metadata": {"hub_payment": charge.id}}:
                return settle(id, ctx)
    return []


def _created(
    charge: ledger.Charge, asked: dict[str, Any], ctx: Context
) -> dict[str, Any]:
    made = client.create(ctx, _PAYMENTS, asked, key=f"{charge.id}-payment")
    match made:
        case {"metadata": {"hub_payment": charge.id}}:
            return made
    raise UnexpectedResponseError("GoCardless's payment belongs to another charge.")


def _charge_date(invoice: ledger.Invoice, mandate: Any, ctx: Context) -> str:
    """Return the due date where the mandate can be charged then; else nothing, which
    is as soon as possible. Days on which no bank works roll on by themselves."""
    (found,) = events.understood(
        lambda: [schemas.read(schemas.Mandate, mandate, "mandate")]
    )
    earliest = found["next_possible_charge_date"]
    due = invoice.due_date.isoformat()
    return due if earliest and due >= earliest else ""

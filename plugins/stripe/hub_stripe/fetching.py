"""What has to be asked at Stripe: refunds by id, and what paid an invoice."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, UnexpectedResponseError
from hub.sdk.facts import Fact, RefundMade
from hub_stripe import client, resources, reversals, schemas
from hub_stripe.resources import Told

_Read = TypeVar("_Read")

_PAYERS: Final = "payments.data.payment.payment_intent"


def understood(read: Callable[..., _Read], *arguments: Any) -> _Read:
    """Read what Stripe answered: what can't be read there is drift."""
    try:
        return read(*arguments)
    except PayloadError as error:
        raise UnexpectedResponseError(str(error)) from error


def refunds(data: object, told: Told, ctx: Context) -> Iterable[Fact]:
    """List the refunds of a charge: its own amount is a running total (ROAD 4)."""
    charge = schemas.read(schemas.Charge, data, "charge")
    if not client.can_ask(ctx):
        return [reversals.refund_total(charge, told)]
    return list(listed_refunds(ctx, live=told.live, charge=charge["id"]))


def listed_refunds(ctx: Context, *, live: bool, **of: str) -> Iterator[RefundMade]:
    """Yield the refunds of a charge or a payment intent as they are now."""
    for found in client.pages(ctx, "/v1/refunds", **of):
        yield refund(found, ctx, live=live)


def refund(found: dict[str, Any], ctx: Context, *, live: bool) -> RefundMade:
    """Read a refund that was asked for.

    Its state is the present one. What still waits has waited since it was made, so
    that no word of its end is older.
    """
    known = understood(schemas.read, schemas.Refund, found, "refund")
    waits = known["status"] in ("pending", "requires_action")
    at = known["created"] if waits else ctx.now()
    told = Told(at=at, id=f"refund:{known['id']}:{known['status']}", live=live)
    return understood(reversals.refund, found, told)


def invoice(data: object, told: Told, ctx: Context) -> Iterable[Fact]:
    """Find what paid an invoice. Since 2025 it doesn't say so itself."""
    found = schemas.read(schemas.Invoice, data, "invoice")
    if found["payment_intent"]:
        return resources.legacy_invoice(found, told)
    if not found["amount_paid"]:
        return ()
    return _paid(found["id"], told, ctx)


def invoice_payment(data: object, told: Told, ctx: Context) -> Iterable[Fact]:
    """Find the invoice that was paid: this names it by its id only."""
    found = schemas.read(schemas.InvoicePayment, data, "invoice payment")
    if found["invoice"] is None:
        raise PayloadError("Stripe's invoice payment names no invoice.")
    return _paid(found["invoice"], told, ctx)


def _paid(invoice_id: str, told: Told, ctx: Context) -> list[Fact]:
    """Without a key the payment intent's own event tells of the money."""
    if not client.can_ask(ctx):
        return []
    answer = client.call(
        ctx,
        "GET",
        f"/v1/invoices/{client.segment(invoice_id)}",
        params={"expand[]": _PAYERS},
    )
    found = understood(schemas.read, schemas.Invoice, answer, "invoice")
    return understood(lambda: list(resources.paid_invoice(found, told)))

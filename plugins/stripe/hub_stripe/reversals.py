"""What goes back: Stripe's refunds and disputes as facts, for webhooks and replies."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hub.sdk.errors import PayloadError
from hub.sdk.facts import ChargebackMade, DisputeSeen, Fact, RefundMade, RefundTotal
from hub_stripe import schemas
from hub_stripe.resources import Told

_REFUND_STATES: Final[Mapping[str, Any]] = {
    "succeeded": "done",
    "failed": "failed",
    "canceled": "cancelled",
}
# Whatever is not decided is open, states that are yet to be invented among them.
_DISPUTE_STATES: Final[Mapping[str, Any]] = {
    "won": "won",
    "lost": "lost",
    "warning_closed": "closed",
    "prevented": "closed",
}


def refund(data: object, told: Told) -> RefundMade:
    """Read a refund. One that succeeded may fail days later."""
    found = schemas.read(schemas.Refund, data, "refund")
    payment = _payment_of(found, "refund")
    return RefundMade(
        id=told.id,
        as_of=told.at,
        reference=found["id"],
        payment=payment,
        amount=schemas.money(found["amount"], found["currency"], "refund"),
        state=_REFUND_STATES.get(found["status"] or "succeeded", "pending"),
        reason=found["failure_reason"] or found["reason"] or "",
        url=told.page(payment),
    )


def refund_total(found: Mapping[str, Any], told: Told) -> RefundTotal:
    """Read the running total of a charge, where its refunds can't be listed."""
    return RefundTotal(
        id=told.id,
        as_of=told.at,
        payment=found["payment_intent"] or found["id"],
        total=schemas.money(found["amount_refunded"], found["currency"], "charge"),
    )


def dispute(data: object, told: Told) -> Iterator[Fact]:
    """Read a case. Once it is lost the money is gone, once it is won it is back,
    also if the events that tell of the money itself never came."""
    found = schemas.read(schemas.Dispute, data, "dispute")
    state = _DISPUTE_STATES.get(found["status"], "open")
    payment = _payment_of(found, "dispute")
    details = found["evidence_details"] or {}
    yield DisputeSeen(
        id=told.id,
        as_of=told.at,
        reference=found["id"],
        payment=payment,
        amount=schemas.money(found["amount"], found["currency"], "dispute"),
        state=state,
        reason=found["reason"] or "",
        respond_by=details.get("due_by") if state == "open" else None,
        url=told.page(payment),
    )
    if state in ("won", "lost"):
        yield _chargeback(found, told, back=state == "won", mark=":money")


def withdrawn(data: object, told: Told) -> ChargebackMade:
    """Read a case whose money Stripe took from us."""
    found = schemas.read(schemas.Dispute, data, "dispute")
    return _chargeback(found, told, back=False)


def reinstated(data: object, told: Told) -> ChargebackMade:
    """Read a case whose money Stripe gave us again."""
    found = schemas.read(schemas.Dispute, data, "dispute")
    return _chargeback(found, told, back=True)


def _chargeback(
    found: Mapping[str, Any], told: Told, *, back: bool, mark: str = ""
) -> ChargebackMade:
    payment = _payment_of(found, "dispute")
    return ChargebackMade(
        id=told.id + mark,
        as_of=told.at,
        reference=found["id"],
        payment=payment,
        amount=schemas.money(found["amount"], found["currency"], "dispute"),
        state="cancelled" if back else "done",
        reason=found["reason"] or "",
        url=told.page(payment),
    )


def _payment_of(found: Mapping[str, Any], what: str) -> str:
    """Name the payment: its intent, or the charge where there never was an intent."""
    payment = found["payment_intent"] or found["charge"]
    if payment is None:
        raise PayloadError(f"Stripe's {what} names no payment.")
    return str(payment)

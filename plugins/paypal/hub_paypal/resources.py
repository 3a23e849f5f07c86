"""PayPal's objects as facts; pure, and the same for webhooks and API replies."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from hub.sdk import clock
from hub.sdk.errors import PayloadError
from hub.sdk.facts import (
    ChargebackMade,
    CheckoutApproved,
    DisputeSeen,
    Fact,
    Match,
    PaymentFact,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    RefundMade,
)
from hub_paypal import schemas
from hub_paypal.provider import Site

CAPTURES: Final = "/v2/payments/captures/"
# Long enough to tell attempts apart, short enough to read an invoice number past it.
_ATTEMPT_LENGTH: Final = 6

_CAPTURE_STATES: Final[Mapping[str, type[PaymentFact]]] = {
    "COMPLETED": PaymentReceived,
    # The money came; what went back is told by the refunds.
    "PARTIALLY_REFUNDED": PaymentReceived,
    "REFUNDED": PaymentReceived,
    "PENDING": PaymentPending,
    "DECLINED": PaymentFailed,
    "DENIED": PaymentFailed,
    "FAILED": PaymentFailed,
}
_REFUND_STATES: Final[Mapping[str, Any]] = {
    "COMPLETED": "done",
    "PENDING": "pending",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
}
_OUTCOMES: Final[Mapping[str, Any]] = {
    "RESOLVED_SELLER_FAVOUR": "won",
    "RESOLVED_BUYER_FAVOUR": "lost",
    "ACCEPTED": "lost",
    "DENIED": "won",
    # Nobody was found right: PayPal paid out of its own pocket, or the buyer let go.
    "RESOLVED_WITH_PAYOUT": "closed",
    "CANCELED_BY_BUYER": "closed",
    "NONE": "closed",
}


def invoice_reference(number: str, charge: str) -> str:
    """Return the invoice id of one payment attempt.

    Accounts may demand that it is never used twice, a declined attempt included.
    """
    return f"{number}{_attempt(charge)}"


def _attempt(charge: str) -> str:
    return f"-{charge[-_ATTEMPT_LENGTH:]}"


def match(charge: str | None, checkout: str | None, invoice_id: str | None) -> Match:
    """Say what the payment carries, with the mark of the attempt taken off again."""
    number = invoice_id
    if number and charge:
        number = number.removesuffix(_attempt(charge))
    return Match(
        charge=charge or None, checkout=checkout, invoice_number=number or None
    )


def capture(data: object, site: Site, *, told: datetime, id: str = "") -> Fact:
    """Read a capture. Its own status decides, whatever event or order carries it.

    `told` is the time to fall back on, `id` the event's id (else the version's).
    """
    found = schemas.read(schemas.Capture, data, "capture")
    kind = _CAPTURE_STATES.get(found["status"])
    if kind is None:
        raise PayloadError("PayPal's capture has a status the hub doesn't know.")
    as_of = found["update_time"] or told
    related = (found["supplementary_data"] or {}).get("related_ids") or {}
    return kind(
        id=id or f"capture:{found['id']}:{found['status']}:{clock.iso(as_of)}",
        as_of=as_of,
        reference=found["id"],
        amount=found["amount"],
        match=match(found["custom_id"], related.get("order_id"), found["invoice_id"]),
        method="paypal",
        url=f"{site.web}/activity/payment/{found['id']}",
        **_particulars(kind, found),
    )


def _particulars(kind: type[PaymentFact], found: Mapping[str, Any]) -> dict[str, Any]:
    if kind is PaymentReceived:
        money = found["seller_receivable_breakdown"] or {}
        return {"fee": money.get("paypal_fee"), "net": money.get("net_amount")}
    details = found["status_details"] or {}
    return {"reason": details.get("reason") or found["status"]}


def refund(data: object, site: Site, *, told: datetime, id: str = "") -> RefundMade:
    """Read a refund; the capture it belongs to is the link `up`."""
    found = schemas.read(schemas.Refund, data, "refund")
    state = _REFUND_STATES.get(found["status"])
    payment = schemas.linked(found["links"], "up", CAPTURES)
    if state is None or payment is None:
        raise PayloadError("PayPal's refund has no known status, or names no capture.")
    as_of = found["update_time"] or told
    return RefundMade(
        id=id or f"refund:{found['id']}:{found['status']}:{clock.iso(as_of)}",
        as_of=as_of,
        reference=found["id"],
        payment=payment,
        amount=found["amount"],
        state=state,
        reason=found["note_to_payer"],
        url=f"{site.web}/activity/payment/{found['id']}",
    )


def reversal(data: object, site: Site, *, told: datetime, id: str) -> ChargebackMade:
    """Read what PayPal took back.

    It comes as a refund; where the capture itself is sent, that names itself.
    """
    found = schemas.read(schemas.Refund, data, "reversal")
    payment = schemas.linked(found["links"], "up", CAPTURES) or schemas.linked(
        found["links"], "self", CAPTURES
    )
    if payment is None:
        raise PayloadError("PayPal's reversal names no capture.")
    return ChargebackMade(
        id=id,
        as_of=found["update_time"] or told,
        reference=found["id"],
        payment=payment,
        amount=found["amount"],
        reason=found["note_to_payer"],
        url=f"{site.web}/activity/payment/{payment}",
    )


def dispute(
    data: object, site: Site, *, told: datetime, id: str
) -> Iterator[DisputeSeen]:
    """Read a case: one fact per disputed transaction, the first under its own id."""
    found = schemas.read(schemas.Dispute, data, "dispute")
    transactions = found["disputed_transactions"]
    for index, transaction in enumerate(transactions):
        payment = transaction["seller_transaction_id"]
        mark = f":{payment}" if index else ""
        whole = found["dispute_amount"] if len(transactions) == 1 else None
        yield DisputeSeen(
            id=f"{id}:{index}" if index else id,
            as_of=found["update_time"] or told,
            reference=found["dispute_id"] + mark,
            payment=payment,
            amount=whole or transaction["gross_amount"],
            state=_dispute_state(found),
            reason=found["reason"],
            respond_by=found["seller_response_due_date"],
            url=f"{site.web}/resolutioncenter/view/{found['dispute_id']}",
        )


def _dispute_state(found: Mapping[str, Any]) -> Any:
    if found["status"] != "RESOLVED":
        return "open"
    outcome = (found["dispute_outcome"] or {}).get("outcome_code")
    return _OUTCOMES.get(outcome or "NONE", "closed")


def approval(data: object, site: Site, *, told: datetime, id: str) -> CheckoutApproved:
    """Read an order the payer approved: no money has moved yet."""
    found = schemas.read(schemas.Order, data, "order")
    unit = found["purchase_units"][0]
    return CheckoutApproved(
        id=id,
        as_of=found["update_time"] or told,
        reference=found["id"],
        match=match(unit["custom_id"], found["id"], unit["invoice_id"]),
    )

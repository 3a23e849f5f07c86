"""What of a payment can be given back, and whether the hub can do it."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.configuration.live import live
from hub.core.models import Movement, Payment
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from hub.sdk.money import Money

HOOK = "refund_payment"


def left(session: Session, payment: Payment) -> Money:
    """What can be given back of a payment: what is with us and not on its way back."""
    pending = select(func.sum(Movement.amount_minor)).where(
        Movement.payment_id == payment.id,
        Movement.kind == "refund",
        Movement.state == "pending",
        Movement.currency == payment.currency,
    )
    gone = payment.refunded_minor + payment.charged_back_minor
    on_its_way = int(session.scalar(pending) or 0)
    return Money(payment.amount_minor - gone - on_its_way, payment.currency)


def check(session: Session, payment: Payment, *, by_hand: bool) -> None:
    """ConflictError if nothing of it can be given back, or not by the hub."""
    if payment.state not in ("confirmed", "paid_out"):
        raise ConflictError(f"This payment is {payment.state}: nothing to refund.")
    if by_hand:
        return
    hub = hub_of(session)
    try:
        connection = live(hub).by_id(payment.connection_id or "")
    except NotFoundError:
        connection = None
    if connection is None or not hub.plugins.has(connection.plugin, HOOK):
        raise ConflictError(
            "The hub can't refund this payment: do it at the provider, the hub will"
            " hear of it."
        )
    if not connection.working:
        raise ConflictError(
            f"{connection.title} is {connection.state}: mend or enable it first."
        )


def amount_of(session: Session, payment: Payment, amount: Money | None) -> Money:
    """What is asked for, all that is left if nothing is; InvalidError if it is more."""
    most = left(session, payment)
    if amount is None and most.minor > 0:
        return most
    if amount is not None and amount.currency != payment.currency:
        text = f"The payment is in {payment.currency}."
        raise InvalidError(text, {"currency": [text]})
    if amount is None or not 0 < amount.minor <= most.minor:
        text = f"{most.format()} of this payment can be refunded at the most."
        raise InvalidError(text, {"amount": [text]})
    return amount

"""The rows of movements: written as all their facts, folded, tell them."""

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from hub.core.ledger.movements import Folded, Key
from hub.core.models import Movement, Payment
from hub.sdk.money import Money


def find_payment(session: Session, provider: str, reference: str) -> Payment | None:
    return session.scalars(
        select(Payment).where(
            Payment.provider == provider, Payment.reference == reference
        )
    ).first()


def payment_of(session: Session, key: Key) -> Payment | None:
    """The payment a movement belongs to so far."""
    return session.scalars(
        select(Payment)
        .join(Movement, Movement.payment_id == Payment.id)
        .where(_is(key))
    ).first()


def put(
    session: Session,
    key: Key,
    folded: Folded | None,
    payment: Payment | None,
    payout_id: str | None = None,
) -> bool:
    """Write the movement's row as the facts tell it; True if anything changed."""
    movement = session.scalars(select(Movement).where(_is(key))).first()
    if folded is None:
        if movement is not None:
            session.delete(movement)
            session.flush()
        return movement is not None
    values = _values(key, folded) | {
        "payment_id": payment.id if payment else None,
        "payout_id": payout_id,
    }
    if movement is None:
        identity = vars(key)
        session.add(Movement(**identity, **values))
        session.flush()
        return True
    changed = [name for name in values if getattr(movement, name) != values[name]]
    for name in changed:
        setattr(movement, name, values[name])
    session.flush()
    return bool(changed)


def _is(key: Key) -> ColumnElement[bool]:
    return (
        (Movement.provider == key.provider)
        & (Movement.kind == key.kind)
        & (Movement.reference == key.reference)
    )


def _values(key: Key, folded: Folded) -> dict[str, Any]:
    amount = folded.amount or Money(0, "")
    return {
        "connection_id": folded.connection_id,
        "payment_reference": folded.payment or key.reference,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "state": folded.state,
        "as_of": folded.as_of,
        "since": folded.since,
        "reason": folded.reason,
        "url": folded.url,
        "fee_minor": minor_of(folded.fee, amount.currency),
        "net_minor": minor_of(folded.net, amount.currency),
        "respond_by": folded.respond_by,
    }


def minor_of(money: Money | None, currency: str) -> int | None:
    """Fees in another currency than the money can't be set against it."""
    return money.minor if money and money.currency == currency else None

"""Settle the payments one fact moved, in one order, and say what became of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hub.core.ledger.balance import Before, Cause, settle, standing
from hub.core.ledger.movements import Folded, Key
from hub.core.models import FactRow, Payment
from hub.sdk.clock import iso


@dataclass(frozen=True)
class Booked:
    """What became of a fact: recorded, unchanged or parked, and where."""

    state: str
    subject: str | None = None


def standings(
    session: Session, payments: Iterable[Payment | None]
) -> dict[Payment, Before]:
    return {each: standing(session, each) for each in payments if each is not None}


def settle_all(
    session: Session, before: Mapping[Payment, Before], cause: Cause
) -> None:
    for payment, stood in sorted(before.items(), key=lambda item: item[0].id):
        settle(session, payment, stood, cause)


def cause_of_fact(key: Key, folded: Folded | None, row: FactRow) -> Cause:
    state = f"{folded.state}:{iso(folded.since)}" if folded else "withdrawn"
    return Cause(
        movement=f"{key.provider}:{key.kind}:{key.reference}:{state}",
        occurred_at=folded.as_of if folded else row.as_of,
        origin_id=row.connection_id,
        fact_id=row.id,
    )


def booked(changed: bool, payment: Payment) -> Booked:
    state = "recorded" if changed else "unchanged"
    return Booked(state, f"payment:{payment.id}")

"""One text to a client in a local day, by rows that only one delivery can hold.

The row is taken in the claim's transaction, before anything is sent, and stays with
its delivery through retries and crashes. What surely sent nothing gives it up.
"""

from collections.abc import Collection
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.core.models import DailySend, Delivery
from hub.core.rows import insert_new

_OVER = ("dead", "skipped")


def take(
    session: Session, delivery_id: str, subjects: Collection[str], day: date
) -> str | None:
    """Take the day of all these subjects for a delivery; None if it has them now,
    else the id of the delivery that has one already. Then it took none."""
    wanted = sorted(subjects)
    with session.begin_nested() as attempt:
        for subject in wanted:
            holder = _taken(session, delivery_id, subject, day)
            if holder is not None:
                attempt.rollback()
                return holder
    return None


def _taken(session: Session, delivery_id: str, subject: str, day: date) -> str | None:
    row = {"subject": subject, "day": day, "delivery_id": delivery_id}
    insert_new(
        session,
        DailySend,
        [row],
        unique=("subject", "day"),
        returning=DailySend.subject,
    )
    holder = session.scalars(
        select(DailySend.delivery_id)
        .where(DailySend.subject == subject, DailySend.day == day)
        .with_for_update()
    ).one()
    if holder == delivery_id:
        return None
    return None if _inherited(session, delivery_id, subject, day, holder) else holder


def _inherited(
    session: Session, delivery_id: str, subject: str, day: date, holder: str
) -> bool:
    """Take over from a delivery that is over and surely sent nothing."""
    unsent = select(Delivery.id).where(
        Delivery.id == holder, Delivery.state.in_(_OVER), Delivery.sent_at.is_(None)
    )
    if session.scalar(unsent) is None:
        return False
    session.execute(
        update(DailySend)
        .where(DailySend.subject == subject, DailySend.day == day)
        .values(delivery_id=delivery_id)
        .execution_options(synchronize_session=False)
    )
    return True

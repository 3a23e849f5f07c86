"""What the feed reads: short reads by key, no connection held in between (ROAD 36)."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.core.models import Notification, User

__all__ = ["Notification", "above", "between", "epochs", "newest", "shown", "unread"]

_BATCH = 500


def above(session: Session, mark: int, limit: int) -> Sequence[Notification]:
    """Everybody's rows above the mark, oldest first."""
    wanted = select(Notification).where(Notification.id > mark)
    return session.scalars(wanted.order_by(Notification.id).limit(limit)).all()


def between(
    session: Session, user_id: str, after: int, upto: int, limit: int
) -> Sequence[Notification]:
    """One user's rows after the one id up to the other, oldest first."""
    wanted = select(Notification).where(
        Notification.user_id == user_id,
        Notification.id > after,
        Notification.id <= upto,
    )
    return session.scalars(wanted.order_by(Notification.id).limit(limit)).all()


def newest(
    session: Session, user_id: str | None = None, upto: int | None = None
) -> int:
    """The newest id, of all or of one user and not above `upto`; 0 if none."""
    wanted = select(func.max(Notification.id))
    if user_id is not None:
        wanted = wanted.where(Notification.user_id == user_id)
    if upto is not None:
        wanted = wanted.where(Notification.id <= upto)
    return session.scalar(wanted) or 0


def unread(session: Session, users: Sequence[str]) -> dict[str, int]:
    """How many notifications each of these users has not read."""
    counts = dict.fromkeys(users, 0)
    for start in range(0, len(users), _BATCH):
        found = session.execute(
            select(Notification.user_id, func.count())
            .where(
                Notification.user_id.in_(users[start : start + _BATCH]),
                Notification.read_at.is_(None),
            )
            .group_by(Notification.user_id)
        )
        counts.update({user: count for user, count in found})
    return counts


def epochs(session: Session, users: Collection[str]) -> dict[str, int]:
    """The session epochs of those of these users who are active."""
    found: dict[str, int] = {}
    listed = sorted(users)
    for start in range(0, len(listed), _BATCH):
        batch = listed[start : start + _BATCH]
        rows = session.execute(
            select(User.id, User.session_epoch).where(User.id.in_(batch), User.active)
        )
        found.update({user: epoch for user, epoch in rows})
    return found


def shown(row: Notification) -> dict[str, Any]:
    """A notification as feed and page scripts get it."""
    return {
        "id": row.id,
        "type": row.type,
        "title": row.title,
        "body": row.body,
        "url": row.url,
        "data": row.data,
        "created_at": row.created_at.isoformat(),
        "read_at": row.read_at.isoformat() if row.read_at else None,
    }

"""Notifications: what a person sees in the hub. After publish, before the feed.

Rows are written last in the transaction, their ids taken in commit order (ROAD 37),
and the feed's bell is rung after the commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from hub.core.models import Event, Notification, User
from hub.core.policy import preferences
from hub.core.rows import insert_new
from hub.core.wording import wording
from hub.db import at_end, lock_for_order
from hub.jobs import ring_feed_after
from hub.sdk.clock import now
from hub.sdk.errors import NotFoundError

ORDER_LOCK = 7_202  # events and notifications: whoever takes ids commits in order
STAFF = ("admin", "billing")
_PENDING = "hub.notifications"


@dataclass(frozen=True, kw_only=True)
class _Note:
    key: str
    type: str
    title: str
    body: str
    url: str
    data: Mapping[str, Any]
    user_id: str | None = None
    roles: Sequence[str] = field(default=STAFF)
    event_id: int | None = None


def notify(  # noqa: PLR0913 - a notification has these parts
    session: Session,
    user_id: str,
    type: str,
    data: Mapping[str, Any],
    *,
    title: str,
    body: str = "",
    url: str = "",
    key: str,
) -> None:
    """Notify one user, once per `key`; it appears when the transaction commits."""
    note = _Note(
        user_id=user_id,
        type=type,
        data=data,
        title=title,
        body=body,
        url=url,
        key=key,
    )
    _add(session, note)


def notify_staff(  # noqa: PLR0913 - a notification has these parts
    session: Session,
    type: str,
    data: Mapping[str, Any],
    *,
    title: str,
    body: str = "",
    url: str = "",
    key: str,
    roles: Sequence[str] = STAFF,
) -> None:
    """Notify all active users (service users too) of these roles, once per `key`."""
    note = _Note(
        type=type, data=data, title=title, body=body, url=url, key=key, roles=roles
    )
    _add(session, note)


def notify_of(session: Session, event: Event) -> None:
    """Tell people of an event they care about and have not muted; the event has its
    id already."""
    words = wording(event.type, event.data)
    if words is None:
        return
    note = _Note(
        key=f"event:{event.id}",
        type=event.type,
        title=words.title,
        body=words.body,
        url=event.url,
        data=event.data,
        roles=words.roles,
        event_id=event.id,
    )
    _add(session, note)


def unread_count(session: Session, user_id: str) -> int:
    """How many notifications this user has not read."""
    count = select(func.count()).select_from(Notification)
    return session.scalar(count.where(*_unread(user_id))) or 0


def listed(
    session: Session,
    user_id: str,
    *,
    unread: bool = False,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Notification]:
    """A user's notifications, newest first; `before` is the id to go on from."""
    wanted = select(Notification).where(Notification.user_id == user_id)
    if unread:
        wanted = wanted.where(Notification.read_at.is_(None))
    if before is not None:
        wanted = wanted.where(Notification.id < before)
    return session.scalars(wanted.order_by(Notification.id.desc()).limit(limit)).all()


def since(
    session: Session, user_id: str, after: int, *, limit: int = 200
) -> Sequence[Notification]:
    """A user's notifications above an id, oldest first: what a feed resumes with."""
    wanted = select(Notification).where(
        Notification.user_id == user_id, Notification.id > after
    )
    return session.scalars(wanted.order_by(Notification.id).limit(limit)).all()


def last_id(session: Session, user_id: str) -> int:
    """The newest notification's id of this user, 0 if there is none."""
    newest = select(func.max(Notification.id)).where(Notification.user_id == user_id)
    return session.scalar(newest) or 0


def mark_read(session: Session, user_id: str, id: int) -> Notification:
    """Mark one of this user's notifications as read; doing it again is no error."""
    found = session.get(Notification, id)
    if found is None or found.user_id != user_id:
        raise NotFoundError(f"There is no notification {id} of yours.")
    if found.read_at is None:
        found.read_at = now()
        ring_feed_after(session, user_id)
    return found


def mark_all_read(session: Session, user_id: str) -> int:
    """Mark all of this user's notifications as read; returns how many were not."""
    done = session.execute(
        update(Notification)
        .where(*_unread(user_id))
        .values(read_at=now())
        .returning(Notification.id)
    )
    count = len(done.all())
    if count:
        ring_feed_after(session, user_id)
    return count


def _unread(user_id: str) -> tuple[ColumnElement[bool], ...]:
    return Notification.user_id == user_id, Notification.read_at.is_(None)


def _add(session: Session, note: _Note) -> None:
    session.info.setdefault(_PENDING, []).append(note)
    at_end(session, _PENDING, _flush)


def _flush(session: Session) -> None:
    notes: list[_Note] = session.info.pop(_PENDING, [])
    people = session.execute(
        select(User.id, User.role, User.preferences)
        .where(User.active)
        .order_by(User.id)
    ).all()
    muted = {id: preferences.muted(chosen) for id, _, chosen in people}
    rows = [
        _row(note, user_id)
        for note in notes
        for user_id, role, _ in people
        if note.user_id == user_id or (note.user_id is None and role in note.roles)
        if note.event_id is None or note.type not in muted[user_id]
    ]
    if not rows:
        return
    lock_for_order(session, ORDER_LOCK)
    if insert_new(session, Notification, rows, unique=("user_id", "key")):
        ring_feed_after(session)


def _row(note: _Note, user_id: str) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "key": note.key,
        "type": note.type,
        "title": note.title,
        "body": note.body,
        "url": note.url,
        "data": dict(note.data),
        "event_id": note.event_id,
        "created_at": now(),
    }

"""Tell admins that webhooks of a connection fail for good: once a day for each
connection, however many there are."""

from typing import Final
from urllib.parse import urlencode

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.models import Connection, Notification, User
from hub.core.notify import notify_staff
from hub.sdk.clock import now

_ROLE: Final = "admin"
_LONGEST: Final = 300


def tell(session: Session, connection_id: str, problem: str) -> None:
    """Note that a webhook failed for good; `problem` holds no secret."""
    key = f"webhooks.failing:{connection_id}:{now():%Y-%m-%d}"
    if _is_told(session, key):
        return  # a thousand that fail needn't wait for one another
    connection = session.get_one(Connection, connection_id)
    chosen = urlencode({"state": "failed", "connection": connection.slug})
    short = problem[:_LONGEST]
    notify_staff(
        session,
        "webhooks.failing",
        {"connection": connection.slug, "problem": short},
        title=f"Webhooks of {connection.slug} fail",
        body=f"{short} They are kept: replay them once it is mended.",
        url=hub_of(session).url(f"/webhooks?{chosen}"),
        key=key,
        roles=(_ROLE,),
    )


def _is_told(session: Session, key: str) -> bool:
    admins = select(User.id).where(User.role == _ROLE, User.active)
    told = exists().where(Notification.user_id.in_(admins), Notification.key == key)
    return bool(session.scalar(select(told)))

"""Tell people of an outage: once when it starts and once when it ends (ROAD 21).

The rows are opened and closed by `breaker`; here they become events. Runs in every
deliver process right after it wrote such a row, and as a duty.
"""

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from hub.boot import Hub, hub_of
from hub.core.models import Connection, Outage
from hub.core.publish import publish
from hub.sdk.clock import iso
from hub.sdk.errors import HubError

_RECOVERED = "recovered"


def tell(hub: Hub) -> int:
    """Publish what is not told yet; returns how many outages moved on."""
    with hub.read() as session:
        if session.scalar(select(Outage.id).where(_untold()).limit(1)) is None:
            return 0
    with hub.write() as session:
        found = session.execute(
            select(Outage, Connection)
            .join(Connection, Connection.id == Outage.connection_id)
            .where(_untold())
            .order_by(Outage.started_at)
            .with_for_update(of=Outage, skip_locked=True)
        ).all()
        for outage, connection in found:
            _tell(session, outage, connection)
    return len(found)


def _untold() -> ColumnElement[bool]:
    over = and_(Outage.ended_at.is_not(None), Outage.told != _RECOVERED)
    open_ = and_(Outage.ended_at.is_(None), Outage.told != Outage.kind)
    return or_(over, open_)


def _tell(session: Session, outage: Outage, connection: Connection) -> None:
    news = _RECOVERED if outage.ended_at else outage.kind
    told, outage.told = outage.told, news
    if news == _RECOVERED and not told:
        return  # it was over before anybody heard of it
    publish(
        session,
        f"connection.{'recovered' if news == _RECOVERED else 'failing'}",
        subject=f"connection:{connection.id}",
        key=f"outage:{outage.id}:{news}",
        data={
            "company": None,
            "connection": connection.slug,
            "plugin": connection.plugin,
            "title": _title(session, connection),
            "problem": "" if news == _RECOVERED else outage.reason,
            "since": iso(outage.started_at),
        },
        origin_id=connection.id,
    )


def _title(session: Session, connection: Connection) -> str:
    try:
        title = hub_of(session).plugins.provider(connection.plugin).title
    except HubError:
        title = connection.plugin
    named_after_it = connection.slug == connection.plugin
    return title if named_after_it else f"{title} ({connection.slug})"

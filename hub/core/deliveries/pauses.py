"""The 72 hours of a delivery stand still while its connection is held (ROAD 19).

Nothing is stored on the deliveries themselves, which may be 100,000: only on the few
that were tried already, when the connection works again.
"""

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session

from hub.core.deliveries.unfinished import is_due
from hub.core.models import Connection, Delivery, PluginSwitch
from hub.core.models.connection import WORKING
from hub.sdk import clock

_BATCH = 1_000


def is_held() -> ColumnElement[bool]:
    """A connection whose deliveries wait: it, or its plugin, is not in use."""
    works = exists().where(
        PluginSwitch.name == Connection.plugin,
        PluginSwitch.enabled,
        PluginSwitch.quarantined_at.is_(None),
    )
    return or_(Connection.state.not_in(WORKING), ~works)


def untimed() -> ColumnElement[bool]:
    """A held connection nobody has noticed yet."""
    return and_(is_held(), Connection.paused_at.is_(None), Connection.state != "setup")


def note(session: Session) -> int:
    """Write down since when connections are held; a duty does it every few seconds."""
    done = session.execute(
        update(Connection)
        .where(untimed())
        .values(paused_at=clock.now(), updated_at=Connection.updated_at)
        .returning(Connection.id)
        .execution_options(synchronize_session=False)
    )
    return len(done.all())


def resume(session: Session, connection: Connection) -> None:
    """Give back the time a connection was held; called before its next claim."""
    if connection.paused_at is None:
        return
    pause = clock.now() - connection.paused_at
    connection.paused_at = None
    tried = session.execute(
        select(Delivery.id, Delivery.deadline).where(
            Delivery.connection_id == connection.id,
            is_due,
        )
    ).all()
    rows = [
        {"b_id": id, "deadline": deadline + pause} for id, deadline in tried if deadline
    ]
    later = update(Delivery).where(Delivery.id == bindparam("b_id"))
    for start in range(0, len(rows), _BATCH):
        session.connection().execute(later, rows[start : start + _BATCH])

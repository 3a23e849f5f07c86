"""One delivery per target: a connection whose settings name several is told once at
each, and a retry of one never doubles the others (ROAD 15)."""

from datetime import datetime
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from hub.core.configuration.live import LiveConnection
from hub.core.deliveries.unfinished import is_due
from hub.core.models import Delivery, new_id
from hub.core.rows import insert_new

_MOST = 1000  # in one transaction (ROAD 34)
_UNIQUE = ("event_id", "connection_id", "hook", "target", "copy")


def expand(session: Session, connection: LiveConnection, at: datetime) -> None:
    """Make one delivery per target of each that is due, has none and was never tried.
    The caller holds the connection's row."""
    targets = _named(connection)
    if not targets:
        return
    found = session.scalars(
        select(Delivery)
        .where(
            is_due,
            Delivery.connection_id == connection.id,
            Delivery.target == "",
            Delivery.attempts == 0,
            Delivery.next_attempt_at <= at,
        )
        .order_by(Delivery.next_attempt_at, Delivery.position)
        .limit(_MOST)
        .with_for_update(of=Delivery, skip_locked=True)
    ).all()
    first, *others = targets
    rows = [_copied(each, target) for each in found for target in others]
    for each in found:
        each.target = first
    session.flush()
    for each in found:
        session.expunge(each)  # the claim reads it anew
    if rows:
        insert_new(session, Delivery, rows, unique=_UNIQUE)


def _named(connection: LiveConnection) -> list[str]:
    """The targets its settings name, [] if they can't be read: the hook itself then
    says what is wrong with them."""
    provider = connection.provider
    if provider is None or provider.targets is None:
        return []
    try:
        found = provider.targets(connection.settings)
    except Exception:  # a plugin may raise anything
        return []
    return list(dict.fromkeys(str(each) for each in found if each))


def _copied(delivery: Delivery, target: str) -> dict[str, Any]:
    columns = inspect(Delivery).column_attrs.keys()
    row = {name: getattr(delivery, name) for name in columns}
    return row | {"id": new_id("dlv"), "target": target}

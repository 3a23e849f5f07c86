"""Look which connections may be sent something right now (ROAD 8 of the laws, 20, 21).

It only reads; `claims` asks the same again under the connection's lock.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    TextClause,
    and_,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import buckets
from hub.core.configuration.live import LiveConnection, live
from hub.core.deliveries import budgets
from hub.core.deliveries.unfinished import (
    is_due,
    is_retrying,
    is_sending,
    is_suspect,
)
from hub.core.models import Connection, Delivery, Outage, PluginSwitch
from hub.core.models.connection import WORKING
from hub.sdk import clock
from hub.sdk.errors import NotFoundError


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A connection that has something to send.

    `room` is how many slots its budget leaves of the `most` it may use at once.
    With an outage it is to be probed, by one delivery. `suspect`: something is due
    that was lost twice, and may be what ends our processes. `live`: its settings.
    """

    connection_id: str
    most: int
    room: int
    rate: float
    outage_id: str | None
    suspect: bool
    live: LiveConnection


def look(session: Session, hub: Hub) -> list[Ready]:
    """Find the connections that may be sent something right now."""
    moment = clock.now()
    ours = Delivery.connection_id == Connection.id
    live_now = select(func.count()).where(ours, is_sending)
    found = session.execute(
        select(
            Connection.id,
            live_now.scalar_subquery(),
            Outage.id,
            exists().where(ours, *_due(moment), is_suspect),
        )
        .outerjoin(
            Outage,
            and_(Outage.connection_id == Connection.id, Outage.ended_at.is_(None)),
        )
        .where(
            *is_open(moment),
            or_(
                and_(Outage.id.is_(None), exists().where(ours, *_due(moment))),
                and_(
                    Outage.next_probe_at <= moment,
                    exists().where(ours, is_due, is_probe(moment)),
                ),
            ),
        )
        .order_by(Connection.id)
    ).all()
    ready = (_ready(session, hub, *row) for row in found)
    return [each for each in ready if each is not None and each.room > 0]


def _due(moment: datetime) -> tuple[TextClause, ColumnElement[bool]]:
    return is_due, Delivery.next_attempt_at <= moment


def is_probe(moment: datetime) -> ColumnElement[bool]:
    """What may tell of a recovery: it needn't wait for its own next try. What was
    never tried waits for its time: a digest, or the end of a night."""
    return or_(Delivery.next_attempt_at <= moment, is_retrying)


def is_open(moment: datetime) -> tuple[ColumnElement[bool], ...]:
    """A connection that may be called: in use, and not asked to wait."""
    return (
        Connection.state.in_(WORKING),
        or_(Connection.retry_at.is_(None), Connection.retry_at <= moment),
        exists().where(
            PluginSwitch.name == Connection.plugin,
            PluginSwitch.enabled,
            PluginSwitch.quarantined_at.is_(None),
        ),
    )


def _ready(
    session: Session,
    hub: Hub,
    connection_id: str,
    live_now: int,
    outage_id: str | None,
    suspect: bool,
) -> Ready | None:
    try:
        connection = live(hub).by_id(connection_id)
    except NotFoundError:
        return None
    provider = connection.provider
    if provider is None or connection.error:
        return None  # held: its plugin is broken here, or a setting wrong
    most = budgets.concurrency(provider.budget, connection.rate_limit)
    room = most - live_now
    today = budgets.left_today(session, connection_id, provider.budget)
    return Ready(
        connection_id=connection_id,
        most=most,
        room=room if today is None else min(room, today - live_now),
        rate=buckets.rate(provider.budget, connection.rate_limit),
        outage_id=outage_id,
        suspect=suspect,
        live=connection,
    )

"""Which deliveries of a connection may be claimed, in which order (ROAD 16, 18)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import aliased

from hub.core.deliveries.readiness import Ready, is_open, is_probe
from hub.core.deliveries.unfinished import UNFINISHED, is_due
from hub.core.models import Connection, Delivery, Outage


def candidates(ready: Ready, moment: datetime) -> Select[Any]:
    """Those that are due, and before which none of the same subject and target is
    unfinished; the rows are locked."""
    id = ready.connection_id
    older = aliased(Delivery)
    blocked = exists().where(
        older.connection_id == Delivery.connection_id,
        older.subject == Delivery.subject,
        older.target == Delivery.target,
        older.position < Delivery.position,
        older.state.in_(UNFINISHED),
    )
    in_use = exists().where(Connection.id == id, *is_open(moment))
    broken = exists().where(Outage.connection_id == id, Outage.ended_at.is_(None))
    probing = ready.outage_id is not None
    due = is_probe(moment) if probing else Delivery.next_attempt_at <= moment
    return (
        select(Delivery.id)
        .where(
            Delivery.connection_id == id,
            is_due,
            due,
            in_use,
            ~blocked,
            broken if probing else ~broken,
        )
        .order_by(Delivery.next_attempt_at, Delivery.position)
        .with_for_update(skip_locked=True, of=Delivery)
    )

"""What the start page shows: the last day, and what waits for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from hub.core.models import Connection, Delivery, InboundWebhook, Invoice, Payment
from hub.sdk.clock import now

HOURS = 24
_STUCK = ("dead", "in_doubt")
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Hour:
    """What happened in one hour."""

    start: datetime
    webhooks: int
    deliveries: int
    failures: int


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Some of what waits for a person, and how many there are."""

    rows: Sequence[Any]
    count: int


def last_day(session: Session) -> tuple[Hour, ...]:
    """Webhooks, deliveries and failures of the last 24 hours, hour by hour."""
    current = now().replace(minute=0, second=0, microsecond=0)
    starts = [current - timedelta(hours=HOURS - 1 - n) for n in range(HOURS)]
    heard = _per_hour(session, InboundWebhook.received_at, starts)
    misheard = _per_hour(
        session,
        InboundWebhook.received_at,
        starts,
        InboundWebhook.state == "failed",
    )
    delivered = _per_hour(session, Delivery.created_at, starts)
    failed = _per_hour(session, Delivery.created_at, starts, Delivery.state.in_(_STUCK))
    return tuple(
        Hour(start=start, webhooks=a, deliveries=b, failures=c + d)
        for start, a, b, c, d in zip(
            starts, heard, delivered, misheard, failed, strict=True
        )
    )


def unmatched(session: Session) -> Waiting:
    """Money that needs a person."""
    wanted = select(Payment).where(Payment.attention.is_not(None))
    return _waiting(session, wanted, Payment.created_at)


def stuck_deliveries(session: Session) -> Waiting:
    """Deliveries that were given up or may have been carried out."""
    wanted = (
        select(Delivery)
        .options(selectinload(Delivery.event))
        .join(Connection, Connection.id == Delivery.connection_id)
        .where(Delivery.state.in_(_STUCK), Connection.removed_at.is_(None))
    )
    return _waiting(session, wanted, Delivery.created_at)


def failed_webhooks(session: Session) -> Waiting:
    """Webhooks nobody could understand, and that weren't understood in a replay."""
    again = select(InboundWebhook.replay_of).where(
        InboundWebhook.replay_of.is_not(None), InboundWebhook.state == "processed"
    )
    wanted = select(InboundWebhook).where(
        InboundWebhook.state == "failed",
        InboundWebhook.id.not_in(again),
        or_(InboundWebhook.replay_of.is_(None), InboundWebhook.replay_of.not_in(again)),
    )
    return _waiting(session, wanted, InboundWebhook.received_at)


def payable(session: Session, limit: int = 6) -> Sequence[Invoice]:
    """Invoices that a client may pay, those due first before others."""
    return session.scalars(
        select(Invoice)
        .options(selectinload(Invoice.company))
        .where(Invoice.state.in_(("open", "partially_paid")), Invoice.open_minor > 0)
        .order_by(Invoice.due_date, Invoice.id)
        .limit(limit)
    ).all()


def connection_names(session: Session) -> dict[str, str]:
    """The slugs of all connections by id; those removed say so."""
    found = session.execute(
        select(Connection.id, Connection.slug, Connection.removed_at)
    )
    return {
        id: slug if removed is None else f"{slug.partition('.')[0]} (removed)"
        for id, slug, removed in found
    }


def _waiting(
    session: Session, wanted: Select[Any], order: InstrumentedAttribute[datetime]
) -> Waiting:
    count = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    rows = session.scalars(wanted.order_by(order.desc()).limit(_SHOWN)).all()
    return Waiting(rows=rows, count=count)


def _per_hour(
    session: Session,
    moment: InstrumentedAttribute[datetime],
    starts: Sequence[datetime],
    *conditions: Any,
) -> Sequence[int]:
    hour = timedelta(hours=1)
    columns = [
        func.count(case((and_(moment >= start, moment < start + hour), 1)))
        for start in starts
    ]
    found = session.execute(select(*columns).where(moment >= starts[0], *conditions))
    return found.one()

"""What came all at once for one chat is told in one message: "14 invoices became
overdue", not 14 cards."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Row, TextClause, func, select, update
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.deliveries.unfinished import is_due
from hub.core.models import Connection, Delivery, Event
from hub.core.policy import digests, kinds, rules
from hub.core.policy.rules import Rules
from hub.sdk.events import EVENT_TYPES, hook_of
from hub.sdk.provider import Provider

FEWEST = 5
_MOST = 1000  # in one transaction (ROAD 34)
_GROUPED: Final = {
    hook_of(type): type for type in EVENT_TYPES if type not in kinds.CRITICAL
}


def group(session: Session, hub: Hub, connection: Connection, at: datetime) -> None:
    """Put what waits for one hook and target, never tried, into a digest that is due
    now. The caller holds the connection's row: nobody else claims of it meanwhile."""
    provider = hub.plugins.provider(connection.plugin)
    if not provider.summarises or not hub.plugins.has(connection.plugin, digests.SEND):
        return
    hooks = sorted(_GROUPED.keys() - set(connection.hooks_off))
    waiting = session.execute(
        select(Delivery.hook, Delivery.target)
        .where(*_fresh(connection.id, at), Delivery.hook.in_(hooks))
        .group_by(Delivery.hook, Delivery.target)
        .having(func.count() >= FEWEST)
        .order_by(Delivery.hook, Delivery.target)
    ).all()
    decided = rules.load(session, (connection.id,)) if waiting else Rules({})
    for hook, target in waiting:
        if decided.forbid(connection.id, _GROUPED[hook], "channel"):
            continue  # each is put aside with that reason
        _group(session, provider, connection.id, hook, target, at)


def _fresh(
    connection_id: str, at: datetime
) -> tuple[ColumnElement[bool] | TextClause, ...]:
    """Never tried, and not what a person asked for again."""
    return (
        is_due,
        Delivery.connection_id == connection_id,
        Delivery.state == "pending",
        Delivery.next_attempt_at <= at,
        Delivery.attempts == 0,
        Delivery.copy == "",
        Delivery.audience == "channel",
        Delivery.event_id.is_not(None),
    )


def _group(
    session: Session,
    provider: Provider,
    connection_id: str,
    hook: str,
    target: str,
    at: datetime,
) -> None:
    type = _GROUPED[hook]
    found = _items(session, provider, connection_id, hook, target, at)
    if len(found) < FEWEST:
        return
    row = {
        "connection_id": connection_id,
        "target": target,
        "audience": "channel",
        "user_id": None,
        "position": found[0].position,
    }
    id = digests.begun(session, row, type, due_at=at, closed_at=at)
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_([each.id for each in found]))
        .values(
            state="skipped",
            reason="digest",
            explanation=f"Told in one message with {len(found) - 1} others.",
            digest_id=id,
            next_attempt_at=None,
            finished_at=at,
        )
        .execution_options(synchronize_session=False)
    )


def _items(
    session: Session,
    provider: Provider,
    connection_id: str,
    hook: str,
    target: str,
    at: datetime,
) -> Sequence[Row[str, int]]:
    """What is too old is told in no digest either (ROAD 19)."""
    wanted = (
        select(Delivery.id, Delivery.position)
        .join(Event, Event.id == Delivery.event_id)
        .where(
            *_fresh(connection_id, at),
            Delivery.hook == hook,
            Delivery.target == target,
        )
        .order_by(Delivery.position)
        .limit(_MOST)
        .with_for_update(of=Delivery, skip_locked=True)
    )
    age = provider.max_age.get(_GROUPED[hook], provider.max_age.get("*"))
    if age is not None:
        wanted = wanted.where(Event.created_at >= at - age)
    return session.execute(wanted).all()

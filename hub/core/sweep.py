"""Sweep: what a dead process left behind goes on (ROAD 16, 26); what is due is rung
for, in case the ring was lost with Redis. A duty runs it every second or two.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session, aliased

from hub.boot import Hub, hub_of
from hub.core.configuration import quarantine
from hub.core.configuration.quarantine import MOST_LOST
from hub.core.deliveries import outcomes, pauses, readiness
from hub.core.deliveries.outcomes import Outcome, Try
from hub.core.deliveries.sending import is_marked
from hub.core.deliveries.unfinished import is_due, is_sending
from hub.core.models import Attempt, Connection, Delivery
from hub.core.webhooks import claims as webhook_claims
from hub.sdk import clock
from hub.sdk.provider import Provider

_BATCH = 500
_log = structlog.get_logger("hub.sweep")


def run(hub: Hub) -> int:
    """Do one round; returns how many lost deliveries were taken up."""
    expired = Delivery.lease_until < clock.now()
    count = _take_up(hub, expired)
    _skip_removed(hub)
    _note_pauses(hub)
    _ring(hub)
    return count


def _skip_removed(hub: Hub) -> None:
    """A try was under way while its connection was removed: nothing follows it."""
    gone = select(Connection.id).where(Connection.removed_at.is_not(None))
    left_over = (is_due, Delivery.connection_id.in_(gone))
    with hub.read() as session:
        if session.scalar(select(Delivery.id).where(*left_over).limit(1)) is None:
            return
    with hub.write() as session:
        session.execute(
            update(Delivery)
            .where(*left_over)
            .values(
                state="skipped",
                reason="connection removed",
                explanation="Not sent: its connection was removed.",
                finished_at=clock.now(),
            )
            .execution_options(synchronize_session=False)
        )


def lost(hub: Hub, worker: str) -> int:
    """Take up at once what this worker held: it is known to have ended."""
    with hub.write() as session:
        webhook_claims.take_up(session, worker)
    running = aliased(Attempt)
    theirs = exists().where(
        running.delivery_id == Delivery.id,
        running.claim == Delivery.claim,
        running.worker == worker,
    )
    return _take_up(hub, theirs)


def _take_up(hub: Hub, which: ColumnElement[bool]) -> int:
    count = 0
    while True:
        with hub.read() as session:
            wanted = select(Delivery.id).where(is_sending, which)
            if session.scalar(wanted.limit(1)) is None:
                return count
        with hub.write() as session:
            taken = _lost_rows(session, which)
            for delivery, attempt, connection in taken:
                _lose(session, delivery, attempt, connection)
        count += len(taken)
        if len(taken) < _BATCH:
            return count


def _lost_rows(
    session: Session, which: ColumnElement[bool]
) -> Sequence[tuple[Delivery, Attempt, Connection]]:
    found = session.execute(
        select(Delivery, Attempt, Connection)
        .join(
            Attempt,
            (Attempt.delivery_id == Delivery.id) & (Attempt.claim == Delivery.claim),
        )
        .join(Connection, Connection.id == Delivery.connection_id)
        .where(is_sending, which)
        .order_by(Delivery.id)
        .limit(_BATCH)
        .with_for_update(of=Delivery, skip_locked=True)
    )
    return [(row[0], row[1], row[2]) for row in found]


def _lose(
    session: Session, delivery: Delivery, attempt: Attempt, connection: Connection
) -> None:
    moment = clock.now()
    delivery.lost_leases += 1
    delivery.sent_at = _sent_at(session, delivery, attempt, connection)
    outcome = _outcome(session, delivery, connection, moment)
    delivery.claim = delivery.lease_until = None
    delivery.state, delivery.reason = outcome.state, outcome.error
    retrying = outcome.state == "retrying"
    delivery.next_attempt_at = moment + outcome.wait if retrying else None
    delivery.finished_at = moment if outcome.state == "dead" else None
    attempt.finished_at, attempt.outcome = moment, outcome.word
    attempt.error = outcome.error
    _log.warning(
        "delivery.lost",
        delivery_id=delivery.id,
        connection=connection.slug,
        times=delivery.lost_leases,
        state=delivery.state,
    )
    if delivery.lost_leases >= MOST_LOST:
        quarantine.hold(session, connection)


def _provider(session: Session, plugin: str) -> Provider | None:
    plugins = hub_of(session).plugins
    has = plugins.has(plugin, "describe_provider")
    return plugins.provider(plugin) if has else None


def _can_look(session: Session, plugin: str) -> bool:
    return hub_of(session).plugins.has(plugin, "find_made")


def _sent_at(
    session: Session, delivery: Delivery, attempt: Attempt, connection: Connection
) -> datetime | None:
    """Since when the provider may have it: by the mark where one is made before
    bytes leave, else a claim counts as sent."""
    provider = _provider(session, connection.plugin)
    if provider and is_marked(provider, _can_look(session, connection.plugin)):
        return delivery.sent_at
    return delivery.sent_at or attempt.started_at


def _outcome(
    session: Session, delivery: Delivery, connection: Connection, at: datetime
) -> Outcome:
    if delivery.lost_leases >= MOST_LOST:
        return Outcome(state="dead", word="lost", error=_CRASHED)
    provider = _provider(session, connection.plugin)
    repeatable = provider is not None and outcomes.is_repeatable(
        provider,
        can_look=_can_look(session, connection.plugin),
        sent_at=delivery.sent_at,
        at=at,
    )
    this = Try(
        attempts=delivery.attempts,
        expired=delivery.deadline is not None and at >= delivery.deadline,
        repeatable=repeatable,
    )
    return outcomes.lost(this, sent=delivery.sent_at is not None)


_CRASHED = (
    f"Sending it ended {MOST_LOST} times without a result: its plugin probably crashes"
    " on it. Retry it once the plugin is mended and enabled again."
)


def _note_pauses(hub: Hub) -> None:
    with hub.read() as session:
        untimed = select(Connection.id).where(pauses.untimed()).limit(1)
        if session.scalar(untimed) is None:
            return
    with hub.write() as session:
        pauses.note(session)


def _ring(hub: Hub) -> None:
    with hub.read() as session:
        deliveries = bool(readiness.look(session, hub))
        webhooks = webhook_claims.any_due(session)
    if deliveries:
        hub.bell.ring("deliver")
    if webhooks:
        hub.bell.ring("process")

"""Claim deliveries of connections that are ready for some (ROAD 16, 18, 20).

A claim, its lease and the attempt's row commit before anything is sent. One claimer
at a time per connection (its row is locked on PostgreSQL, SQLite has one writer), so
order and concurrency hold however many workers there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    TextClause,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.deliveries import backoff, breaker, bursts, pauses, steps, targets
from hub.core.deliveries.admission import admitted
from hub.core.deliveries.candidates import candidates
from hub.core.deliveries.readiness import Ready, is_open
from hub.core.deliveries.steps import Steps
from hub.core.deliveries.unfinished import is_sending, is_suspect
from hub.core.models import (
    Attempt,
    Connection,
    Delivery,
    Event,
    new_id,
)
from hub.sdk import clock

# Renewed by the process that holds it; ROAD 39 wants 60 s of margin.
LEASE = timedelta(seconds=90)
# Leases lost; then one at a time, so that no other delivery is blamed with it.
ALONE_AFTER = 2


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """One delivery that is ours until its lease ends.

    `sent_at` is when an earlier try may have reached the provider without our
    knowing what became of it.
    """

    id: str
    claim: str
    connection_id: str
    slug: str
    plugin: str
    hook: str
    target: str
    sender: str
    event: Event | None
    message: Mapping[str, Any] | None
    attempt: int
    lost_leases: int
    steps: Steps
    sent_at: datetime | None
    deadline: datetime
    started_at: datetime


@dataclass(frozen=True)
class Take:
    """What a claim took: to be sent, and how many were put aside instead.

    `locked_out`: somebody else was at one of the connections just then.
    """

    claimed: Sequence[Claimed]
    aside: int
    locked_out: bool = False


NOTHING = Take((), 0)


def claim(
    session: Session,
    hub: Hub,
    ready: Iterable[Ready],
    wanted: Mapping[str, int],
    *,
    worker: str,
    suspect: bool = True,
) -> Take:
    """Take up to so many deliveries of each of these connections; at the most one
    `suspect`, and only if this process has none yet."""
    asked = {
        each.connection_id: each for each in ready if wanted.get(each.connection_id)
    }
    taker = _Taker(session, hub, new_id("clm"), suspect)
    claimed, aside = list[Claimed](), 0
    connections = _locked(session, list(asked))
    for connection in connections:
        pauses.resume(session, connection)
        each, id = asked[connection.id], connection.id
        count = min(wanted[id], each.most - _live(session, id))
        if each.outage_id is not None and count > 0:
            count = int(breaker.take_probe(session, each.outage_id, LEASE))
        if count > 0:
            _arrange(session, hub, connection, each)
        rows = taker.take(each, count)
        fit = [
            _claimed(*fitting, connection)
            for fitting in admitted(session, hub, connection, each.live, rows)
        ]
        if each.outage_id is not None and count > 0 and not fit:
            breaker.release_probe(session, each.outage_id)
        claimed += fit
        aside += len(rows) - len(fit)
    if claimed:
        session.execute(insert(Attempt), [_attempt(each, worker) for each in claimed])
    return Take(claimed, aside, locked_out=len(connections) < len(asked))


def renew(session: Session, held: Iterable[Claimed]) -> None:
    """Prolong the leases of what is still being sent."""
    ids = {each.id for each in held}
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids), Delivery.claim.in_({each.claim for each in held}))
        .values(lease_until=clock.now() + LEASE)
        .execution_options(synchronize_session=False)
    )


def _locked(session: Session, ids: list[str]) -> Sequence[Connection]:
    """Lock these, but for those which another worker is at or which are held now."""
    return session.scalars(
        select(Connection)
        .where(Connection.id.in_(ids), *is_open(clock.now()))
        .order_by(Connection.id)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()


def _live(session: Session, connection_id: str) -> int:
    """The slots in use, counted again under the lock."""
    count = select(func.count()).where(
        Delivery.connection_id == connection_id, is_sending
    )
    return session.scalar(count) or 0


@dataclass
class _Taker:
    session: Session
    hub: Hub
    token: str
    suspect: bool

    def take(self, ready: Ready, count: int) -> list[Delivery]:
        """Take up to so many deliveries of one connection, in their order."""
        taken: list[Delivery] = []
        if count > 0 and self.suspect and ready.suspect:
            taken += self._take(ready, 1, is_suspect)
            self.suspect = not taken
        if count > len(taken):
            left = count - len(taken)
            taken += self._take(ready, left, Delivery.lost_leases < ALONE_AFTER)
        return sorted(taken, key=lambda each: (each.position, each.created_at, each.id))

    def _take(
        self, ready: Ready, count: int, which: ColumnElement[bool] | TextClause
    ) -> Sequence[Delivery]:
        moment = clock.now()
        picked = candidates(ready, moment).where(which).limit(count).cte("picked")
        return self.session.scalars(
            update(Delivery)
            .where(Delivery.id.in_(select(picked.c.id)))
            .values(
                state="sending",
                claim=self.token,
                lease_until=moment + LEASE,
                attempts=Delivery.attempts + 1,
                deadline=func.coalesce(Delivery.deadline, moment + backoff.LASTING),
            )
            .returning(Delivery)
            .execution_options(synchronize_session=False)
        ).all()


def _arrange(session: Session, hub: Hub, connection: Connection, ready: Ready) -> None:
    """Before any is sent: many as one, then one for each target (ROAD 15)."""
    moment = clock.now()
    if ready.outage_id is None:
        bursts.group(session, hub, connection, moment)
    targets.expand(session, ready.live, moment)


def _claimed(
    delivery: Delivery, event: Event | None, sender: str, connection: Connection
) -> Claimed:
    moment = clock.now()
    return Claimed(
        id=delivery.id,
        claim=delivery.claim or "",
        connection_id=connection.id,
        slug=connection.slug,
        plugin=connection.plugin,
        hook=delivery.hook,
        target=delivery.target,
        sender=sender,
        event=event,
        message=delivery.message,
        attempt=delivery.attempts,
        lost_leases=delivery.lost_leases,
        steps=steps.load(delivery.steps),
        sent_at=delivery.sent_at,
        deadline=delivery.deadline or moment + backoff.LASTING,
        started_at=moment,
    )


def _attempt(claimed: Claimed, worker: str) -> dict[str, Any]:
    return {
        "id": new_id("att"),
        "delivery_id": claimed.id,
        "number": claimed.attempt,
        "claim": claimed.claim,
        "worker": worker,
        "started_at": claimed.started_at,
    }

"""The breaker: failures in a row open an outage, a success ends it (ROAD 21).

While one is open, only a probe goes to the provider. These are the rows; telling
people about them is `outages`, which stands before publish on the road.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.core.configuration.revision import bump
from hub.core.deliveries.unfinished import is_retrying
from hub.core.models import Charge, Connection, Delivery, InboundWebhook, Outage
from hub.core.models.connection import WORKING
from hub.jobs import ring_after
from hub.sdk.clock import now

OPENS_AT = 5  # failures in a row
PATIENCE = timedelta(hours=1)  # with a provider that only asks us to come back later
_FIRST_PROBE = timedelta(seconds=5)
_LONGEST_PROBE = timedelta(minutes=5)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What tries said about one connection, in the order in which they ended.

    `failures` are those after the last success; `reason` is the last one's error.
    Before `wait_until` it asked not to be called; `waits` is how it said so, if no
    success came after.
    """

    works: bool = False
    failures: int = 0
    reason: str = ""
    refused: str = ""
    gone: str = ""
    wait_until: datetime | None = None
    waits: str = ""


def note(session: Session, connection_id: str, signs: Signs) -> None:
    """Take the signs of some tries into account."""
    connection = _locked(session, connection_id)
    if connection is None:
        return
    if signs.works:
        _works(session, connection)
    if signs.failures:
        _fails(session, connection, signs.failures, signs.reason)
    _stop(session, connection, signs)
    if signs.wait_until and signs.wait_until > (connection.retry_at or _LONG_AGO):
        connection.retry_at = signs.wait_until
    if signs.waits:
        _waits(session, connection, signs.waits)
    if not signs.works and not signs.failures:
        _probe_again(session, connection)


def _stop(session: Session, connection: Connection, signs: Signs) -> None:
    if signs.refused:
        refuse(session, connection, signs.refused)
    if signs.gone:
        _give_up(session, connection, signs.gone)


def refuse(session: Session, connection: Connection, reason: str) -> None:
    """The provider refuses our credentials: hold the connection for a person."""
    if connection.state in WORKING:
        _move(session, connection, "needs_reauth", reason)
    outage = _open_outage(session, connection.id)
    if outage is None:
        _open(session, connection, "credentials", reason)
        return
    outage.kind, outage.reason = "credentials", reason


def _give_up(session: Session, connection: Connection, reason: str) -> None:
    """The endpoint is gone for good: nothing more is sent there, and admins hear."""
    outage = _open_outage(session, connection.id)
    if outage is None:
        _open(session, connection, "gone", reason)
    else:
        outage.kind, outage.reason = "gone", reason
    _move(session, connection, "disabled", reason)


def recovered(session: Session, connection: Connection) -> None:
    """Someone saw the connection work: a test, a sync, a delivery."""
    _works(session, connection)


def troubled(session: Session, ids: Collection[str]) -> set[str]:
    """Which of these connections have a failure or an outage to take back."""
    if not ids:
        return set()
    open_outage = select(Outage.connection_id).where(Outage.ended_at.is_(None))
    found = session.scalars(
        select(Connection.id).where(
            Connection.id.in_(ids),
            (Connection.failures > 0)
            | Connection.waiting_since.is_not(None)
            | Connection.id.in_(open_outage),
        )
    )
    return set(found)


def take_probe(session: Session, outage_id: str, lease: timedelta) -> bool:
    """True for the one that may probe now; the next may when it has failed, or after
    `lease` if nothing is heard of it."""
    moment = now()
    taken = session.execute(
        update(Outage)
        .where(
            Outage.id == outage_id,
            Outage.ended_at.is_(None),
            Outage.next_probe_at <= moment,
        )
        .values(next_probe_at=moment + lease)
        .returning(Outage.id)
    )
    return taken.first() is not None


def release_probe(session: Session, outage_id: str) -> None:
    """What was to probe is not sent after all: the next one may."""
    session.execute(
        update(Outage).where(Outage.id == outage_id).values(next_probe_at=now())
    )


def next_probe(failures: int, at: datetime) -> datetime:
    """When to try again after so many failed tries: 5 s, then ever more slowly."""
    doublings = min(max(failures, 0), 10)
    return at + min(_FIRST_PROBE * (1 << doublings), _LONGEST_PROBE)


def _locked(session: Session, connection_id: str) -> Connection | None:
    # Without the key-share lock this would hold up every insert that refers to it.
    return session.get(Connection, connection_id, with_for_update={"key_share": True})


def _probe_again(session: Session, connection: Connection) -> None:
    """The probe said nothing about the provider: another may soon."""
    outage = _open_outage(session, connection.id)
    if outage is not None:
        outage.next_probe_at = next_probe(0, now())


def _works(session: Session, connection: Connection) -> None:
    connection.failures, connection.waiting_since = 0, None
    outage = _open_outage(session, connection.id)
    # A try that ended well while another was refused says nothing of the repair.
    if outage is None or connection.state not in WORKING:
        return
    outage.ended_at = now()
    if connection.state == "degraded":
        _move(session, connection, "active", "")
    hurry(session, connection.id)


def _fails(session: Session, connection: Connection, count: int, reason: str) -> None:
    connection.failures += count
    outage = _open_outage(session, connection.id)
    if outage is not None:
        outage.failures += count
        outage.next_probe_at = next_probe(outage.failures - OPENS_AT, now())
        if outage.kind == "unavailable":
            outage.reason = reason
    elif connection.failures >= OPENS_AT:
        _open(session, connection, "unavailable", reason)
        if connection.state == "active":
            _move(session, connection, "degraded", reason)


def _waits(session: Session, connection: Connection, reason: str) -> None:
    """Who asks us to come back later without end is no better than who fails."""
    since = connection.waiting_since = connection.waiting_since or now()
    if now() - since < PATIENCE or connection.state not in WORKING:
        return
    if _open_outage(session, connection.id) is not None:
        return
    _open(session, connection, "unavailable", reason)
    if connection.state == "active":
        _move(session, connection, "degraded", reason)


def _open(session: Session, connection: Connection, kind: str, reason: str) -> None:
    session.add(
        Outage(
            connection_id=connection.id,
            started_at=now(),
            reason=reason,
            kind=kind,
            failures=connection.failures,
            next_probe_at=next_probe(0, now()),
        )
    )
    session.flush()


def _open_outage(session: Session, connection_id: str) -> Outage | None:
    return session.scalar(
        select(Outage).where(
            Outage.connection_id == connection_id, Outage.ended_at.is_(None)
        )
    )


_is_waiting_webhook = (InboundWebhook.state == "received") & (
    InboundWebhook.claim.is_(None)
)


def hurry(session: Session, connection_id: str) -> None:
    """What waited for its next try needn't wait any longer: deliveries, webhooks
    whose plugin had to ask the provider something (ROAD 10), open payments."""
    waiting = (
        (Delivery, is_retrying),
        (InboundWebhook, _is_waiting_webhook),
    )
    for table, unfinished in waiting:
        session.execute(
            update(table)
            .where(
                table.connection_id == connection_id,
                unfinished,
                table.next_attempt_at > now(),
            )
            .values(next_attempt_at=now())
            .execution_options(synchronize_session=False)
        )
    session.execute(
        update(Charge)
        .where(Charge.connection_id == connection_id, Charge.state == "open")
        .values(next_check_at=now())
        .execution_options(synchronize_session=False)
    )
    ring_after(session, "process")
    ring_after(session, "deliver")


def _move(session: Session, connection: Connection, state: str, problem: str) -> None:
    """Every process takes the new state within a second (ROAD 30)."""
    connection.state, connection.problem = state, problem
    bump(session)

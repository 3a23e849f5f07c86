"""Claims on inbound webhooks: lease, fence, and what a row looks like afterwards.

A claimed row stays `received`; its lease is its `next_attempt_at`, so a claim that
is never settled comes back by itself.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    exists,
    literal_column,
    not_,
    select,
    update,
)
from sqlalchemy.orm import Session

from hub.boot import Hub, hub_of
from hub.core.models import Connection, InboundWebhook, PluginSwitch, new_id
from hub.sdk.clock import now

LEASE = timedelta(seconds=120)  # a lane's time and the longest call, plus 60 s
BATCH = 50
# As a literal: with a bound value SQLite can't use the partial index.
_RECEIVED: ColumnElement[str] = literal_column("'received'")


class LostClaimError(Exception):
    """Somebody else has taken the row over: nothing of ours may be written."""


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What a claim ends with. `wait` puts the row back until then."""

    state: str
    error: str = ""
    event_types: str = ""
    wait: timedelta | None = None


def any_due(session: Session, busy: Collection[str] = ()) -> bool:
    """True if there is something to claim for connections that aren't `busy`."""
    due = _due(hub_of(session), busy)
    return bool(session.scalar(select(exists().where(*due))))


def claim(
    session: Session,
    busy: Collection[str] = (),
    worker: str = "",
    *,
    suspects: bool = True,
) -> Sequence[InboundWebhook]:
    """Take due webhooks for a worker, oldest first.

    One whose lease was lost comes alone: if it is the one that crashes the process,
    it must not take others with it again. Without `suspects` none of these comes.
    """
    lost = InboundWebhook.claim.is_not(None)
    token = f"{worker}/{new_id('clm')}"
    due = _due(hub_of(session), busy)
    found = _take(session, token, (*due, lost), 1) if suspects else ()
    return found or _take(session, token, (*due, not_(lost)), BATCH)


def renew(session: Session, rows: Sequence[InboundWebhook]) -> None:
    """Prolong the leases of claims that are still theirs."""
    lease = now() + LEASE
    session.execute(
        update(InboundWebhook)
        .where(
            InboundWebhook.id.in_([row.id for row in rows]),
            InboundWebhook.claim.in_([row.claim for row in rows]),
        )
        .values(lease_until=lease, next_attempt_at=lease)
        .execution_options(synchronize_session=False)
    )


def take_up(session: Session, worker: str) -> int:
    """Let what this worker holds be claimed at once: it is known to have ended."""
    held = session.scalars(
        update(InboundWebhook)
        .where(
            InboundWebhook.state == _RECEIVED,
            InboundWebhook.claim.startswith(f"{worker}/", autoescape=True),
        )
        .values(next_attempt_at=now())
        .returning(InboundWebhook.id)
        .execution_options(synchronize_session=False)
    )
    return len(held.all())


def check(session: Session, row: InboundWebhook) -> None:
    """Hold the row to the commit; LostClaimError if the claim isn't ours any more."""
    mine = (
        select(InboundWebhook.id)
        .where(InboundWebhook.id == row.id, InboundWebhook.claim == row.claim)
        .with_for_update()
    )
    if session.scalar(mine) is None:
        raise LostClaimError


def settle(session: Session, row: InboundWebhook, end: Settlement) -> None:
    """Write what came of a claim, if it is still ours (LostClaimError if not)."""
    at = now()
    again = end.wait is not None
    _write(
        session,
        row,
        state=end.state,
        error=end.error,
        event_types=end.event_types or row.event_types,
        next_attempt_at=at + end.wait if end.wait is not None else None,
        processed_at=None if again else at,
        lost_leases=0,
    )


def release(
    session: Session, row: InboundWebhook, until: datetime, error: str = ""
) -> None:
    """Put a row back that was claimed but not tried."""
    _write(
        session,
        row,
        attempts=row.attempts - 1,
        next_attempt_at=until,
        error=error or row.error,
    )


def _write(session: Session, row: InboundWebhook, **values: Any) -> None:
    written = session.scalar(
        update(InboundWebhook)
        .where(InboundWebhook.id == row.id, InboundWebhook.claim == row.claim)
        .values(claim=None, lease_until=None, **values)
        .returning(InboundWebhook.id)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        raise LostClaimError


def _take(
    session: Session, token: str, which: Sequence[ColumnElement[bool]], most: int
) -> Sequence[InboundWebhook]:
    lease = now() + LEASE
    # A CTE that locks is run once. As a plain subquery PostgreSQL may run it again
    # for each row, and take more than `most`.
    found = (
        select(InboundWebhook.id)
        .where(*which)
        .order_by(InboundWebhook.next_attempt_at)
        .limit(most)
        .with_for_update(of=InboundWebhook, skip_locked=True)
        .cte("found")
    )
    lost = case((InboundWebhook.claim.is_not(None), 1), else_=0)
    rows = session.scalars(
        update(InboundWebhook)
        .where(InboundWebhook.id.in_(select(found.c.id)))
        .values(
            claim=token,
            lease_until=lease,
            next_attempt_at=lease,
            # Counted before the hook runs: a crash counts too (ROAD 26).
            attempts=InboundWebhook.attempts + 1,
            lost_leases=InboundWebhook.lost_leases + lost,
        )
        .returning(InboundWebhook)
        .execution_options(synchronize_session=False)
    )
    return sorted(rows, key=lambda row: (row.received_at, row.id))


def _due(hub: Hub, busy: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    whole = [plugin.name for plugin in hub.plugins.all() if not plugin.error]
    # What failed already waits for the repair of the credentials; what is new may
    # not need them.
    waits = and_(Connection.state == "needs_reauth", InboundWebhook.error != "")
    usable = (
        select(Connection.id)
        .join(PluginSwitch, PluginSwitch.name == Connection.plugin)
        .where(
            Connection.id == InboundWebhook.connection_id,
            Connection.state != "disabled",
            Connection.removed_at.is_(None),
            Connection.plugin.in_(whole),
            PluginSwitch.enabled,
            PluginSwitch.quarantined_at.is_(None),
            not_(waits),
        )
    )
    return (
        InboundWebhook.state == _RECEIVED,
        InboundWebhook.next_attempt_at <= now(),
        InboundWebhook.connection_id.not_in(list(busy)),
        usable.exists(),
    )

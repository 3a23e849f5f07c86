"""Process: claim kept webhooks, let their plugins make facts of them, note those.

After accept, before record. Rules: ROAD 10, 16, 23, 24, 26. A claim commits before
the hook runs; each connection's webhooks run in a lane of their own, so that a slow
provider holds up nobody else.
"""

import time
from collections import defaultdict
from collections.abc import Sequence

import structlog

from hub.boot import Hub
from hub.core.configuration import quarantine
from hub.core.configuration.quarantine import MOST_LOST
from hub.core.models import Connection, InboundWebhook
from hub.core.webhooks import claims as webhook_claims
from hub.core.webhooks.claims import Settlement
from hub.core.webhooks.lanes import Drain, Lanes, Stop

_LOOK_EVERY = 0.1  # seconds, while lanes are running
_GRACE = 2.0  # seconds lanes get when the process is to stop
_CRASHED = (
    f"Processing it ended {MOST_LOST} times without a result: its plugin probably"
    " crashes on it. Replay it once the plugin is mended and enabled again."
)

_log = structlog.get_logger("hub.process")


def drain(
    hub: Hub, stop: Stop, budget_seconds: float = 2.0, *, worker: str = ""
) -> int:
    """Process what is due; returns how many webhooks were settled meanwhile.

    What isn't looked at in time is rung for again; a lane that takes longer than the
    drain rings when it ends.
    """
    until = time.monotonic() + budget_seconds
    lanes, this = hub.part(Lanes), Drain(hub, stop, worker)
    answered = False
    while not stop() and time.monotonic() < until:
        started = 0 if lanes.full else _start(hub, lanes, this)
        if started:
            answered = False
        elif this.running:
            this.wait(min(_LOOK_EVERY, until - time.monotonic()))
            answered = False
        elif answered:
            this.leave()
            return this.count
        else:
            # Before the last look: a ring that comes later is let through.
            hub.bell.answered("process")
            answered = True
    _finish(hub, lanes, this)
    return this.count


def drain_all(hub: Hub, *, seconds: float = 60.0) -> int:
    """Process all that is due and wait for the results: for commands and tests,
    where no worker runs."""
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        # All the time there is: a lane that outlasts a drain isn't counted in it.
        count += drain(hub, lambda: False, until - time.monotonic())
        if not hub.part(Lanes).busy() and not _any_due(hub, frozenset()):
            break
    return count


def _start(hub: Hub, lanes: Lanes, this: Drain) -> int:
    """Claim what is due and start its lanes; returns how many rows that are."""
    busy = lanes.busy()
    if not _any_due(hub, busy):
        return 0
    with hub.write() as session:
        rows = webhook_claims.claim(
            session, busy, this.worker, suspects=not lanes.suspect
        )
        crashed = [row for row in rows if row.lost_leases >= MOST_LOST]
        for row in crashed:
            webhook_claims.settle(
                session, row, Settlement(state="failed", error=_CRASHED)
            )
            connection = session.get_one(Connection, row.connection_id)
            quarantine.hold(session, connection)
    for row in crashed:
        _log.error("webhook.crashed", webhook=row.id, connection=row.connection_id)
    this.count += len(crashed)
    for lane in _by_connection([row for row in rows if row not in crashed]):
        this.running += 1
        lanes.start(lane, this)
    return len(rows)


def _finish(hub: Hub, lanes: Lanes, this: Drain) -> None:
    """The time is over, or the process is to stop."""
    grace = time.monotonic() + _GRACE
    while this.stop() and this.running and time.monotonic() < grace:
        this.wait(grace - time.monotonic())
    this.leave()
    hub.bell.answered("process")
    if _any_due(hub, lanes.busy()):
        hub.bell.ring("process")


def _any_due(hub: Hub, busy: frozenset[str]) -> bool:
    with hub.read() as session:
        return webhook_claims.any_due(session, busy)


def _by_connection(rows: Sequence[InboundWebhook]) -> list[list[InboundWebhook]]:
    lanes: dict[str, list[InboundWebhook]] = defaultdict(list)
    for row in rows:
        lanes[row.connection_id].append(row)
    return list(lanes.values())

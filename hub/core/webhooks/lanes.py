"""Lanes: each connection's claimed webhooks run one after the other, those of
different connections side by side. A lane outlives the drain that started it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from hub.boot import Hub
from hub.core.configuration.live import live
from hub.core.deliveries import backoff, breaker, outages
from hub.core.deliveries.breaker import Signs
from hub.core.models import InboundWebhook
from hub.core.webhooks import claims as webhook_claims
from hub.core.webhooks.claims import LEASE, LostClaimError
from hub.core.webhooks.hearing import Hearing, hear
from hub.core.webhooks.noting import note
from hub.sdk.clock import now
from hub.sdk.errors import (
    CredentialsError,
    NotFoundError,
    RateLimitError,
    UnavailableError,
    UnreadyError,
)

Stop = Callable[[], bool]
MOST = 8  # connections at a time in one process
HOOK_SECONDS = 120.0  # longer, and the process is started again (ROAD 26)
_SECONDS = 20.0  # what a lane hasn't begun by then is put back
_MARGIN = 30.0  # before the lease ends
_AGAIN = 0.5  # seconds, when the database can't be used


class Lanes:
    """The lanes of one process."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._busy: dict[str, tuple[Lane, Sequence[InboundWebhook]]] = {}

    def busy(self) -> frozenset[str]:
        """The connections whose lane is running."""
        with self._lock:
            return frozenset(self._busy)

    @property
    def full(self) -> bool:
        """True while nothing more may be claimed."""
        with self._lock:
            return len(self._busy) >= MOST

    @property
    def suspect(self) -> bool:
        """True while something runs that may be what crashed a process."""
        with self._lock:
            return any(rows[0].lost_leases > 0 for _, rows in self._busy.values())

    def has_overrun(self) -> bool:
        """True if a hook takes longer than any hook may."""
        with self._lock:
            return any(lane.overran for lane, _ in self._busy.values())

    def renew(self) -> None:
        """Prolong the leases of what is under way, except of what overran."""
        with self._lock:
            running = [r for lane, r in self._busy.values() if not lane.overran]
        if running:
            with self._hub.write() as session:
                webhook_claims.renew(session, [row for rows in running for row in rows])

    def start(self, rows: Sequence[InboundWebhook], drain: "Drain") -> None:
        """Run the rows of one connection."""
        connection_id = rows[0].connection_id
        lane = Lane(self._hub, connection_id, drain.stop)
        with self._lock:
            self._busy[connection_id] = (lane, rows)
        threading.Thread(
            target=self._run, args=(connection_id, lane, rows, drain), daemon=True
        ).start()

    def _run(
        self,
        connection_id: str,
        lane: "Lane",
        rows: Sequence[InboundWebhook],
        drain: "Drain",
    ) -> None:
        try:
            lane.run(rows)
        finally:
            with self._lock:
                del self._busy[connection_id]
            drain.ended(lane.settled)


class Drain:
    """What one drain knows of the lanes it started."""

    def __init__(self, hub: Hub, stop: Stop, worker: str) -> None:
        self.stop = stop
        self.worker = worker
        self.count = 0
        self.running = 0
        self._hub = hub
        self._ends: SimpleQueue[int] = SimpleQueue()
        self._left = False

    def wait(self, seconds: float) -> None:
        """Wait until a lane ends, so long at the most."""
        try:
            self.count += self._ends.get(timeout=max(0.0, seconds))
        except Empty:
            return
        self.running -= 1

    def leave(self) -> None:
        """Don't wait any more; who ends from now on rings."""
        self._left = True

    def ended(self, settled: int) -> None:
        """A lane ended; its connection may have more to do."""
        self._ends.put(settled)
        if self._left:
            self._hub.bell.ring("process")


class Lane:
    """One run of one connection's webhooks: hear them, then write them down."""

    def __init__(self, hub: Hub, connection_id: str, stop: Stop) -> None:
        self.settled = 0
        self._hub = hub
        self._connection_id = connection_id
        self._stop = stop
        self._begun = time.monotonic()
        self._held_up: tuple[datetime, str] | None = None
        self._hook_since: float | None = None

    @property
    def overran(self) -> bool:
        """True if the hook it is in takes longer than any may."""
        since = self._hook_since
        return since is not None and time.monotonic() - since > HOOK_SECONDS

    def run(self, rows: Sequence[InboundWebhook]) -> None:
        """Do all that can be done now, put back the rest."""
        hearings, back = list[Hearing](), list[InboundWebhook]()
        for row in rows:
            if self._stop() or self._held_up or self._late(_SECONDS):
                back.append(row)
            else:
                hearings.append(self._hear(row))
        waiting = deque(hearings)
        self._while_possible(lambda: note(self._hub, waiting))
        self.settled = len(hearings) - len(waiting)
        if back:
            self._while_possible(lambda: self._put_back(back))
        signs = _signs(hearings)
        if signs is not None:
            self._while_possible(lambda: self._tell(signs))

    def _hear(self, row: InboundWebhook) -> Hearing:
        try:
            connection = live(self._hub).by_id(self._connection_id)
        except (NotFoundError, UnreadyError) as error:
            return Hearing(row=row, errors=(error,), problems=(str(error),))
        self._hook_since = time.monotonic()
        hearing = hear(self._hub, connection, row)
        self._hook_since = None
        self._held_up = _held_up(hearing)
        return hearing

    def _put_back(self, rows: Sequence[InboundWebhook]) -> None:
        until, error = self._held_up or (now(), "")
        with self._hub.write() as session:
            for row in rows:
                try:
                    webhook_claims.release(session, row, until, error)
                except LostClaimError:
                    continue

    def _tell(self, signs: Signs) -> None:
        with self._hub.write() as session:
            breaker.note(session, self._connection_id, signs)
        outages.tell(self._hub)

    def _late(self, seconds: float) -> bool:
        return time.monotonic() - self._begun > seconds

    def _while_possible(self, work: Callable[[], None]) -> None:
        """Do it; while the database is away again and again, until the lease is
        nearly over. What was heard needn't be asked of the provider twice."""
        while True:
            try:
                work()
            except UnreadyError:
                if self._stop() or self._late(LEASE.total_seconds() - _MARGIN):
                    raise
                time.sleep(_AGAIN)
            else:
                return


def _held_up(hearing: Hearing) -> tuple[datetime, str] | None:
    """Until when the webhooks behind this one wait with it: the provider can't be
    asked anyway. For credentials they wait as long as it does."""
    wait = now() + backoff.delay(hearing.row.attempts)
    if hearing.first(CredentialsError):
        return wait, "It waits until the connection's credentials are repaired."
    if hearing.first(UnavailableError):
        return wait, ""
    return None


def _signs(hearings: Sequence[Hearing]) -> Signs | None:
    """What the hooks' calls say about the connection, if they say anything."""
    refused = [h for h in hearings if h.first(CredentialsError)]
    failed = [h for h in hearings if h.first(UnavailableError)]
    told = [error for h in failed if (error := h.first(RateLimitError))]
    mended = [h for h in hearings if h.row.error and not h.errors]
    if not (refused or failed or mended):
        return None
    waits = [e.retry_after for e in told if isinstance(e, RateLimitError)]
    longest = max((wait for wait in waits if wait), default=None)
    return Signs(
        works=bool(mended),
        failures=len(failed) - len(told),
        reason=failed[-1].problems[0] if failed else "",
        refused=refused[-1].problems[0] if refused else "",
        wait_until=now() + timedelta(seconds=longest) if longest else None,
    )

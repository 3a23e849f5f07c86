"""One process that takes work: it listens to its RQ queue in the main thread and
looks at the table by itself besides (ROAD 23-25).
"""

import os
import signal
import threading
import time
from contextlib import suppress
from typing import NoReturn

import structlog

from hub import boot, listening, log
from hub.boot import Hub
from hub.core import connections, deliver, janitor, process, sweep
from hub.core.deliveries import outages
from hub.core.deliveries.pool import RENEWED_EVERY, Pool
from hub.core.vitals import presence
from hub.core.webhooks.lanes import Lanes
from hub.jobs import Work
from hub.sdk.errors import UnreadyError
from hub.settings import Settings, load

POLLED_EVERY = 5.0  # seconds; without Redis this is the pace
GRACE = 2.5  # seconds for what is under way, once asked to stop
OVERRAN = 3  # exit code: a hook took longer than any may
_log = structlog.get_logger("hub.worker")
_this: "Process | None" = None


def drain(work: Work) -> int:
    """Look at the table now; called by the RQ jobs."""
    if _this is not None and _this.kind == work:
        return _this.drain()
    # Under a plain `rq worker`: there is no pool to fill, so wait for the results.
    hub = boot.start(load())
    try:
        if work == "process":
            count = process.drain_all(hub)
            return count + janitor.check_due(hub)
        return deliver.drain_all(hub)
    finally:
        hub.database.dispose()


def run(settings: Settings, kind: Work, id: str, *, after: str = "") -> NoReturn:
    """Be the process `id` until told to stop. `after` is the one before it, which is
    known to have ended: what it held is taken up at once."""
    global _this  # noqa: PLW0603 — RQ calls functions by name, with nothing of ours
    log.configure(settings)
    hub = boot.start(settings)
    with suppress(UnreadyError):
        connections.settle(hub)
        if after:
            sweep.lost(hub, after)
            presence.leave(hub, after)
    _this = Process(hub, kind, id)
    code = _this.run()
    # Not sys.exit: it would wait for threads whose hook may never return.
    os._exit(code)


class Process:
    """One process of one kind; `run` returns its exit code when it is to end."""

    def __init__(self, hub: Hub, kind: Work, id: str) -> None:
        self.hub = hub
        self.kind = kind
        self.id = id
        self._stop = threading.Event()
        self._code = 0
        self._draining = threading.Lock()
        self._pool: Pool | None = None
        if kind == "deliver":
            self._pool = Pool(hub, worker=id, told=lambda: outages.tell(hub))

    def run(self) -> int:
        """Work until told to stop."""
        polling = threading.Thread(target=self._poll, name="poll", daemon=True)
        polling.start()
        threading.Thread(target=self._beat, name="beat", daemon=True).start()
        listening.listen(self.hub.bell.url, self.kind, self.id, self._stop)
        if self._pool is not None:
            self._pool.close(grace=GRACE)
        else:
            polling.join(GRACE)
        with suppress(UnreadyError):
            presence.leave(self.hub, self.id)
        return self._code

    def drain(self) -> int:
        """Look at the table now; one thread at a time."""
        if self._pool is not None:
            return deliver.drain(self.hub, self._pool, self._stop.is_set)
        with self._draining:
            count = process.drain(self.hub, self._stop.is_set, worker=self.id)
            # What a client approved rang for us: its money waits to be taken.
            janitor.start(self.hub)
            return count

    def _poll(self) -> None:
        """Look every few seconds, and when a slot, a rate or a short wait allows."""
        away = False
        while not self._stop.is_set():
            try:
                self.drain()
                away = False
            except UnreadyError as error:
                if not away:
                    _log.warning("database.away", worker=self.id, error=str(error))
                away = True
                self._stop.wait(1)
            except Exception as error:  # one bad row must not end the polling
                _log.error("drain.failed", worker=self.id, exc_info=error)
                self._stop.wait(1)
            self._rest()

    def _rest(self) -> None:
        if self._pool is not None:
            self._pool.wait(POLLED_EVERY)
        else:
            self._stop.wait(POLLED_EVERY)

    def _beat(self) -> None:
        """Say that we live, prolong the leases, watch over hooks and Redis."""
        renewed, redis = time.monotonic(), True
        running = self._pool or self.hub.part(Lanes)
        while True:
            try:
                presence.beat(self.hub, self.id, self.kind)
                if time.monotonic() - renewed >= RENEWED_EVERY:
                    running.renew()
                    renewed = time.monotonic()
            except UnreadyError:
                pass  # the polling says so
            except Exception as error:  # without a beat the leases would run out
                _log.error("beat.failed", worker=self.id, exc_info=error)
            if self.hub.bell.is_up() != redis:
                redis = not redis
                _log.warning("redis.back" if redis else "redis.away", worker=self.id)
            if running.has_overrun():
                self._restart()
            if self._stop.wait(presence.BEATS_EVERY):
                return

    def _restart(self) -> None:
        """A hook hangs, and a thread can't be ended: the process can (ROAD 26)."""
        _log.error("hook.overran", worker=self.id)
        self._code = OVERRAN
        os.kill(os.getpid(), signal.SIGTERM)

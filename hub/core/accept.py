"""Accept: make verified webhooks durable, all that wait in one transaction.

After receive, before process. One writer per web process (group commit): a request
is answered after the commit that holds its row, and the bell is rung after that.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from hub.boot import Hub
from hub.core.vitals import metrics
from hub.core.webhooks.inserts import Inserts, Kept, Row
from hub.sdk.errors import UnreadyError

MAX_WAITING = 4_096  # requests; more are sent away with 503
MAX_WAITING_BYTES = 64 * 1024 * 1024
MAX_BATCH = 512
MAX_BATCH_BYTES = 8 * 1024 * 1024
# Providers give up after 5 to 30 s. The row may still be kept then: the provider
# sends it again and hears "duplicate".
PATIENCE_SECONDS = 10.0
RING_EVERY = 0.01  # seconds; a ring costs as much as several webhooks


def keep(hub: Hub, row: Row) -> Kept:
    """Return once the row is durable; UnreadyError if it can't be made so now."""
    return hub.part(Writer).keep(row)


@dataclass(slots=True, eq=False)
class _Waiter:
    """One request that waits; `done` is held until it has its answer."""

    row: Row
    done: threading.Lock = field(default_factory=threading.Lock)
    answered: bool = False
    kept: Kept | None = None
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.done.acquire()

    def answer(self, kept: Kept | None, error: Exception | None = None) -> None:
        if not self.answered:
            self.answered, self.kept, self.error = True, kept, error
            self.done.release()


class Writer:
    """The one who writes for all requests of this process, in a thread (or greenlet)
    that is started again should it ever end."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._inserts = Inserts(hub.database)
        self._waiting: deque[_Waiter] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._write = _Loop("webhook-writer", self._write_all)
        self._ring = _Loop("webhook-ringer", self._ring_once)

    def keep(self, row: Row) -> Kept:
        """Wait for the commit of this row."""
        waiter = _Waiter(row)
        self._enter(waiter)
        self._write.wake()
        if not waiter.done.acquire(timeout=PATIENCE_SECONDS):
            raise UnreadyError("The database is too busy right now; try again.")
        if waiter.kept is None:
            raise UnreadyError("The webhook can't be kept now.") from waiter.error
        return waiter.kept

    def _ring_once(self) -> None:
        self._hub.bell.ring("process")
        # Whoever comes in this time is rung for together.
        time.sleep(RING_EVERY)

    def _enter(self, waiter: _Waiter) -> None:
        size = waiter.row.weight
        with self._lock:
            if (
                len(self._waiting) >= MAX_WAITING
                or self._bytes + size > MAX_WAITING_BYTES
            ):
                raise UnreadyError("Too many webhooks wait to be kept; try again.")
            self._waiting.append(waiter)
            self._bytes += size

    def _take(self) -> list[_Waiter]:
        batch: list[_Waiter] = []
        size = 0
        with self._lock:
            while self._waiting and len(batch) < MAX_BATCH and size < MAX_BATCH_BYTES:
                batch.append(self._waiting.popleft())
                size += batch[-1].row.weight
            self._bytes -= size
        # The order in which every process inserts: opposite orders deadlock
        # (ROAD 35).
        batch.sort(key=lambda waiter: waiter.row.order)
        return batch

    def _write_all(self) -> None:
        while batch := self._take():
            with _answered(batch):
                self._store(batch)

    def _store(self, batch: Sequence[_Waiter]) -> None:
        """Commit the batch; if a row can't be stored, everything but that row."""
        try:
            with metrics.WEBHOOK_COMMIT.time():
                found = self._inserts.commit([waiter.row for waiter in batch])
        except Exception as error:
            if len(batch) == 1 or self._inserts.is_down(error):
                for waiter in batch:
                    waiter.answer(None, error)
                return
            half = len(batch) // 2
            self._store(batch[:half])
            self._store(batch[half:])
            return
        metrics.WEBHOOK_BATCH.observe(len(batch))
        for waiter, kept in zip(batch, found, strict=True):
            waiter.answer(kept)
        if any(kept.fresh for kept in found):
            self._ring.wake()


@contextmanager
def _answered(batch: Sequence[_Waiter]) -> Iterator[None]:
    """See to it that nobody waits for ever, whatever happens to the writer."""
    try:
        yield
    finally:
        for waiter in batch:
            waiter.answer(None)


class _Loop:
    """Calls `work` in a thread of its own after each wake, until the process ends."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name = name
        self._work = work
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._running = False

    def wake(self) -> None:
        self._woken.set()
        if self._running:
            return
        with self._lock:
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        try:
            while True:
                self._woken.wait()
                self._woken.clear()
                self._work()
        finally:
            self._running = False  # whoever wakes it next starts it again
            self._woken.set()

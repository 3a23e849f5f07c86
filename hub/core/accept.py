"""Accept: make verified webhooks durable, all that wait in one transaction.

After receive, before process. One writer per web process (group commit): a request
is answered after the commit that holds its row, and the bell is rung after that.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
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
RING_EVERY = 0.02  # seconds; a ring costs as much as several webhooks


def keep(hub: Hub, row: Row) -> Kept:
    """Return once the row is durable; UnreadyError if it can't be made so now."""
    return hub.part(Writer).keep(row)


@dataclass(slots=True, eq=False)
class _Batch:
    """Rows that share a transaction, and what came of them. All who gave one wait
    for `done`: a lock and a timer for each cost more than its row."""

    rows: list[Row] = field(default_factory=list)
    size: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    kept: dict[str, Kept] = field(default_factory=dict)  # by the row's id
    given_up: bool = False
    error: Exception | None = None

    @property
    def has_room(self) -> bool:
        return (
            len(self.rows) < MAX_BATCH
            and self.size < MAX_BATCH_BYTES
            and not self.done.is_set()
        )


class Writer:
    """The one who writes for all requests of this process, in a thread (or greenlet)
    that is started again should it ever end."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._inserts = Inserts(hub.database)
        self._batches: deque[_Batch] = deque()
        self._rows = 0
        self._bytes = 0
        self._lock = threading.Lock()
        self._write = _Loop("webhook-writer", self._write_all)
        self._ring = _Loop("webhook-ringer", self._ring_once)

    def keep(self, row: Row) -> Kept:
        """Wait for the commit of this row."""
        batch, first = self._enter(row)
        self._write.wake()
        try:
            # Whoever came first watches the clock for all who share the batch.
            batch.done.wait(PATIENCE_SECONDS if first else None)
        finally:
            if first:
                self._give_up(batch)
        kept = batch.kept.get(row.id)
        if kept is None:
            if batch.given_up:
                raise UnreadyError("The database is too busy right now; try again.")
            raise UnreadyError("The webhook can't be kept now.") from batch.error
        return kept

    def _ring_once(self) -> None:
        self._hub.bell.ring("process")
        # Whoever comes in this time is rung for together.
        time.sleep(RING_EVERY)

    def _enter(self, row: Row) -> tuple[_Batch, bool]:
        """Put a row into the batch that is being filled; True for its first."""
        with self._lock:
            if (
                self._rows >= MAX_WAITING
                or self._bytes + row.weight > MAX_WAITING_BYTES
            ):
                raise UnreadyError("Too many webhooks wait to be kept; try again.")
            first = not self._batches or not self._batches[-1].has_room
            if first:
                self._batches.append(_Batch())
            batch = self._batches[-1]
            batch.rows.append(row)
            batch.size += row.weight
            self._rows += 1
            self._bytes += row.weight
        return batch, first

    def _give_up(self, batch: _Batch) -> None:
        """Wait no longer, and let nobody join."""
        with self._lock:
            if not batch.done.is_set():
                batch.given_up = True
                batch.done.set()

    def _take(self) -> _Batch | None:
        with self._lock:
            while True:
                if not self._batches:
                    return None
                batch = self._batches.popleft()
                self._rows -= len(batch.rows)
                self._bytes -= batch.size
                # Its senders were told to come again: written now, a row without a
                # dedupe key would be there twice.
                if not batch.given_up:
                    break
        # The order in which every process inserts: opposite orders deadlock
        # (ROAD 35).
        batch.rows.sort(key=lambda row: row.order)
        return batch

    def _write_all(self) -> None:
        with self._inserts.holding():
            while batch := self._take():
                try:
                    self._store(batch, batch.rows)
                finally:  # nobody waits for ever, whatever happens to the writer
                    batch.done.set()
                if any(kept.fresh for kept in batch.kept.values()):
                    self._ring.wake()

    def _store(self, batch: _Batch, rows: Sequence[Row]) -> None:
        """Commit the rows; if one can't be stored, everything but that one."""
        try:
            with metrics.WEBHOOK_COMMIT.time():
                found = self._inserts.commit(rows)
        except Exception as error:
            batch.error = error
            if len(rows) > 1 and not self._inserts.is_down(error):
                half = len(rows) // 2
                self._store(batch, rows[:half])
                self._store(batch, rows[half:])
            return
        metrics.WEBHOOK_BATCH.observe(len(rows))
        for row, kept in zip(rows, found, strict=True):
            if kept is not None:
                batch.kept[row.id] = kept


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

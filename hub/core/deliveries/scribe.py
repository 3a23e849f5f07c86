"""The scribe: writes marks and results of many deliveries in one transaction each
time (ROAD 32: workers batch their results)."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue

import structlog

from hub.boot import Hub
from hub.core import calls
from hub.core.deliveries import settle
from hub.core.deliveries.settle import Done, Mark
from hub.sdk.errors import UnreadyError

_MOST = 256
_CALLS_EVERY = 0.25  # seconds; API calls are only a trail
_PATIENCE = 30.0  # seconds a mark waits for its commit
_AGAIN = 0.5  # seconds, when the database can't be used
_UNTOLD = "What the provider said of it can't be stored; see the API call."

_log = structlog.get_logger("hub.deliver")


@dataclass
class _Marked:
    mark: Mark
    written: threading.Event = field(default_factory=threading.Event)
    ours: bool = False
    withdrawn: bool = False


class Scribe:
    """A thread that writes what the others hand it."""

    def __init__(
        self,
        hub: Hub,
        *,
        settled: Callable[[list[Done]], None],
        told: Callable[[], object],
    ) -> None:
        self._hub = hub
        self._settled = settled
        self._told = told
        self._queue: SimpleQueue[Done | _Marked | None] = SimpleQueue()
        self._flushed = 0.0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="scribe", daemon=True)
        self._thread.start()

    def settle(self, done: Done) -> None:
        """Write this result soon."""
        self._queue.put(done)

    def mark(self, mark: Mark) -> bool:
        """Write this mark and return when it is durable; False if the claim has
        passed to another: then nothing may be sent.

        Raises UnreadyError if it can't be written for too long. It is withdrawn then:
        it would say that something was sent.
        """
        marked = _Marked(mark)
        self._queue.put(marked)
        if not marked.written.wait(_PATIENCE):
            marked.withdrawn = True
            raise UnreadyError("The database can't be written now; nothing was sent.")
        return marked.ours

    def close(self) -> None:
        """Write what is left and end."""
        self._closing = True
        self._queue.put(None)
        self._thread.join(5)

    def _run(self) -> None:
        ended = False
        while not ended:
            batch: list[Done | _Marked] = []
            ended = self._gather(batch)
            if batch:
                self._write(batch)
            try:
                self._flush_calls(ended)
            except Exception as error:  # a trail must never cost a result
                _log.error("calls.not_written", exc_info=error)

    def _gather(self, batch: list[Done | _Marked]) -> bool:
        """Take what is there, waiting for the first; True at the end."""
        try:
            item = self._queue.get(timeout=_CALLS_EVERY)
            while item is not None:
                batch.append(item)
                if len(batch) >= _MOST:
                    return False
                item = self._queue.get_nowait()
        except Empty:
            return False
        return True

    def _write(self, batch: Sequence[Done | _Marked]) -> None:
        done = [each for each in batch if isinstance(each, Done)]
        marked = [each for each in batch if isinstance(each, _Marked)]
        while True:
            try:
                self._commit(done, marked)
                return
            except UnreadyError:
                if self._closing:
                    return  # the leases run out
                time.sleep(_AGAIN)
            except Exception as error:  # this thread has to go on for the others
                self._write_singly(batch, error)
                return

    def _write_singly(self, batch: Sequence[Done | _Marked], error: Exception) -> None:
        """What can't be written must not keep the others from being written."""
        if len(batch) > 1:
            for each in batch:
                self._write([each])
            return
        _log.error("delivery.not_written", exc_info=error)
        done = [_plainly(each) for each in batch if isinstance(each, Done)]
        try:
            self._commit(done, [])
        except Exception as again:
            _log.error("delivery.not_written_plainly", exc_info=again)
            self._settled(done)  # the lease runs out

    def _commit(self, done: list[Done], marked: list[_Marked]) -> None:
        with self._hub.write() as session:
            wanted = [each.mark for each in marked if not each.withdrawn]
            ours = settle.mark(session, wanted)
            settled = settle.settle(session, done)
        for each in marked:
            each.ours = each.mark.claimed.id in ours
            each.written.set()
        for one in settled.counted:
            _log_attempt(one)
        self._settled(done)
        if settled.trouble:
            self._tell()

    def _tell(self) -> None:
        try:
            self._told()
        except Exception as error:  # the results are written; a duty tells it later
            _log.warning("outage.not_told_yet", error=type(error).__name__)

    def _flush_calls(self, ended: bool) -> None:
        now = time.monotonic()
        if ended or self._queue.empty() or now - self._flushed > _CALLS_EVERY:
            calls.flush(self._hub)
            self._flushed = now


def _plainly(done: Done) -> Done:
    """The same result without the provider's words, which may be what can't be
    written; without a result the provider would be called again."""
    outcome = replace(done.outcome, error=_UNTOLD if done.outcome.error else "")
    return replace(done, outcome=replace(outcome, reference=None))


def _log_attempt(done: Done) -> None:
    claimed, outcome = done.claimed, done.outcome
    took = done.finished_at - claimed.started_at
    _log.info(
        "delivery.attempted",
        delivery_id=claimed.id,
        attempt=claimed.attempt,
        event_id=claimed.event.id if claimed.event else None,
        connection_id=claimed.connection_id,
        connection=claimed.slug,
        hook=claimed.hook,
        outcome=outcome.word,
        state=outcome.state,
        milliseconds=round(took.total_seconds() * 1000),
        again_in=round(outcome.wait.total_seconds(), 1) or None,
        error=outcome.error or None,
    )

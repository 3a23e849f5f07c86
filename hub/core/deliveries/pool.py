"""The pool of one deliver process: its threads, what they hold, and its scribe.

It outlives the drains that fill it (ROAD 24): a hook may take its time, its slot is
taken meanwhile and its lease renewed.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from heapq import heappop, heappush
from queue import SimpleQueue

from hub.boot import Hub
from hub.core.deliveries import claims
from hub.core.deliveries.claims import ALONE_AFTER, Claimed
from hub.core.deliveries.scribe import Scribe
from hub.core.deliveries.sending import Sending
from hub.core.deliveries.settle import Done
from hub.core.deliveries.shares import even

SIZE = 128
# Threads beyond these, for what takes long: a slow provider holds no slot of the
# others' for longer than a call of theirs may take.
SPARE = 128
LONG = 0.5  # seconds
HOOK_SECONDS = 120.0  # longer, and the process drains and is started again (ROAD 26)
RENEWED_EVERY = 15.0  # of the 90 s that a lease lasts


@dataclass
class _Running:
    sending: Sending
    since: float = field(default_factory=time.monotonic)


class Pool:
    """Slots for deliveries on their way; all methods may be called by any thread.

    `told` is called when an outage began or ended, outside any transaction.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        size: int = SIZE,
        spare: int = SPARE,
        worker: str = "",
        told: Callable[[], object] = lambda: None,
    ) -> None:
        self.worker = worker
        self.draining = threading.Lock()
        self._hub = hub
        self._size = size
        self._spare = spare
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()
        self._work: SimpleQueue[Sending | None] = SimpleQueue()
        self._threads = self._idle = 0
        self._slow: set[str] = set()  # connections whose last call took long
        self._look = threading.Event()
        self._look_at: list[float] = []  # a heap
        self._rung = 0.0
        self._closed = False
        self._scribe = Scribe(hub, settled=self._settled, told=told)

    @property
    def free(self) -> int:
        """How many more deliveries it takes."""
        with self._lock:
            return 0 if self._closed else self._size - len(self._in_slots())

    def held(self) -> dict[str, int]:
        """How many slots each connection has."""
        with self._lock:
            return Counter(_whose(each) for each in self._in_slots())

    def has_suspect(self) -> bool:
        """True while something is under way that was lost twice already."""
        with self._lock:
            return any(
                each.sending.claimed.lost_leases >= ALONE_AFTER
                for each in self._running.values()
            )

    def is_idle(self) -> bool:
        """True if nothing is under way."""
        with self._lock:
            return not self._running

    def submit(self, claimed: Claimed) -> None:
        """Send this, now."""
        sending = Sending(self._hub, claimed, self._scribe.mark)
        with self._lock:
            self._running[claimed.id] = _Running(sending)
            grow = (
                self._idle < self._work.qsize() + 1
                and self._threads < self._size + self._spare
            )
            self._threads += grow
        self._work.put(sending)
        if grow:
            # Not a ThreadPoolExecutor: at exit it would wait for a hook that hangs.
            name = f"deliver-{self._threads}"
            threading.Thread(target=self._serve, name=name, daemon=True).start()

    def look_again(self, after: timedelta = timedelta(0)) -> None:
        """Ask for another look at the table after some time."""
        at = time.monotonic() + after.total_seconds()
        with self._lock:
            heappush(self._look_at, at)
        self._look.set()

    def wait(self, seconds: float) -> bool:
        """Wait until there is reason for another look; False if there is none yet."""
        until = time.monotonic() + seconds
        while True:
            self._look.clear()
            now, due = time.monotonic(), False
            with self._lock:
                while self._look_at and self._look_at[0] <= now:
                    heappop(self._look_at)
                    due = True
                at = self._look_at[0] if self._look_at else until
            if due or now >= until:
                return due
            self._look.wait(min(until, at) - now)

    def may_call_for_help(self) -> bool:
        """True at the most once a second: other processes may have free slots."""
        now = time.monotonic()
        if now - self._rung < 1:
            return False
        self._rung = now
        return True

    def renew(self) -> None:
        """Prolong the leases of what is under way, except of what overran."""
        with self._lock:
            held = [
                each.sending.claimed
                for each in self._running.values()
                if not _overran(each)
            ]
        if held:
            with self._hub.write() as session:
                claims.renew(session, held)

    def has_overrun(self) -> bool:
        """True if a hook takes longer than any hook may."""
        with self._lock:
            return any(_overran(each) for each in self._running.values())

    def close(self, *, grace: float) -> None:
        """Take nothing more, give what is under way so many seconds, and write down
        what became of all of it."""
        with self._lock:
            self._closed = True
        until = time.monotonic() + grace
        while time.monotonic() < until and not self.is_idle():
            self.wait(min(0.05, max(0.0, until - time.monotonic())))
        self.give_up()
        for _ in range(self._threads):
            self._work.put(None)
        self._scribe.close()

    def give_up(self) -> None:
        """Stop waiting for what is under way; it is tried again by somebody else."""
        with self._lock:
            left = list(self._running.values())
        for each in left:
            if not _overran(each):  # its lease runs out: that counts (ROAD 26)
                self._scribe.settle(each.sending.interrupted())

    def _in_slots(self) -> list[_Running]:
        """What is under way, but for what has moved over to the spare threads: what
        takes longest, fairly shared among the connections."""
        running = sorted(self._running.values(), key=lambda each: each.since)
        slow = Counter(_whose(each) for each in running if self._is_slow(each))
        room, left = even(slow, self._spare), []
        for each in running:
            whose = _whose(each)
            if room.get(whose, 0) > 0 and self._is_slow(each):
                room[whose] -= 1
            else:
                left.append(each)
        return left

    def _is_slow(self, running: _Running) -> bool:
        return _whose(running) in self._slow or _seconds(running) > LONG

    def _remember_pace(self, running: _Running) -> None:
        if _seconds(running) > LONG:
            self._slow.add(_whose(running))
        else:
            self._slow.discard(_whose(running))

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            sending = self._work.get()
            with self._lock:
                self._idle -= 1
            if sending is None:
                return
            self._scribe.settle(sending.run())

    def _settled(self, done: list[Done]) -> None:
        soonest: timedelta | None = None
        with self._lock:
            for each in done:
                ended = self._running.pop(each.claimed.id, None)
                if ended is not None:
                    self._remember_pace(ended)
                if each.outcome.state == "retrying":
                    wait = each.outcome.wait
                    soonest = wait if soonest is None else min(soonest, wait)
        self.look_again()
        if soonest is not None and soonest < timedelta(minutes=1):
            self.look_again(soonest)


def _whose(running: _Running) -> str:
    return running.sending.claimed.connection_id


def _seconds(running: _Running) -> float:
    return time.monotonic() - running.since


def _overran(running: _Running) -> bool:
    return _seconds(running) > HOOK_SECONDS

"""Token buckets: how many calls a second a connection's provider gets (ROAD 20).

`deliver` takes one for each delivery before it claims it; `ctx.http` is charged for
every call beyond that, whoever makes it.
"""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from redis.exceptions import RedisError
from sqlalchemy import func, select

from hub.boot import Hub
from hub.core.models import Worker
from hub.core.models.duty import ALIVE
from hub.sdk import clock
from hub.sdk.http import Around, Outgoing
from hub.sdk.provider import Budget

_SKEW = 5.0  # seconds by which processes' clocks may differ
_DOWN = 1.0  # seconds without another try after Redis failed
_LOOKED = 5.0  # seconds a count of live workers is good for

# One atomic step. The time comes from the caller: there is one clock (ROAD 39). A
# clock that was set back would otherwise stop the bucket from filling for as long.
_TAKE = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local now, wanted = tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local level, at = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
if at > now + 5 then at = now end
level = math.min(burst, level + math.max(0, now - at) * rate)
local granted = wanted
if ARGV[5] ~= '1' then granted = math.min(wanted, math.max(0, math.floor(level))) end
level = math.min(burst, level - granted)
redis.call('HSET', KEYS[1], 'level', tostring(level), 'at', math.max(now, at))
redis.call('PEXPIRE', KEYS[1], math.ceil(((burst - level) / rate + 60) * 1000))
return {granted, tostring(level)}
"""


def rate(budget: Budget, rate_limit: float | None) -> float:
    """Calls per second: what the admin set, else what the plugin declares."""
    return max(rate_limit or budget.per_second, 0.001)


@dataclass(frozen=True)
class Grant:
    """So many may be sent now; the next one after `wait` seconds."""

    count: int
    wait: float = 0.0


class Buckets:
    """Token buckets, one per connection, in Redis for all processes; without Redis
    each live worker has its share in memory."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._script = hub.bell.redis.register_script(_TAKE)
        self._down_until = 0.0
        self._own: dict[str, tuple[float, float]] = {}
        self._workers = (0.0, 1)
        self._lock = threading.Lock()

    def take(self, connection_id: str, rate: float, wanted: int) -> Grant:
        """Take up to so many tokens; what isn't used is to be given back."""
        granted, left, rate = self._taken(connection_id, rate, wanted, owing=False)
        missing = max(0.0, 1 - left)
        return Grant(granted, missing / rate if granted < wanted else 0.0)

    def give_back(self, connection_id: str, rate: float, count: int) -> None:
        """Put back tokens that nothing was sent for."""
        if count:
            self.take(connection_id, rate, -count)

    def charge(self, connection_id: str, rate: float) -> float:
        """Take one token, owing it if there is none: what is under way goes before
        what isn't. Returns in how many seconds it is this call's turn."""
        _, left, rate = self._taken(connection_id, rate, 1, owing=True)
        return max(0.0, -left) / rate

    def _taken(
        self, connection_id: str, rate: float, wanted: int, *, owing: bool
    ) -> tuple[int, float, float]:
        """How many were taken, what is left, and the rate that was reckoned with."""
        now, burst = clock.now().timestamp(), max(1.0, rate)
        level = self._shared(connection_id, (rate, burst, now, wanted, int(owing)))
        if level is None:
            rate /= self._live_workers()
            level = self._local(connection_id, rate, burst, now, wanted, owing)
        return *level, rate

    def _shared(
        self, connection_id: str, arguments: tuple[float, ...]
    ) -> tuple[int, float] | None:
        if time.monotonic() < self._down_until:
            return None
        try:
            granted, left = self._script(
                keys=[f"hub:rate:{connection_id}"], args=list(arguments)
            )
        except (RedisError, OSError):
            self._down_until = time.monotonic() + _DOWN
            return None
        return int(granted), float(left)

    def _local(
        self,
        connection_id: str,
        rate: float,
        burst: float,
        now: float,
        wanted: int,
        owing: bool,
    ) -> tuple[int, float]:
        with self._lock:
            # Not filled at the start: another process may have just emptied it.
            level, at = self._own.get(connection_id, (1.0, now))
            at = now if at > now + _SKEW else at
            level = min(burst, level + max(0.0, now - at) * rate)
            granted = wanted if owing else min(wanted, max(0, math.floor(level)))
            left = min(burst, level - granted)
            self._own[connection_id] = (left, max(now, at))
        return granted, left

    def _live_workers(self) -> int:
        looked, count = self._workers
        if not looked or time.monotonic() - looked > _LOOKED:
            with self._hub.read() as session:
                alive = select(func.count()).where(
                    Worker.kind == "deliver", Worker.seen_at > clock.now() - ALIVE
                )
                count = max(1, session.scalar(alive) or 0)
            self._workers = (time.monotonic(), count)
        return count


@dataclass
class Meter:
    """Charges the calls of one hook to its connection.

    The first `paid` ones are paid for already. All together they wait for their turn
    `patience` seconds at the most, then go ahead and owe: a hook has to end in time.
    """

    buckets: Buckets
    connection_id: str
    rate: float
    paid: int = 0
    patience: float = 0.0

    def around(self, inner: Around) -> Around:
        """The same, with each call charged before it."""

        @contextmanager
        def charged(request: Outgoing) -> Iterator[None]:
            self._charge()
            with inner(request):
                yield

        return charged

    def _charge(self) -> None:
        if self.paid > 0:
            self.paid -= 1
            return
        wait = min(self.buckets.charge(self.connection_id, self.rate), self.patience)
        if wait > 0:
            self.patience -= wait
            time.sleep(wait)


def free(request: Outgoing) -> AbstractContextManager[None]:
    """Around a call of which nothing is noted."""
    return nullcontext()

"""How hard a connection may be driven: at once, per second, per day (ROAD 20)."""

import json
import math
import threading
import time
from dataclasses import dataclass
from datetime import datetime

from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import ApiCall, ConnectionState, Worker
from hub.core.models.duty import ALIVE
from hub.sdk import clock, quota
from hub.sdk.provider import Budget

# With 64 calls in flight a provider that answers in 100 ms is sent 400 a second,
# more than two cores can make; a slow one can't hold more threads than that.
MOST_AT_ONCE = 64
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
local granted = math.min(wanted, math.max(0, math.floor(level)))
level = math.min(burst, level - granted)
redis.call('HSET', KEYS[1], 'level', tostring(level), 'at', math.max(now, at))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst / rate + 60) * 1000))
return {granted, tostring(level)}
"""


@dataclass(frozen=True)
class Grant:
    """So many may be sent now; the next one after `wait` seconds."""

    count: int
    wait: float = 0.0


def rate(budget: Budget, rate_limit: float | None) -> float:
    """Deliveries per second: what the admin set, else what the plugin declares."""
    return max(rate_limit or budget.per_second, 0.001)


def concurrency(budget: Budget, rate_limit: float | None) -> int:
    """Deliveries at once. A raised rate raises it in proportion: otherwise the
    provider's latency, not the rate the admin asked for, would set the pace."""
    factor = max(rate(budget, rate_limit) / budget.per_second, 1.0)
    scaled = math.ceil(budget.concurrency * factor)
    return max(budget.concurrency, min(scaled, MOST_AT_ONCE))


def left_today(session: Session, connection_id: str, budget: Budget) -> int | None:
    """How many calls the day's quota still holds; None where there is no quota."""
    if budget.per_day is None:
        return None
    today = day_of(clock.now())
    left = budget.per_day - _calls_since(session, connection_id, today)
    told = _told(session, connection_id)
    if told is not None and told[1] >= today:
        # Others use the quota too: the provider's own word, less our calls since.
        left = min(left, told[0] - _calls_since(session, connection_id, told[1]))
    return max(0, left)


def _calls_since(session: Session, connection_id: str, since: datetime) -> int:
    calls = select(func.count()).select_from(ApiCall)
    mine = ApiCall.connection_id == connection_id, ApiCall.created_at >= since
    return session.scalar(calls.where(*mine)) or 0


def _told(session: Session, connection_id: str) -> tuple[int, datetime] | None:
    row = session.get(ConnectionState, (connection_id, quota.KEY))
    if row is None or row.sealed:
        return None
    value = json.loads(row.value)
    return int(value["left"]), clock.parse(value["at"])


def day_of(moment: datetime) -> datetime:
    """The start of the day, UTC."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


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
        now, burst = clock.now().timestamp(), max(1.0, rate)
        level = self._shared(connection_id, rate, burst, now, wanted)
        if level is None:
            rate /= self._live_workers()
            level = self._local(connection_id, rate, burst, now, wanted)
        granted, left = level
        missing = max(0.0, 1 - left)
        return Grant(granted, missing / rate if granted < wanted else 0.0)

    def give_back(self, connection_id: str, rate: float, count: int) -> None:
        """Put back tokens that nothing was sent for."""
        if count:
            self.take(connection_id, rate, -count)

    def _shared(
        self, connection_id: str, rate: float, burst: float, now: float, wanted: int
    ) -> tuple[int, float] | None:
        if time.monotonic() < self._down_until:
            return None
        try:
            granted, left = self._script(
                keys=[f"hub:rate:{connection_id}"], args=[rate, burst, now, wanted]
            )
        except (RedisError, OSError):
            self._down_until = time.monotonic() + _DOWN
            return None
        return int(granted), float(left)

    def _local(
        self, connection_id: str, rate: float, burst: float, now: float, wanted: int
    ) -> tuple[int, float]:
        with self._lock:
            # Not filled at the start: another process may have just emptied it.
            level, at = self._own.get(connection_id, (1.0, now))
            at = now if at > now + _SKEW else at
            level = min(burst, level + max(0.0, now - at) * rate)
            granted = min(wanted, max(0, math.floor(level)))
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

"""How hard a connection may be driven at once and per day (ROAD 20); how hard per
second is the `buckets`' part."""

import json
import math
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.core.buckets import rate
from hub.core.models import ApiCall, ConnectionState
from hub.sdk import clock, quota
from hub.sdk.provider import Budget

# With 64 calls in flight a provider that answers in 100 ms is sent 400 a second,
# more than two cores can make; a slow one can't hold more threads than that.
MOST_AT_ONCE = 64


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

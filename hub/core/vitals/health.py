"""Whether this process can do its work: database, schema, clock; and Redis, without
which it does (ROAD 44)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from hub import schema
from hub.boot import Hub
from hub.sdk.clock import now
from hub.sdk.errors import UnreadyError

MOST_SKEW = timedelta(seconds=5)  # leases are compared by clocks (ROAD 39)


@dataclass(frozen=True, kw_only=True)
class Health:
    """What `/readyz` tells; `problem` says why work can't be done."""

    redis: bool
    problem: str = ""

    @property
    def ready(self) -> bool:
        return not self.problem

    def told(self) -> dict[str, Any]:
        """As JSON values."""
        told = {
            "status": "ready" if self.ready else "not ready",
            "redis": "up" if self.redis else "down",
        }
        return told | ({"problem": self.problem} if self.problem else {})


def check(hub: Hub) -> Health:
    """Look at everything this process needs."""
    redis = hub.bell.is_up()
    try:
        schema.require(hub.database)
        _check_clock(hub)
    except UnreadyError as error:
        return Health(redis=redis, problem=str(error))
    return Health(redis=redis)


def _check_clock(hub: Hub) -> None:
    if hub.database.sqlite:  # it has no clock of its own
        return
    before = now()
    with hub.read() as session:
        theirs = session.scalars(select(func.clock_timestamp())).one()
    if not before - MOST_SKEW <= theirs <= now() + MOST_SKEW:
        raise UnreadyError(
            "This machine's clock and the database's are more than 5 s apart: set"
            " them by NTP."
        )

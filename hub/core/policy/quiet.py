"""Quiet hours and local days, by the clock on the wall of whoever is written to. Pure.

A wall clock skips hours and shows hours twice; an instant is quiet or not by what the
clock shows then, and the end of quiet is found among instants, not among readings.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# What is claimed just before quiet begins may leave some time later.
MARGIN = timedelta(minutes=5)
_STEP = timedelta(minutes=15)  # all zones' shifts are a multiple of it
_LONGEST = timedelta(days=2)


@dataclass(frozen=True)
class Hours:
    """From `start` to `end`, over midnight too; equal ones mean never."""

    start: time
    end: time

    def holds(self, reading: time) -> bool:
        """True if a clock that shows this is within them."""
        if self.start <= self.end:
            return self.start <= reading < self.end
        return reading >= self.start or reading < self.end


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The date on the calendar there."""
    return at.astimezone(zone).date()


def is_quiet(at: datetime, zone: ZoneInfo, hours: Hours) -> bool:
    """True if nothing is sent at `at`: it is quiet, or will be within the margin."""
    return _holds(at, zone, hours) or _holds(at + MARGIN, zone, hours)


def end(at: datetime, zone: ZoneInfo, hours: Hours) -> datetime | None:
    """The first moment from `at` on that isn't quiet, in UTC; None if `at` isn't."""
    if not is_quiet(at, zone, hours):
        return None
    moment = at.astimezone(UTC)
    last = moment + _LONGEST
    while moment < last:
        moment = _next(moment, zone, hours)
        if not is_quiet(moment, zone, hours):
            return moment
    return last  # quiet all day and night, which nobody can set


def _holds(at: datetime, zone: ZoneInfo, hours: Hours) -> bool:
    return hours.holds(at.astimezone(zone).time())


def _next(moment: datetime, zone: ZoneInfo, hours: Hours) -> datetime:
    """The next full quarter of an hour, or the hours' own end if it is before that."""
    local = moment.astimezone(zone)
    ending = local.replace(
        hour=hours.end.hour, minute=hours.end.minute, second=0, microsecond=0
    )
    steps = [_quarter(moment)]
    for fold in (0, 1):
        found = ending.replace(fold=fold).astimezone(UTC)
        if found > moment:
            steps.append(found)
    return min(steps)


def _quarter(moment: datetime) -> datetime:
    even = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
    return even + _STEP

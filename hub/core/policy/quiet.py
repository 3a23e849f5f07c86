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
_FARTHEST = timedelta(days=30)


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


def midnight(at: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment of the next local day, if that is within the margin: what is
    claimed today must not leave tomorrow. Else None."""
    tomorrow = local_day(at + MARGIN, zone)
    if tomorrow == local_day(at, zone):
        return None
    # Where the clocks leave midnight out, this is the moment at which they do.
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)


def spent(since: datetime, at: datetime, zone: ZoneInfo, hours: Hours) -> timedelta:
    """How much of the time between these was quiet."""
    moment, last = max(since, at - _FARTHEST).astimezone(UTC), at.astimezone(UTC)
    total = timedelta()
    while moment < last:
        then = min(_next(moment, zone, hours), last)
        if _holds(moment, zone, hours):
            total += then - moment
        moment = then
    return total


def _holds(at: datetime, zone: ZoneInfo, hours: Hours) -> bool:
    return hours.holds(at.astimezone(zone).time())


def _next(moment: datetime, zone: ZoneInfo, hours: Hours) -> datetime:
    """The next full quarter of an hour, or the hours' own start or end if it is before
    that: in between nothing changes."""
    today = local_day(moment, zone)
    readings = (
        datetime.combine(today, clock.replace(fold=fold), zone).astimezone(UTC)
        for clock in (hours.start, hours.end)
        for fold in (0, 1)
    )
    return min([_quarter(moment), *(each for each in readings if each > moment)])


def _quarter(moment: datetime) -> datetime:
    even = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
    return even + _STEP

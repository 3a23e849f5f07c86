"""Quiet hours and local days by clocks that skip hours, show hours twice, and differ
by quarters of an hour."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.core.policy import quiet
from hub.core.policy.quiet import MARGIN, Hours

NIGHT = Hours(time(20), time(8))
NOON = Hours(time(12), time(13, 30))
NEVER = Hours(time(8), time(8))
ZONES = (
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Africa/Cairo",
    "America/Havana",
    "Antarctica/Troll",
    "Asia/Kathmandu",
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def there(zone: str, text: str, fold: int = 0) -> datetime:
    """The moment at which a clock there shows this."""
    read = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return read.astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-06-01T12:00", None),
        ("2026-06-01T19:54:59.999999", None),
        ("2026-06-01T19:55", "2026-06-02T08:00"),  # five minutes before
        ("2026-06-01T20:00", "2026-06-02T08:00"),
        ("2026-06-01T23:59:59", "2026-06-02T08:00"),
        ("2026-06-02T00:00", "2026-06-02T08:00"),
        ("2026-06-02T07:59:59.999999", "2026-06-02T08:00"),
        ("2026-06-02T08:00", None),
    ],
)
def test_a_night_goes_over_midnight(at: str, until: str | None) -> None:
    found = quiet.end(there("Europe/Berlin", at), ZoneInfo("Europe/Berlin"), NIGHT)

    assert (there("Europe/Berlin", until) if until else None) == found


def test_hours_within_a_day_and_none_at_all() -> None:
    zone = ZoneInfo("UTC")
    assert utc("2026-06-01T13:30") == quiet.end(utc("2026-06-01T12:10"), zone, NOON)
    assert utc("2026-06-01T13:30") == quiet.end(utc("2026-06-01T11:56"), zone, NOON)
    assert quiet.end(utc("2026-06-01T13:30"), zone, NOON) is None
    assert quiet.end(utc("2026-06-01T03:00"), zone, NEVER) is None


@pytest.mark.parametrize(
    ("zone", "at", "hours", "length"),
    [
        # Clocks go forward: the night is shorter; back: it is longer.
        ("Europe/Berlin", "2026-03-28T20:00", NIGHT, 11),
        ("Europe/Berlin", "2026-10-24T20:00", NIGHT, 13),
        ("Australia/Lord_Howe", "2026-10-03T20:00", NIGHT, 11.5),
        ("Australia/Lord_Howe", "2026-04-04T20:00", NIGHT, 12.5),
        ("Pacific/Chatham", "2026-09-26T20:00", NIGHT, 11),
        ("Pacific/Apia", "2026-06-01T20:00", NIGHT, 12),
        ("Antarctica/Troll", "2026-03-28T20:00", NIGHT, 10),  # two hours at once
        # The end is in the hour that is left out: over as soon as that is.
        ("Europe/Berlin", "2026-03-29T01:00", Hours(time(1), time(2, 30)), 1),
        # The end is shown twice: over at the first, and quiet once more after it.
        ("Europe/Berlin", "2026-10-25T01:00", Hours(time(1), time(2, 20)), 1 + 1 / 3),
    ],
)
def test_the_end_is_found_by_the_clock_on_the_wall(
    zone: str, at: str, hours: Hours, length: float
) -> None:
    begun = there(zone, at)

    found = quiet.end(begun, ZoneInfo(zone), hours)

    assert begun + timedelta(hours=length) == found


def test_an_hour_shown_twice_is_quiet_twice() -> None:
    zone, hours = ZoneInfo("Europe/Berlin"), Hours(time(2), time(2, 20))
    first = there("Europe/Berlin", "2026-10-25T02:10")
    second = there("Europe/Berlin", "2026-10-25T02:10", fold=1)

    assert timedelta(hours=1) == second - first
    assert first + timedelta(minutes=10) == quiet.end(first, zone, hours)
    assert second + timedelta(minutes=10) == quiet.end(second, zone, hours)


@pytest.mark.parametrize("name", ZONES)
def test_the_end_is_the_first_moment_that_is_not_quiet(name: str) -> None:
    """Against a plain look at each minute, through a whole year's changes."""
    zone = ZoneInfo(name)
    for begun in ("2026-03-07", "2026-03-28", "2026-04-04", "2026-04-23"):
        for hours in (
            NIGHT,
            NOON,
            Hours(time(1, 30), time(3)),
            Hours(time(0), time(4)),
        ):
            _check_minutes(utc(begun), zone, hours)


def _check_minutes(begun: datetime, zone: ZoneInfo, hours: Hours) -> None:
    minutes = [begun + timedelta(minutes=n) for n in range(0, 2 * 24 * 60)]
    free = None
    for at in reversed(minutes):
        busy = _shows(at, zone, hours) or _shows(at + MARGIN, zone, hours)
        free = free if busy else at
        if at.minute % 7 == 0 and free is not None:
            assert (free if busy else None) == quiet.end(at, zone, hours), (at, hours)


def _shows(at: datetime, zone: ZoneInfo, hours: Hours) -> bool:
    reading = at.astimezone(zone).time()
    if hours.start <= hours.end:
        return hours.start <= reading < hours.end
    return not hours.end <= reading < hours.start


def test_a_day_is_the_clients_own() -> None:
    at = utc("2026-06-01T11:00")

    days = [
        quiet.local_day(at, ZoneInfo(name))
        for name in ("Pacific/Kiritimati", "Pacific/Apia", "Europe/Berlin")
    ]
    assert [date(2026, 6, 2), date(2026, 6, 2), date(2026, 6, 1)] == days


@pytest.mark.parametrize(
    ("zone", "at", "until"),
    [
        ("UTC", "2026-06-01T23:54:59", None),
        ("UTC", "2026-06-01T23:55:00", "2026-06-02T00:00"),
        ("UTC", "2026-06-01T00:00:00", None),
        # Midnight itself is left out: the day begins at one.
        ("Africa/Cairo", "2026-04-23T21:57:00", "2026-04-23T22:00"),
        # The last hour is shown twice: the first time tomorrow is an hour away.
        ("Africa/Cairo", "2026-10-29T20:57:00", None),
        ("Africa/Cairo", "2026-10-29T21:57:00", "2026-10-29T22:00"),
    ],
)
def test_nothing_leaves_in_the_last_minutes_of_a_day(
    zone: str, at: str, until: str | None
) -> None:
    found = quiet.midnight(utc(at), ZoneInfo(zone))

    assert (utc(until) if until else None) == found


@pytest.mark.parametrize("name", ZONES)
def test_quiet_time_is_what_the_clocks_showed(name: str) -> None:
    zone, since = ZoneInfo(name), utc("2026-03-27T22:22")
    at = since + timedelta(days=9, minutes=71)
    for hours in (NIGHT, NOON, NEVER, Hours(time(1, 30), time(2, 15))):
        shown = sum(
            _shows(since + timedelta(minutes=n), zone, hours)
            for n in range(9 * 24 * 60 + 71)
        )
        assert timedelta(minutes=shown) == quiet.spent(since, at, zone, hours)

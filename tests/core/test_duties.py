"""Periodic duties without a leader (ROAD 27)."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from hub.boot import Hub
from hub.core import duties
from hub.core.duties import DUTIES, Duty
from hub.core.models import Duty as Row
from hub.core.models import Worker
from hub.core.vitals import presence
from hub.sdk.clock import now
from hub.sdk.errors import UnreadyError

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(now(), tick=False) as traveller:
        yield traveller


def test_duty_runs_when_it_is_due(hub: Hub, clock: time_machine.Traveller) -> None:
    runs: list[int] = []
    mine = [Duty("count", MINUTE, lambda hub: runs.append(1))]

    assert ["count"] == duties.run_due(hub, mine)
    assert [] == duties.run_due(hub, mine)
    clock.shift(MINUTE)
    assert ["count"] == duties.run_due(hub, mine)

    assert 2 == len(runs)


def test_several_schedulers_do_a_duty_once(hub: Hub) -> None:
    """ROAD 27: whoever's conditional UPDATE wins."""
    runs: list[int] = []
    mine = [Duty("count", MINUTE, lambda hub: runs.append(1))]
    start = threading.Barrier(4)

    def schedule() -> None:
        start.wait()
        for _ in range(5):
            duties.run_due(hub, mine)

    threads = [threading.Thread(target=schedule) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [1] == runs


def test_duty_of_a_dead_scheduler_is_taken_up(
    hub: Hub, clock: time_machine.Traveller
) -> None:
    """ROAD 27: its lease runs out."""
    runs: list[int] = []
    mine = [Duty("count", MINUTE, lambda hub: runs.append(1))]
    with hub.write() as session:
        lease = now() + mine[0].lease
        session.add(Row(name="count", next_at=now(), claim="dead", lease_until=lease))

    duties.run_due(hub, mine)
    assert [] == runs
    clock.shift(mine[0].lease + MINUTE)
    duties.run_due(hub, mine)

    assert [1] == runs


def test_work_never_waits_long_for_a_dead_schedulers_sweep() -> None:
    """ROAD 27: what is lost is found by the sweep, so its lease is short."""
    (sweep,) = [duty for duty in duties.DUTIES if duty.name == "sweep"]

    assert timedelta(seconds=30) >= sweep.lease


def test_clock_set_back_stops_no_duty(hub: Hub, clock: time_machine.Traveller) -> None:
    """ROAD 39: a duty can't be due later than its period from now."""
    runs: list[int] = []
    mine = [Duty("count", MINUTE, lambda hub: runs.append(1))]
    duties.run_due(hub, mine)

    clock.shift(-60 * MINUTE)
    duties.run_due(hub, mine)

    assert [1, 1] == runs


def test_failing_duty_is_shown_and_stops_no_other(hub: Hub) -> None:
    def fail(hub: Hub) -> None:
        raise ValueError("secret")

    runs: list[int] = []
    mine = [Duty("bad", MINUTE, fail), Duty("good", MINUTE, lambda hub: runs.append(1))]

    duties.run_due(hub, mine)

    with hub.read() as session:
        row = session.get_one(Row, "bad")
    assert [1] == runs
    assert "ValueError" in row.last_error
    assert "secret" not in row.last_error
    assert row.next_at > now()


def test_duty_that_can_not_be_done_now_says_why(hub: Hub) -> None:
    def away(hub: Hub) -> None:
        raise UnreadyError("The database can't be reached right now.")

    duties.run_due(hub, [Duty("away", MINUTE, away)])

    with hub.read() as session:
        assert "can't be reached" in session.get_one(Row, "away").last_error


def test_duty_that_met_a_busy_database_is_due_again_soon(
    hub: Hub, clock: time_machine.Traveller
) -> None:
    tries = iter([UnreadyError("The database is busy."), None])

    def run(hub: Hub) -> None:
        if (error := next(tries)) is not None:
            raise error

    mine = [Duty("hourly", timedelta(hours=1), run)]
    assert ["hourly"] == duties.run_due(hub, mine)
    clock.shift(timedelta(seconds=10))
    assert ["hourly"] == duties.run_due(hub, mine)
    clock.shift(timedelta(seconds=10))
    assert [] == duties.run_due(hub, mine)


def test_end_of_a_duty_is_written_though_the_database_is_busy(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would hold its lease, and nobody would do it for ten minutes."""
    write, busy = duties._write, iter([True, True, False])

    def sometimes(*end: Any) -> None:
        if next(busy):
            raise UnreadyError("The database is busy.")
        write(*end)

    monkeypatch.setattr(duties, "_write", sometimes)
    monkeypatch.setattr(duties, "_PAUSES", (0.0, 0.0))
    assert ["count"] == duties.run_due(hub, [Duty("count", MINUTE, lambda hub: None)])

    with hub.read() as session:
        row = session.get_one(Row, "count")
    assert (None, None) == (row.claim, row.lease_until)
    assert row.last_run_at is not None


def test_stop_is_heard_between_duties(hub: Hub) -> None:
    runs: list[int] = []
    mine = [Duty("count", MINUTE, lambda hub: runs.append(1))]

    assert [] == duties.run_due(hub, mine, stop=lambda: True)
    assert [] == runs


def test_all_duties_of_the_hub_run_twice(
    hub: Hub, clock: time_machine.Traveller
) -> None:
    """Law 4."""
    names = [duty.name for duty in DUTIES]

    assert names == duties.run_due(hub)
    clock.shift(timedelta(days=1))
    assert names == duties.run_due(hub)

    with hub.read() as session:
        assert {""} == {session.get_one(Row, name).last_error for name in names}


def test_process_says_that_it_lives(hub: Hub, clock: time_machine.Traveller) -> None:
    presence.beat(hub, "me", "deliver")
    born = now()
    clock.shift(MINUTE)
    presence.beat(hub, "me", "deliver")

    with hub.read() as session:
        row = session.get_one(Worker, "me")
    assert (born, now()) == (row.started_at, row.seen_at)
    presence.leave(hub, "me")
    with hub.read() as session:
        assert session.get(Worker, "me") is None


def test_who_ended_without_a_word_is_forgotten(
    hub: Hub, clock: time_machine.Traveller
) -> None:
    presence.beat(hub, "gone", "deliver")
    clock.shift(timedelta(days=2))
    presence.beat(hub, "here", "deliver")

    assert 1 == presence.forget(hub)
    assert 0 == presence.forget(hub)


def test_names_are_never_used_twice() -> None:
    one, two = presence.token(), presence.token()

    assert presence.name("deliver", one, 7) != presence.name("deliver", two, 7)

"""Several workers and publishers at once: nothing is lost, nothing is told twice."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier, Event
from zoneinfo import ZoneInfo

import pytest

from hub.boot import Hub
from hub.core import deliver
from hub.core.models import Delivery, Digest
from hub.core.policy import digests, rules
from hub.core.publish import publish
from hub.db import Database
from tests.core.policy.plugins import Telling, cast, connected
from tests.parts.ledger import all_of

PUBLISHERS, EACH, WORKERS = 3, 15, 2


@pytest.fixture
def database(postgres_database: Database) -> Database:
    """SQLite, with its one writer, proves nothing here."""
    return postgres_database


def alert(hub: Hub, name: str) -> None:
    data = {"company": None, "title": f"<{name}>"}
    with hub.write() as session:
        publish(session, "alert.raised", subject=f"alert:{name}", key=name, data=data)


def named(telling: Telling) -> list[str]:
    """The alerts that the messages name, one by one."""
    return sorted(
        name for _, _, text in telling.said for name in re.findall("<(.+?)>", text)
    )


def together(count: int, work: Callable[[int], object]) -> None:
    """Do the same in so many threads that start at once."""
    start = Barrier(count)

    def run(number: int) -> None:
        start.wait(30)
        work(number)

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(run, number) for number in range(count)]:
            done.result(120)


def test_what_is_published_while_a_digest_closes_is_in_it_or_in_the_next(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 16: an item that points to a digest is in its message."""

    def at_once(at: datetime, when: str, zone: ZoneInfo) -> datetime:
        return at

    monkeypatch.setattr(digests, "due", at_once)
    monkeypatch.setattr(digests, "MOST_LINES", 1000)
    telling = cast(hub)
    (chat,) = connected(hub, "chat")
    with hub.write() as session:
        rules.set_rule(session, chat.id, "alert.raised", "channel", when="hourly")
    over = Event()
    left = Barrier(PUBLISHERS, action=over.set)

    def work(number: int) -> None:
        if number < PUBLISHERS:
            for turn in range(EACH):
                alert(hub, f"{number}-{turn}")
            left.wait(120)
        else:
            while not over.is_set():
                deliver.drain_all(hub, size=4)

    together(PUBLISHERS + WORKERS, work)
    deliver.drain_all(hub)

    names = [f"{one}-{turn}" for one in range(PUBLISHERS) for turn in range(EACH)]
    assert sorted(names) == named(telling)
    assert all(each.closed_at for each in all_of(hub, Digest))


def test_a_burst_is_grouped_by_one_worker_alone(hub: Hub) -> None:
    """ROAD 16: whoever holds the connection groups; the other finds nothing left."""
    telling = cast(hub)
    connected(hub, "chat")
    for number in range(12):
        alert(hub, str(number))
    together(3, lambda number: deliver.drain_all(hub, size=4))
    deliver.drain_all(hub)

    assert sorted(str(number) for number in range(12)) == named(telling)
    assert 1 == len(telling.said) == len(all_of(hub, Digest))
    assert 12 == sum(each.state == "skipped" for each in all_of(hub, Delivery))

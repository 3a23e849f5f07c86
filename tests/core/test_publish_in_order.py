"""Several writers at once: ids in commit order, each event once (ROAD 2, 37)."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import Event, Notification
from hub.core.notify import notify
from hub.core.publish import publish
from hub.db import Database
from tests.parts.ledger import add_user, all_of

WRITERS, EACH = 8, 25
Numbered = Event | Notification


@pytest.fixture
def database(postgres_database: Database) -> Database:
    """SQLite, with its one writer, proves nothing here."""
    return postgres_database


def emit(session: Session, key: str) -> Event:
    data = {"company": None, "title": key}
    return publish(session, "alert.raised", subject="alert:1", key=key, data=data)


def test_ids_come_in_commit_order(hub: Hub) -> None:
    """ROAD 37: nobody who reads on after the last id misses a row."""
    add_user(hub)
    seen = followed(hub, emit, (Event, Notification))

    assert [ids(hub, Event), ids(hub, Notification)] == seen
    assert WRITERS * EACH == len(ids(hub, Event))


def test_notifications_without_an_event_come_in_commit_order(hub: Hub) -> None:
    """ROAD 37."""
    ann = add_user(hub)

    def send(session: Session, key: str) -> None:
        notify(session, ann.id, "greeting", {}, title="Hello", key=key)

    seen = followed(hub, send, (Notification,))

    assert [ids(hub, Notification)] == seen
    assert WRITERS * EACH == len(ids(hub, Notification))


def ids(hub: Hub, model: type[Numbered]) -> list[int]:
    return after(hub, model, 0)


def after(hub: Hub, model: type[Numbered], last: int) -> list[int]:
    with hub.read() as session:
        newer = select(model.id).where(model.id > last).order_by(model.id)
        return list(session.scalars(newer))


def followed(
    hub: Hub, write: Callable[[Session, str], object], models: Sequence[type[Numbered]]
) -> list[list[int]]:
    """Let eight write at once; return the ids that readers saw who went on after the
    last one each time."""
    start = Barrier(WRITERS + 1)

    def writer(number: int) -> None:
        start.wait(10)
        for turn in range(EACH):
            with hub.write() as session:
                write(session, f"{number}/{turn}")

    with ThreadPoolExecutor(WRITERS + len(models)) as pool:
        writing = [pool.submit(writer, number) for number in range(WRITERS)]

        def reader(model: type[Numbered]) -> list[int]:
            seen: list[int] = []
            over = False
            while not over:
                over = all(each.done() for each in writing)
                seen += after(hub, model, seen[-1] if seen else 0)
            return seen

        reading = [pool.submit(reader, model) for model in models]
        start.wait(10)
        for each in writing:
            each.result(60)
        return [each.result(60) for each in reading]


def test_same_key_from_all_sides_is_published_once(hub: Hub) -> None:
    """ROAD 2: the key decides, not a look before."""
    add_user(hub)
    start = Barrier(8)

    def write() -> None:
        start.wait(10)
        with hub.write() as session:
            emit(session, "the same")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(write) for _ in range(8)]:
            done.result(30)

    assert 1 == len(all_of(hub, Event)) == len(all_of(hub, Notification))

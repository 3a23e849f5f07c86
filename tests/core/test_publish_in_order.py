"""Several writers at once: ids in commit order, each event once (ROAD 2, 37)."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import Event, Notification
from hub.core.publish import publish
from hub.db import Database
from tests.parts.ledger import add_user, all_of


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
    writers, each = 8, 25
    start = Barrier(writers + 1)

    def write(writer: int) -> None:
        start.wait(10)
        for number in range(each):
            with hub.write() as session:
                emit(session, f"{writer}/{number}")

    def follow(model) -> list[int]:
        seen: list[int] = []
        while len(seen) < writers * each and not all(d.done() for d in done):
            seen += after(model, seen[-1] if seen else 0)
        return seen + after(model, seen[-1] if seen else 0)

    def after(model, last: int) -> list[int]:
        with hub.read() as session:
            newer = select(model.id).where(model.id > last).order_by(model.id)
            return list(session.scalars(newer))

    with ThreadPoolExecutor(writers + 2) as pool:
        done = [pool.submit(write, writer) for writer in range(writers)]
        readers = [pool.submit(follow, model) for model in (Event, Notification)]
        start.wait(10)
        seen = [reader.result(60) for reader in readers]
        for writer in done:
            writer.result(60)

    ids = [event.id for event in all_of(hub, Event)]
    assert [ids, [note.id for note in all_of(hub, Notification)]] == seen
    assert writers * each == len(ids)


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

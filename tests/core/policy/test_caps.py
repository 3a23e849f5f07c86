"""One text per client and day: who holds the row, and who may take it over."""

import threading
from collections.abc import Collection
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import Connection, DailySend, Delivery, new_id
from hub.core.policy.caps import Days, Want
from hub.sdk.clock import now
from tests.parts.hub import connect

TODAY = date(2026, 6, 1)
TOMORROW = TODAY + timedelta(days=1)
BOTH = ("company:com_1", "phone:+4930123456")


@pytest.fixture
def hub(hub: Hub) -> Hub:
    connect(hub, "ears")
    return hub


def text(hub: Hub, **columns: object) -> str:
    """A delivery's id."""
    with hub.write() as session:
        connection = session.scalars(select(Connection.id)).one()
        id = new_id("dlv")
        values = {"state": "sending", "created_at": now(), **columns}
        session.add(
            Delivery(
                id=id,
                connection_id=connection,
                hook="send_message",
                subject="x",
                **values,
            )
        )
    return id


def take(hub: Hub, id: str, day: date = TODAY, subjects=BOTH) -> str | None:
    with hub.write() as session:
        return taken(session, id, subjects, day)


def taken(
    session: Session, id: str, subjects: Collection[str], day: date
) -> str | None:
    days = Days(session, {id: Want(subjects, day)})
    holder = days.take(id)
    days.write()
    return holder


def rows(hub: Hub) -> dict[tuple[str, date], str]:
    with hub.read() as session:
        found = session.scalars(select(DailySend))
        return {(row.subject, row.day): row.delivery_id for row in found}


def test_the_first_has_the_day_and_keeps_it(hub: Hub) -> None:
    first, second = text(hub), text(hub)

    assert take(hub, first) is None
    assert first == take(hub, second)
    assert take(hub, first) is None  # its own retry
    assert {first} == set(rows(hub).values())
    assert 2 == len(rows(hub))


def test_the_next_day_is_free_again(hub: Hub) -> None:
    first, second = text(hub), text(hub)
    take(hub, first)

    assert take(hub, second, TOMORROW) is None
    assert second == take(hub, first, TOMORROW)


def test_one_subject_taken_is_enough_and_nothing_is_half_taken(hub: Hub) -> None:
    """Two companies share a person: one text a day to that number."""
    first, second = text(hub), text(hub)
    take(hub, first)

    assert first == take(hub, second, subjects=("company:com_2", BOTH[1]))
    assert {BOTH[0], BOTH[1]} == {subject for subject, _ in rows(hub)}


@pytest.mark.parametrize("state", ["dead", "skipped"])
def test_who_surely_sent_nothing_gives_the_day_up(hub: Hub, state: str) -> None:
    first, second = text(hub, state=state), text(hub)
    take(hub, first)

    assert take(hub, second) is None
    assert {second} == set(rows(hub).values())
    assert second == take(hub, first)  # and doesn't get it back


@pytest.mark.parametrize(
    ("state", "sent"),
    [
        *(("pending", False), ("sending", False), ("retrying", False)),
        *(("in_doubt", True), ("delivered", True), ("dead", True), ("skipped", True)),
    ],
)
def test_who_may_have_sent_something_keeps_the_day(
    hub: Hub, state: str, sent: bool
) -> None:
    first = text(hub, state=state, sent_at=now() if sent else None)
    take(hub, first)

    assert first == take(hub, text(hub))


def test_what_a_claim_gives_up_is_for_the_next_in_the_same_claim(hub: Hub) -> None:
    ids = [text(hub) for _ in range(3)]
    with hub.write() as session:
        days = Days(session, {id: Want(BOTH, TODAY) for id in ids})
        found = [days.take(ids[0]), days.take(ids[1])]
        days.give_up(ids[0])
        found += [days.take(ids[1]), days.take(ids[2])]
        days.write()

    assert [None, ids[0], None, ids[1]] == found
    assert {ids[1]} == set(rows(hub).values())


def test_claim_that_is_taken_back_takes_nothing(hub: Hub) -> None:
    first, second = text(hub), text(hub)
    with pytest.raises(ZeroDivisionError), hub.write() as session:
        taken(session, first, BOTH, TODAY)
        raise ZeroDivisionError

    assert take(hub, second) is None


def test_of_many_workers_one_has_the_day(hub: Hub) -> None:
    """Each wants the rows in another order: nobody waits for another for ever."""
    subjects = [f"company:com_{n}" for n in range(6)]
    ids = [text(hub) for _ in range(6)]
    start, won = threading.Barrier(len(ids)), []

    def work(number: int) -> None:
        mine = subjects[number:] + subjects[:number]
        start.wait()
        for subject in mine:
            if take(hub, ids[number], subjects=(subject, "phone:+1")) is None:
                won.append(ids[number])

    busy = [threading.Thread(target=work, args=(n,)) for n in range(len(ids))]
    for each in busy:
        each.start()
    for each in busy:
        each.join()

    assert 1 == len(set(won))
    assert 7 == len(rows(hub))
    assert set(won) == set(rows(hub).values())

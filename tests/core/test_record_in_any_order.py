"""The same facts in any order, with duplicates, one at a time or together, at once
from several sides: the same ledger (ROAD 2, 3, 5, 13)."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from threading import Barrier

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.boot import Hub
from hub.core.models import Connection
from hub.core.record import record_all
from tests.parts.hub import connect
from tests.parts.story import Said, World, differences, stories, tellings

_settings = settings(
    max_examples=40,
    deadline=None,
    # Shrinking on a real database takes minutes; the story as it is says enough.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    # The database outlives an example; each story is a world of its own in it.
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@pytest.fixture
def tills(hub: Hub) -> Sequence[Connection]:
    """Two connections to the same account at the same provider."""
    return connect(hub, "till"), connect(hub, "till", "till-2")


def tell(world: World, group: Iterable[Said]) -> None:
    """Record a group in one transaction, as far as one call takes it."""
    with world.hub.write() as session:
        for (number, revision), run in groupby(
            group, key=lambda said: (said.connection, said.revision)
        ):
            connection = session.get_one(Connection, world.connections[number].id)
            facts = [world.fact(said.fact) for said in run]
            record_all(session, connection, facts, revision=revision)


def one_by_one(said: Sequence[Said]) -> list[Said]:
    """The order in which a kind provider would tell it."""
    return sorted(said, key=lambda each: (each.fact.as_of, each.revision))


@_settings
@given(data=st.data())
def test_order_and_duplicates_change_nothing(
    hub: Hub, tills: Sequence[Connection], data: st.DataObject
) -> None:
    """ROAD 2, 3."""
    said = data.draw(stories())
    groups = data.draw(tellings(said))
    plain, mixed = World.make(hub, tills), World.make(hub, tills)
    for each in one_by_one(said):
        tell(plain, [each])
    for group in groups:
        tell(mixed, group)

    assert {} == differences(plain, mixed)


@_settings
@given(said=stories())
def test_hearing_all_again_changes_and_tells_nothing(
    hub: Hub, tills: Sequence[Connection], said: list[Said]
) -> None:
    """ROAD 2, 8: the second run changes nothing."""
    world = World.make(hub, tills)
    for each in said:
        tell(world, [each])
    ledger, told = world.ledger(), world.told()
    for each in said:
        tell(world, [each])

    assert ledger == world.ledger()
    assert told == world.told()


@_settings
@given(data=st.data())
def test_nothing_is_told_twice_and_money_that_stays_is_told(
    hub: Hub, tills: Sequence[Connection], data: st.DataObject
) -> None:
    """ROAD 2, 6: payment.received once per payment, whenever it is ours in the end."""
    said = data.draw(stories())
    world = World.make(hub, tills)
    for group in data.draw(tellings(said)):
        tell(world, group)
    told = world.told()
    payments = world.ledger()["payments"]

    assert sorted(set(told)) == sorted(told)
    received = {key for type, key in told if type == "payment.received"}
    for reference, payment in payments.items():
        ours = payment["state"] in ("confirmed", "paid_out", "refunded", "charged_back")
        if ours and payment["invoice"]:
            assert f"payment.received:{reference}" in received


@settings(_settings, max_examples=25)
@given(data=st.data())
def test_many_at_once_end_in_the_same_ledger(
    hub: Hub, tills: Sequence[Connection], data: st.DataObject
) -> None:
    """ROAD 5: locks in one order; nobody waits for each other, nothing is lost."""
    said = data.draw(stories())
    groups = data.draw(tellings(said))
    plain, together = World.make(hub, tills), World.make(hub, tills)
    for each in one_by_one(said):
        tell(plain, [each])
    at_once(together, groups)

    assert {} == differences(plain, together)


def at_once(world: World, groups: Sequence[Sequence[Said]]) -> None:
    """Each group in a thread of its own, all starting together."""
    start = Barrier(len(groups))

    def run(group: Sequence[Said]) -> None:
        start.wait(10)
        for (_, _), part in groupby(group, key=lambda s: (s.connection, s.revision)):
            tell(world, list(part))

    with ThreadPoolExecutor(len(groups)) as pool:
        for done in [pool.submit(run, group) for group in groups]:
            done.result(30)

"""How hard a connection may be driven (ROAD 20), and how slots are shared."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from hub.boot import Hub
from hub.core import buckets, contexts, deliver
from hub.core.buckets import Buckets, Meter
from hub.core.configuration.live import live
from hub.core.deliveries import budgets, claims, readiness
from hub.core.deliveries.pool import Pool
from hub.core.deliveries.shares import even, share
from hub.core.models import ApiCall, Connection, Worker
from hub.jobs import Bell
from hub.sdk import quota
from hub.sdk.clock import now
from hub.sdk.context import Context
from hub.sdk.http import Outgoing
from hub.sdk.provider import Budget
from tests.core.deliveries.server import Server
from tests.core.deliveries.stage import Actor, Stage


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(now(), tick=False) as traveller:
        yield traveller


def test_rate_is_the_admins_else_the_plugins() -> None:
    budget = Budget(per_second=2)

    assert 2 == buckets.rate(budget, None)
    assert 50 == buckets.rate(budget, 50)


@pytest.mark.parametrize(
    ("budget", "limit", "expected"),
    [
        (Budget(per_second=5, concurrency=4), None, 4),
        (Budget(per_second=5, concurrency=4), 2, 4),
        (Budget(per_second=5, concurrency=4), 10, 8),
        (Budget(per_second=1, concurrency=2), 1000, budgets.MOST_AT_ONCE),
        (Budget(per_second=5, concurrency=100), None, 100),
    ],
)
def test_concurrency_grows_with_the_rate_an_admin_sets(
    budget: Budget, limit: float | None, expected: int
) -> None:
    assert expected == budgets.concurrency(budget, limit)


@pytest.mark.parametrize("redis", ["up", "down"])
def test_bucket_fills_with_time(
    hub: Hub, clock: time_machine.Traveller, redis: str
) -> None:
    """ROAD 20: in Redis, or in memory without it."""
    buckets = _buckets(hub, redis)
    buckets.take("cnn", 1, 1)
    assert 0 == buckets.take("cnn", 1, 1).count
    assert pytest.approx(1.0) == buckets.take("cnn", 1, 1).wait

    clock.shift(timedelta(seconds=1))

    assert 1 == buckets.take("cnn", 1, 1).count


@pytest.mark.parametrize("redis", ["up", "down"])
def test_clock_set_back_does_not_stop_the_bucket(
    hub: Hub, clock: time_machine.Traveller, redis: str
) -> None:
    """ROAD 39: it fills from the present time on."""
    buckets = _buckets(hub, redis)
    clock.shift(timedelta(hours=1))
    buckets.take("cnn", 1, 1)
    clock.shift(timedelta(minutes=-50))
    buckets.take("cnn", 1, 1)

    clock.shift(timedelta(seconds=2))

    assert 1 == buckets.take("cnn", 1, 1).count


def test_processes_share_one_bucket(hub: Hub, clock: time_machine.Traveller) -> None:
    """ROAD 20: the rate is the connection's, however many workers there are."""
    one, two = Buckets(hub), Buckets(hub)

    granted = [one.take("cnn", 10, 8).count, two.take("cnn", 10, 8).count]

    assert [8, 2] == granted


def test_connections_have_buckets_of_their_own(
    hub: Hub, clock: time_machine.Traveller
) -> None:
    buckets = Buckets(hub)
    buckets.take("one", 1, 1)

    assert 1 == buckets.take("two", 1, 1).count


def test_tokens_nothing_was_sent_for_come_back(
    hub: Hub, clock: time_machine.Traveller
) -> None:
    buckets = Buckets(hub)
    buckets.take("cnn", 10, 10)

    buckets.give_back("cnn", 10, 4)

    assert 4 == buckets.take("cnn", 10, 10).count


def test_without_redis_the_rate_is_divided_by_the_live_workers(
    hub: Hub, clock: time_machine.Traveller
) -> None:
    """ROAD 20."""
    with hub.write() as session:
        for number, age in enumerate((0, 1, 60)):
            seen = now() - timedelta(seconds=age)
            session.add(
                Worker(id=f"{number}", kind="deliver", started_at=seen, seen_at=seen)
            )
    buckets = _buckets(hub, "down")
    buckets.take("cnn", 10, 1)

    clock.shift(timedelta(seconds=1))

    assert 5 == buckets.take("cnn", 10, 10).count


def test_rate_holds_back_what_is_due(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """ROAD 20."""
    slack = Actor("slack", budget=Budget(per_second=2, concurrency=8))
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(5):
        stage.deliver(connection_id)

    stage.run()
    assert 2 == len(slack.heard)
    clock.shift(timedelta(seconds=1))
    stage.run()
    assert 4 == len(slack.heard)


def test_pool_asks_for_a_look_when_the_rate_allows(stage: Stage) -> None:
    slack = Actor("slack", budget=Budget(per_second=20, concurrency=8))
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(25):
        stage.deliver(connection_id)
    pool = Pool(stage.hub)

    while stage.states() != {"delivered": 25}:
        deliver.drain(stage.hub, pool, lambda: False)
        assert pool.wait(10)

    pool.close(grace=1)


def test_concurrency_counts_claims_that_live(stage: Stage) -> None:
    """ROAD 20: over all processes, without Redis."""
    stage.hub.bell = Bell("unix:///nowhere")
    slack = Actor("slack", budget=Budget(per_second=1000, concurrency=3))
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(8):
        stage.deliver(connection_id)
    go = threading.Event()
    slack.after = lambda event, ctx: _wait(go)
    pools = [Pool(stage.hub), Pool(stage.hub)]

    for pool in pools:
        deliver.drain(stage.hub, pool, lambda: False)

    # Without Redis each process begins with one and comes to more with time.
    assert stage.states()["sending"] <= 3
    for _ in range(20):
        for pool in pools:
            pool.wait(0.01)
            deliver.drain(stage.hub, pool, lambda: False)
    assert {"sending": 3, "pending": 5} == stage.states()
    go.set()
    for pool in pools:
        pool.close(grace=10)


def test_slots_are_counted_again_by_the_claim(stage: Stage) -> None:
    """ROAD 20: two processes looked before either took."""
    stage.cast(Actor("slack", budget=Budget(per_second=1000, concurrency=3)))
    connection_id = stage.connect("slack")
    for _ in range(8):
        stage.deliver(connection_id)
    with stage.hub.read() as session:
        looks = [readiness.look(session, stage.hub) for _ in range(2)]

    taken = 0
    for ready in looks:
        with stage.hub.write() as session:
            wanted = {connection_id: 3}
            take = claims.claim(session, stage.hub, ready, wanted, worker="me")
        taken += len(take.claimed)

    assert 3 == taken


def test_day_quota_holds_back_till_tomorrow(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """ROAD 20: counted in the database."""
    clock.move_to("2026-03-01T23:59:00Z")
    books = Actor("books", budget=Budget(per_second=9, concurrency=8, per_day=3))
    stage.cast(books)
    connection_id = stage.connect("books")
    with stage.hub.write() as session:
        for hours in (1, 2, 30):
            session.add(_call(connection_id, hours))
    for _ in range(3):
        stage.deliver(connection_id)

    assert 1 == _left_today(stage, connection_id, 3)
    with stage.hub.write() as session:
        session.add(_call(connection_id, 0))
    stage.run()
    assert [] == books.heard

    clock.shift(timedelta(minutes=2))
    stage.run()
    assert 3 == len(books.heard)


def test_providers_own_count_of_the_day_is_believed(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """ROAD 20: corrected from reply headers; other programs call there too."""
    clock.move_to("2026-03-01T12:00:00Z")
    books = Actor("books", budget=Budget(per_second=9, concurrency=8, per_day=100))
    books.acts = [lambda event, ctx: quota.report(ctx, 2)]
    stage.cast(books)
    connection_id = stage.connect("books")
    stage.deliver(connection_id)
    stage.run()
    clock.shift(timedelta(hours=1))
    with stage.hub.write() as session:
        session.add(_call(connection_id, 0.5))

    assert 1 == _left_today(stage, connection_id)
    clock.shift(timedelta(days=1))
    assert 100 == _left_today(stage, connection_id)


def test_new_rate_limit_is_taken_up_without_a_restart(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """ROAD 30."""
    slack = Actor("slack", budget=Budget(per_second=1, concurrency=1))
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(20):
        stage.deliver(connection_id)
    stage.run()
    assert 1 == len(slack.heard)

    from hub.core.configuration import revision
    from hub.core.configuration.live import live

    with stage.hub.write() as session:
        session.get_one(Connection, connection_id).rate_limit = 1000
        revision.bump(session)
    live(stage.hub).refresh()
    clock.shift(timedelta(seconds=1))
    stage.run()

    assert 20 == len(slack.heard)


@pytest.mark.parametrize("redis", ["up", "down"])
def test_rate_counts_calls_not_deliveries(
    stage: Stage, server: Server, clock: time_machine.Traveller, redis: str
) -> None:
    """ROAD 20: with and without Redis."""
    if redis == "down":
        stage.hub.bell = Bell("unix:///nowhere")
    slack = Actor("slack", budget=Budget(per_second=50, concurrency=8))
    slack.after = _three_calls
    stage.cast(slack)
    connection_id = stage.connect("slack", settings={"api_base_url": server.url})
    rate = stage.hub.part(Buckets)
    clock.shift(timedelta(seconds=2))
    rate.give_back(connection_id, 50, 50)
    for _ in range(2):
        stage.deliver(connection_id)

    stage.run()

    assert 6 == len(server.requests)
    assert 44 == rate.take(connection_id, 50, 100).count


def test_calls_under_way_go_before_new_deliveries(
    hub: Hub, clock: time_machine.Traveller
) -> None:
    """ROAD 20: what they owe is paid before anything new is claimed."""
    buckets = Buckets(hub)
    assert 2 == buckets.take("cnn", 2, 2).count

    waits = [buckets.charge("cnn", 2) for _ in range(4)]

    assert [0.5, 1.0, 1.5, 2.0] == waits
    assert (0, 2.5) == (
        (grant := buckets.take("cnn", 2, 1)).count,
        grant.wait,
    )
    clock.shift(timedelta(seconds=2.5))
    assert 1 == buckets.take("cnn", 2, 1).count


def test_calls_of_one_hook_wait_only_so_long_for_their_turn(
    hub: Hub, clock: time_machine.Traveller
) -> None:
    """ROAD 20, 26: a hook has to end before it counts as hanging."""
    meter = Meter(Buckets(hub), "cnn", 0.01, paid=1, patience=0.05)
    around = meter.around(buckets.free)
    request = Outgoing("GET", "https://api.example.com/", {}, None, True)

    for _ in range(4):
        with around(request):
            pass

    assert 0 == meter.patience
    assert 0 == meter.buckets.take("cnn", 0.01, 1).count


def test_sync_is_charged_too(
    stage: Stage, server: Server, clock: time_machine.Traveller
) -> None:
    """ROAD 20: whoever calls."""
    slack = Actor("slack", budget=Budget(per_second=10))
    stage.cast(slack)
    id = stage.connect("slack", settings={"api_base_url": server.url})

    with contexts.opened(stage.hub, live(stage.hub).by_id(id)) as ctx:
        for _ in range(12):
            ctx.http.get("https://api.example.com/page")

    assert 0 == stage.hub.part(Buckets).take(id, 10, 1).count


def _three_calls(event: object, ctx: Context) -> None:
    for number in range(3):
        ctx.http.post("https://api.example.com/things", json={"number": number})


def test_lone_connection_gets_at_most_half_of_the_slots() -> None:
    assert {"a": 64} == share({"a": 500}, {}, 128)


def test_last_slot_goes_to_who_has_none() -> None:
    assert {"slow": 0, "new": 1} == share({"slow": 9, "new": 9}, {"slow": 3}, 1)


@given(
    rooms=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 200)),
    size=st.integers(0, 200),
    data=st.data(),
)
def test_shares_are_fair(rooms: dict[str, int], size: int, data: st.DataObject) -> None:
    """Whatever was handed out: no more than the budget, no more than is free, and
    beyond its first slot nobody holds more than is left."""
    given_ = share(rooms, {}, size)
    free = size - sum(given_.values())

    assert free >= 0
    for id, count in given_.items():
        assert 0 <= count <= rooms[id]
        assert count <= max(1, free + 1)
    if free and any(given_[id] < rooms[id] for id in rooms):
        hungry = [given_[id] for id in rooms if given_[id] < rooms[id]]
        assert min(hungry) > 0


def test_spare_threads_are_divided_evenly() -> None:
    assert {"a": 3, "b": 10, "c": 10} == even({"a": 3, "b": 64, "c": 64}, 23)
    assert {"a": 3} == even({"a": 3}, 23)
    assert {} == even({}, 23)


def _left_today(stage: Stage, connection_id: str, per_day: int = 100) -> int | None:
    with stage.hub.read() as session:
        return budgets.left_today(session, connection_id, Budget(per_day=per_day))


def _wait(event: threading.Event) -> None:
    assert event.wait(60)


def _buckets(hub: Hub, redis: str) -> Buckets:
    if redis == "down":
        hub.bell = Bell("unix:///nowhere")
    return Buckets(hub)


def _call(connection_id: str, hours: float) -> ApiCall:
    return ApiCall(
        plugin="books",
        connection_id=connection_id,
        method="POST",
        url="https://api.example.com/",
        duration_ms=1,
        request_size=0,
        response_size=0,
        created_at=now() - timedelta(hours=hours),
    )

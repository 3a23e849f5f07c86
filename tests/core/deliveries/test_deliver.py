"""Claim, send, settle: the road of one delivery (hub.core.deliver)."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.core import deliver
from hub.core.deliveries import claims, readiness, scribe, settle
from hub.core.deliveries import pool as pool_module
from hub.core.deliveries.outcomes import delivered
from hub.core.deliveries.pool import Pool
from hub.core.deliveries.settle import Done
from hub.core.models import ApiCall, Connection, Delivery, PluginSwitch
from hub.plugins import Plugins
from hub.sdk.clock import now
from hub.sdk.context import Context
from hub.sdk.errors import RejectedError
from hub.sdk.events import Event
from hub.sdk.provider import Budget
from tests.core.deliveries.stage import Actor, Stage, failing


def test_delivery_is_delivered_once(stage: Stage) -> None:
    """ROAD 16; and each step may run twice."""
    slack = Actor("slack")
    stage.cast(slack)
    id = stage.deliver(stage.connect("slack"), "news")

    assert 1 == stage.run()
    assert 0 == stage.run()

    assert ["news"] == slack.heard
    row = stage.delivery(id)
    assert ("delivered", None, 1) == (row.state, row.claim, row.attempts)
    [attempt] = stage.attempts(id)
    assert "delivered" == attempt.outcome
    assert attempt.finished_at is not None


def test_claim_attempt_and_lease_are_committed_before_the_call(stage: Stage) -> None:
    """ROAD 16: a crash during the call leaves a trace of it."""
    slack = Actor("slack")
    stage.cast(slack)
    id = stage.deliver(stage.connect("slack"))
    seen: list[tuple[str, bool, str | None, int]] = []

    def look(event: object, ctx: object) -> None:
        row = stage.delivery(id)
        [attempt] = stage.attempts(id)
        leased = row.lease_until is not None and row.lease_until > now()
        seen.append((row.state, leased, attempt.outcome, attempt.number))

    slack.acts = [look]
    stage.run()

    assert [("sending", True, None, 1)] == seen


def test_late_result_of_a_lost_claim_does_not_count(stage: Stage) -> None:
    """ROAD 16: the result is written where the claim is still ours."""
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    id = stage.deliver(connection_id)
    old = _claim(stage, connection_id, 1)
    stage.change(Delivery, id, state="retrying", claim=None, next_attempt_at=now())
    [new] = _claim(stage, connection_id, 1)

    with stage.hub.write() as session:
        late = settle.settle(session, [_done(each) for each in old])

    assert () == late.counted
    row = stage.delivery(id)
    assert ("sending", new.claim) == (row.state, row.claim)


def test_two_claimers_never_take_the_same(stage: Stage) -> None:
    """ROAD 16: SKIP LOCKED on PostgreSQL, one writer on SQLite."""
    slack = Actor("slack", budget=Budget(per_second=1000, concurrency=100))
    stage.cast(slack)
    connection_id = stage.connect("slack")
    ids = [stage.deliver(connection_id) for _ in range(30)]
    taken: list[str] = []
    start = threading.Barrier(4)

    def take() -> None:
        start.wait()
        for _ in range(10):
            taken.extend(each.id for each in _claim(stage, connection_id, 3))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == sorted(set(taken))
    assert set(taken) <= set(ids)


def test_only_as_many_are_claimed_as_there_are_slots(stage: Stage) -> None:
    """ROAD 16: a row that is claimed and not sent is held up for nothing."""
    slack = Actor("slack")
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(5):
        stage.deliver(connection_id)
    go = threading.Event()
    slack.after = lambda event, ctx: _wait(go)
    pool = Pool(stage.hub, size=4)

    deliver.drain(stage.hub, pool, lambda: False)

    assert {"sending": 2, "pending": 3} == stage.states()
    go.set()
    pool.close(grace=10)


def test_older_delivery_of_the_same_subject_goes_first(stage: Stage) -> None:
    """ROAD 18."""
    slack = Actor("slack")
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for name in ("first", "second", "third"):
        stage.deliver(connection_id, name, subject="invoice:inv_1")
    other = threading.Event()
    slack.after = lambda event, ctx: (
        _wait(other) if event.data["name"] == "first" else None
    )
    stage.deliver(connection_id, "other", subject="invoice:inv_2")
    slack.acts = []
    pool = Pool(stage.hub)

    deliver.drain(stage.hub, pool, lambda: False)
    _until(lambda: {"first", "other"} == set(slack.heard))
    _until(lambda: not pool.wait(0.2))
    deliver.drain(stage.hub, pool, lambda: False)

    assert {"first", "other"} == set(slack.heard)
    other.set()
    pool.close(grace=10)
    stage.run()
    assert ["first", "second", "third"] == [n for n in slack.heard if n != "other"]


@pytest.mark.parametrize("state", ["retrying", "in_doubt", "sending"])
def test_unfinished_delivery_holds_up_those_behind_it(stage: Stage, state: str) -> None:
    """ROAD 18: also one that waits for its next try, or for a person."""
    slack = Actor("slack")
    stage.cast(slack)
    connection_id = stage.connect("slack")
    first = stage.deliver(connection_id, subject="invoice:inv_1")
    later = now() + timedelta(hours=1)
    stage.change(Delivery, first, state=state, next_attempt_at=later)
    stage.deliver(connection_id, "second", subject="invoice:inv_1")

    stage.run()
    assert [] == slack.heard

    stage.change(Delivery, first, state="dead")
    stage.run()
    assert ["second"] == slack.heard


@pytest.mark.parametrize("state", ["setup", "needs_reauth", "disabled"], ids=str)
def test_deliveries_of_a_held_connection_wait_unchanged(
    stage: Stage, state: str
) -> None:
    """ROAD 19: held is derived from the connection."""
    slack = Actor("slack")
    stage.cast(slack)
    connection_id = stage.connect("slack", state=state)
    id = stage.deliver(connection_id, "news")

    stage.run()
    assert ("pending", 0) == (stage.delivery(id).state, stage.delivery(id).attempts)

    stage.change(Connection, connection_id, state="active")
    stage.run()
    assert ["news"] == slack.heard


@pytest.mark.parametrize(
    "switch",
    [{"enabled": False}, {"quarantined_at": now(), "quarantine_reason": "crashes"}],
    ids=["disabled", "quarantined"],
)
def test_deliveries_of_a_plugin_that_is_off_wait(
    stage: Stage, switch: dict[str, object]
) -> None:
    """ROAD 26 and DESIGN 4: its connections are held."""
    slack = Actor("slack")
    stage.cast(slack)
    stage.deliver(stage.connect("slack"))
    stage.change(PluginSwitch, "slack", **switch)

    stage.run()

    assert {"pending": 1} == stage.states()


def test_deliveries_of_a_plugin_that_is_not_installed_wait(stage: Stage) -> None:
    stage.cast(Actor("slack"))
    stage.deliver(stage.connect("slack"))
    stage.hub.plugins = Plugins([])

    stage.run()

    assert {"pending": 1} == stage.states()


def test_claim_looks_at_the_connection_in_the_same_transaction(stage: Stage) -> None:
    """ROAD 30: what was disabled after the look is not sent."""
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    stage.deliver(connection_id)
    with stage.hub.read() as session:
        ready = readiness.look(session, stage.hub)
    stage.change(Connection, connection_id, state="disabled")

    with stage.hub.write() as session:
        taken = claims.claim(session, stage.hub, ready, {connection_id: 1}, worker="me")

    assert [] == list(taken.claimed)


def test_hook_that_fails_harms_no_other_delivery(stage: Stage) -> None:
    """DESIGN 4: a hook that raises is that delivery's failure."""
    slack, teams = Actor("slack"), Actor("teams")
    errors = {"bad": RuntimeError("secret-in-a-message"), "worse": SystemExit()}

    def act(event: Event, ctx: Context) -> None:
        if error := errors.get(event.data["name"]):
            raise error

    slack.after = act
    stage.cast(slack, teams)
    one, two = stage.connect("slack"), stage.connect("teams")
    bad = [stage.deliver(one, name) for name in errors]
    good = [stage.deliver(one), stage.deliver(two)]

    stage.run()

    assert ["dead", "dead"] == [stage.delivery(id).state for id in bad]
    assert ["delivered", "delivered"] == [stage.delivery(id).state for id in good]
    assert "RuntimeError" in stage.delivery(bad[0]).reason
    assert "secret" not in stage.delivery(bad[0]).reason
    assert "crashed" == stage.attempts(bad[1])[0].outcome


def test_unticked_hook_is_not_called_for_what_waits(stage: Stage) -> None:
    slack = Actor("slack")
    stage.cast(slack)
    id = stage.deliver(stage.connect("slack", hooks_off=["on_payment_received"]))

    stage.run()

    row = stage.delivery(id)
    assert ("skipped", "policy", 0) == (row.state, row.reason, row.attempts)
    assert [] == slack.heard


def test_drain_stops_when_it_is_told_to(stage: Stage) -> None:
    """ROAD 24."""
    stage.cast(Actor("slack"))
    stage.deliver(stage.connect("slack"))
    pool = Pool(stage.hub)

    assert 0 == deliver.drain(stage.hub, pool, lambda: True)
    pool.close(grace=1)

    assert {"pending": 1} == stage.states()


def test_slow_connection_does_not_delay_another(stage: Stage) -> None:
    """ROAD 20 and law 8: it never holds more slots than it leaves free."""
    slow = Actor("slow", budget=Budget(per_second=1000, concurrency=100))
    quick = Actor("quick")
    stage.cast(slow, quick)
    one, two = stage.connect("slow"), stage.connect("quick")
    go, done = threading.Event(), threading.Event()
    slow.after = lambda event, ctx: _wait(go)
    quick.after = lambda event, ctx: done.set()
    for _ in range(40):
        stage.deliver(one)
    pool = Pool(stage.hub, size=8, spare=0)
    deliver.drain(stage.hub, pool, lambda: False)
    assert {one: 4} == pool.held()

    stage.deliver(two)
    deliver.drain(stage.hub, pool, lambda: False)

    assert done.wait(10)
    assert not go.is_set()
    go.set()
    pool.close(grace=10)


def test_slow_connections_give_their_slots_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 8: what takes long goes on beside the pool's own threads."""
    slow = Actor("slow", budget=Budget(per_second=1000, concurrency=100))
    quick = Actor("quick", budget=Budget(per_second=1000, concurrency=4))
    stage.cast(slow, quick)
    one, two = stage.connect("slow"), stage.connect("quick")
    go = threading.Event()
    slow.after = lambda event, ctx: _wait(go)
    for _ in range(40):
        stage.deliver(one)
    pool = Pool(stage.hub, size=8, spare=6)
    monkeypatch.setattr(pool_module, "LONG", 1000.0)
    deliver.drain(stage.hub, pool, lambda: False)
    assert ({one: 4}, 4) == (pool.held(), pool.free)
    monkeypatch.setattr(pool_module, "LONG", 0.0)
    assert ({}, 8) == (pool.held(), pool.free)

    deliver.drain(stage.hub, pool, lambda: False)
    assert ({one: 2}, 6) == (pool.held(), pool.free)

    together = threading.Barrier(2)
    quick.after = lambda event, ctx: _wait_for(together)
    for _ in range(2):
        stage.deliver(two)
    deliver.drain(stage.hub, pool, lambda: False)

    _until(lambda: 2 == stage.states()["delivered"])
    go.set()
    pool.close(grace=10)


def test_stopped_worker_leaves_nothing_half_done(stage: Stage) -> None:
    """ROAD 24: what can't be waited for is tried again, and nobody is blamed."""
    slack = Actor("slack", after_unknown_outcome="resend")
    stage.cast(slack)
    id = stage.deliver(stage.connect("slack"), "news")
    started, go = threading.Event(), threading.Event()

    def hang(event: object, ctx: object) -> None:
        started.set()
        _wait(go)

    slack.acts = [hang]
    pool = Pool(stage.hub)
    deliver.drain(stage.hub, pool, lambda: False)
    assert started.wait(10)
    pool.close(grace=0)

    row = stage.delivery(id)
    assert ("retrying", 0, None) == (row.state, row.lost_leases, row.claim)
    assert "interrupted" == stage.attempts(id)[0].outcome
    go.set()
    stage.change(Delivery, id, next_attempt_at=now())
    stage.run()
    assert ["news", "news"] == slack.heard
    assert "delivered" == stage.delivery(id).state


def test_lease_of_a_slow_delivery_is_prolonged(stage: Stage) -> None:
    """ROAD 39: as long as its process lives nobody else takes it."""
    slack = Actor("slack")
    stage.cast(slack)
    id = stage.deliver(stage.connect("slack"))
    go = threading.Event()
    slack.acts = [lambda event, ctx: _wait(go)]
    pool = Pool(stage.hub)
    deliver.drain(stage.hub, pool, lambda: False)
    stage.change(Delivery, id, lease_until=now() + timedelta(seconds=1))

    pool.renew()

    lease = stage.delivery(id).lease_until
    assert lease is not None
    assert lease > now() + timedelta(seconds=60)
    go.set()
    pool.close(grace=10)


def test_ring_during_a_drain_is_not_lost(stage: Stage) -> None:
    """ROAD 23: the drain deletes the debounce key before its last look."""
    stage.cast(Actor("slack"))
    stage.hub.bell.ring("deliver")
    redis = stage.hub.bell.redis
    assert 1 == redis.exists("hub:rung:deliver")
    pool = Pool(stage.hub)

    deliver.drain(stage.hub, pool, lambda: False)
    pool.close(grace=1)

    assert 0 == redis.exists("hub:rung:deliver")


def test_trail_of_calls_leads_back_to_the_delivery(stage: Stage) -> None:
    """DESIGN 3: attempts and API calls."""
    slack = Actor("slack")
    slack.acts = [lambda event, ctx: ctx.http.get("https://api.example.com/things")]
    stage.cast(slack)
    # Nobody listens there: the call fails and is written down all the same.
    base = {"api_base_url": "http://127.0.0.1:9"}
    id = stage.deliver(stage.connect("slack", settings=base))

    stage.run()

    with stage.hub.read() as session:
        calls = session.scalar(select(func.count()).where(ApiCall.delivery_id == id))
    assert 1 == calls
    assert "retrying" == stage.delivery(id).state


def test_nothing_is_claimed_while_all_slots_are_taken(stage: Stage) -> None:
    slack = Actor("slack")
    stage.cast(slack)
    stage.deliver(stage.connect("slack"))
    pool = Pool(stage.hub, size=0)

    assert 0 == deliver.drain(stage.hub, pool, lambda: False)

    pool.close(grace=0)
    assert {"pending": 1} == stage.states()


def test_many_deliveries_arrive_each_once(stage: Stage) -> None:
    slack = Actor("slack", budget=Budget(per_second=1000, concurrency=8))
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for number in range(60):
        stage.deliver(connection_id, f"{number}")

    stage.run()

    assert sorted(map(str, range(60))) == sorted(slack.heard)
    assert {"delivered": 60} == stage.states()


def _claim(stage: Stage, connection_id: str, count: int) -> list[claims.Claimed]:
    with stage.hub.read() as session:
        ready = readiness.look(session, stage.hub)
    with stage.hub.write() as session:
        take = claims.claim(
            session, stage.hub, ready, {connection_id: count}, worker="me"
        )
    return list(take.claimed)


def _done(claimed: claims.Claimed) -> Done:
    return Done(
        claimed=claimed,
        outcome=delivered(),
        sent_at=None,
        steps={},
        finished_at=now(),
    )


def _wait(event: threading.Event) -> None:
    assert event.wait(60)


def _wait_for(others: threading.Barrier) -> None:
    others.wait(60)


def _until(condition: object) -> None:
    for _ in range(500):
        if condition():  # type: ignore[operator]
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


def test_result_that_can_not_be_written_as_it_is_is_written_plainly(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 26: or the provider would be called again for ever, and the plugin
    blamed for it."""
    slack = Actor("slack")
    slack.after = failing(RejectedError("Unspeakable."))
    stage.cast(slack)
    id = stage.deliver(stage.connect("slack"))
    commit = scribe.Scribe._commit

    def committed(self: Any, done: Any, marked: Any) -> None:
        if any("Unspeakable" in each.outcome.error for each in done):
            raise ValueError("no such character")
        commit(self, done, marked)

    monkeypatch.setattr(scribe.Scribe, "_commit", committed)

    stage.run()

    assert "dead" == stage.delivery(id).state
    assert 1 == len(slack.heard)

"""What dead processes leave behind, and plugins that kill them (ROAD 26)."""

from datetime import timedelta

from sqlalchemy import select

from hub.boot import Hub
from hub.core import sweep
from hub.core.deliveries import claims, readiness
from hub.core.models import (
    Connection,
    Delivery,
    InboundWebhook,
    Notification,
    PluginSwitch,
    User,
    new_id,
)
from hub.sdk.clock import now
from tests.core.deliveries.stage import Actor, Stage


def test_three_lost_leases_hold_the_plugin(stage: Stage) -> None:
    """ROAD 26: that delivery is dead, the plugin quarantined, admins are told."""
    crashing = Actor("crashing", after_unknown_outcome="resend")
    stage.cast(crashing)
    connection_id = stage.connect("crashing")
    id = stage.deliver(connection_id)
    behind = stage.deliver(connection_id)
    stage.change(Delivery, behind, next_attempt_at=now() + timedelta(hours=1))
    admin = _admin(stage.hub)

    for turn in (1, 2, 3):
        assert "dead" not in stage.states()
        _claim_and_die(stage, connection_id, id)
        sweep.run(stage.hub)
        assert turn == stage.delivery(id).lost_leases
        stage.change(Delivery, id, next_attempt_at=now())

    row = stage.delivery(id)
    assert "dead" == row.state
    assert "probably crashes" in row.reason
    with stage.hub.read() as session:
        switch = session.get_one(PluginSwitch, "crashing")
        told = session.scalars(
            select(Notification.type).where(Notification.user_id == admin)
        ).all()
    assert switch.quarantined_at is not None
    assert ["plugin.quarantined"] == list(told)
    stage.change(Delivery, behind, next_attempt_at=now())
    stage.run()
    assert "pending" == stage.delivery(behind).state


def test_try_under_way_while_its_connection_is_removed_is_the_last(
    stage: Stage,
) -> None:
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    retrying = stage.deliver(connection_id, state="retrying")
    other = stage.deliver(stage.connect("slack", "other"))
    stage.change(Connection, connection_id, state="disabled", removed_at=now())

    for _ in range(2):
        sweep.run(stage.hub)

    row = stage.delivery(retrying)
    assert ("skipped", "connection removed") == (row.state, row.reason)
    assert row.finished_at is not None
    assert "pending" == stage.delivery(other).state


def test_result_forgives_lost_leases(stage: Stage) -> None:
    """ROAD 26: three in a row without a result."""
    slack = Actor("slack", after_unknown_outcome="resend")
    stage.cast(slack)
    connection_id = stage.connect("slack")
    id = stage.deliver(connection_id, lost_leases=2)

    stage.run()

    row = stage.delivery(id)
    assert ("delivered", 0) == (row.state, row.lost_leases)


def test_what_was_lost_twice_is_sent_alone(stage: Stage) -> None:
    """ROAD 26: so that no other delivery is blamed for what it does."""
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    suspects = {stage.deliver(connection_id, lost_leases=2) for _ in range(3)}
    others = {stage.deliver(connection_id) for _ in range(2)}

    first = _claim(stage, connection_id)
    second = _claim(stage, connection_id, suspect=False)

    assert 1 == len(first & suspects)
    assert others <= first
    assert set() == second


def test_one_suspect_at_a_time_over_all_connections(stage: Stage) -> None:
    """ROAD 26."""
    stage.cast(Actor("slack"))
    ids = [stage.connect("slack"), stage.connect("slack", "slack-2")]
    for id in ids:
        stage.deliver(id, lost_leases=2)
    with stage.hub.read() as session:
        ready = readiness.look(session, stage.hub)

    with stage.hub.write() as session:
        wanted = dict.fromkeys(ids, 8)
        take = claims.claim(session, stage.hub, ready, wanted, worker="me")

    assert 1 == len(take.claimed)


def test_dead_workers_claims_are_taken_up_at_once(stage: Stage) -> None:
    """Law 1: the supervisor knows which worker has ended, no lease is waited for."""
    stage.cast(Actor("slack", after_unknown_outcome="resend"))
    connection_id = stage.connect("slack")
    mine, theirs = stage.deliver(connection_id), stage.deliver(connection_id)
    stage.change(Delivery, theirs, next_attempt_at=now() + timedelta(hours=1))
    _claim(stage, connection_id, worker="me")
    stage.change(Delivery, theirs, next_attempt_at=now())
    _claim(stage, connection_id, worker="dead")

    assert 1 == sweep.lost(stage.hub, "dead")
    assert 0 == sweep.lost(stage.hub, "dead")

    assert ("sending", "retrying") == (
        stage.delivery(mine).state,
        stage.delivery(theirs).state,
    )


def test_due_rows_are_rung_for(stage: Stage) -> None:
    """ROAD 23: a ring may be lost with Redis."""
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    redis = stage.hub.bell.redis
    sweep.run(stage.hub)
    assert [0, 0] == [redis.llen(f"rq:queue:{name}") for name in ("process", "deliver")]

    stage.deliver(connection_id)
    moment = now()
    with stage.hub.write() as session:
        session.add(
            InboundWebhook(
                connection_id=connection_id,
                method="POST",
                path="",
                size=0,
                received_at=moment,
                state="received",
                next_attempt_at=moment,
            )
        )
    sweep.run(stage.hub)

    assert [1, 1] == [redis.llen(f"rq:queue:{name}") for name in ("process", "deliver")]


def test_nothing_is_rung_for_what_is_held(stage: Stage) -> None:
    """ROAD 19: 100,000 rows of a paused connection wake nobody."""
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack", state="disabled")
    stage.deliver(connection_id)

    sweep.run(stage.hub)

    assert 0 == stage.hub.bell.redis.llen("rq:queue:deliver")
    assert stage.connection(connection_id).paused_at is not None


def _admin(hub: Hub) -> str:
    id = new_id("usr")
    with hub.write() as session:
        session.add(User(id=id, email="admin@example.com", role="admin"))
    return id


def _claim(
    stage: Stage, connection_id: str, *, worker: str = "dead", suspect: bool = True
) -> set[str]:
    with stage.hub.read() as session:
        ready = readiness.look(session, stage.hub)
    with stage.hub.write() as session:
        take = claims.claim(
            session,
            stage.hub,
            ready,
            {connection_id: 8},
            worker=worker,
            suspect=suspect,
        )
    return {each.id for each in take.claimed}


def _claim_and_die(stage: Stage, connection_id: str, id: str) -> None:
    assert {id} == _claim(stage, connection_id)
    stage.change(Delivery, id, lease_until=now() - timedelta(seconds=1))

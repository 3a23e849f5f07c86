"""Breaker, outages, Retry-After, credentials, the 72 hours (ROAD 6, 19, 21)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from hub.boot import Hub
from hub.core import connections, sweep
from hub.core.configuration import switches as plugin_switches
from hub.core.deliveries import breaker, claims, outages, pauses, readiness
from hub.core.models import Connection, Delivery, Notification, Outage, User, new_id
from hub.sdk.clock import now
from hub.sdk.errors import (
    CredentialsError,
    RateLimitError,
    RejectedError,
    UnavailableError,
)
from tests.core.deliveries.stage import Actor, Stage, failing

DOWN = UnavailableError("Slack can't answer now (HTTP 503).")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still unless moved."""
    with time_machine.travel(now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def admin(hub: Hub) -> str:
    id = new_id("usr")
    with hub.write() as session:
        session.add(User(id=id, email="admin@example.com", role="admin"))
    return id


def test_failure_is_tried_again_later(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """ROAD 6: the row's state and `next_attempt_at` say when."""
    slack = Actor("slack", after_unknown_outcome="resend")
    slack.acts = [failing(DOWN)]
    stage.cast(slack)
    id = stage.deliver(stage.connect("slack"))

    stage.run()
    row = stage.delivery(id)
    assert ("retrying", str(DOWN)) == (row.state, row.reason)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > now()
    stage.run()
    assert 1 == len(slack.heard)

    clock.move_to(row.next_attempt_at)
    stage.run()
    assert "delivered" == stage.delivery(id).state


def test_delivery_dies_after_72_hours_and_not_before(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """ROAD 6: at least 72 hours, then dead."""
    slack = Actor("slack")
    slack.after = failing(DOWN)
    stage.cast(slack)
    id = stage.deliver(stage.connect("slack"))
    begun = now()
    for _ in range(200):
        stage.run()
        row = stage.delivery(id)
        if row.state == "dead":
            break
        assert row.next_attempt_at is not None
        clock.move_to(max(row.next_attempt_at, _probe(stage)))

    assert "dead" == row.state
    assert now() - begun >= timedelta(hours=72)
    assert now() - begun < timedelta(hours=80)


def test_clock_stands_still_while_the_connection_is_paused(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """ROAD 19: the 72 hours are those in which it could be tried."""
    slack = Actor("slack")
    slack.acts = [failing(DOWN), failing(DOWN)]
    stage.cast(slack)
    connection_id = stage.connect("slack")
    id = stage.deliver(connection_id)
    stage.run()
    with stage.hub.write() as session:
        connections.disable(session, "slack", actor="test")
    clock.shift(timedelta(hours=100))
    with stage.hub.write() as session:
        connections.enable(session, "slack", actor="test")

    stage.run()

    row = stage.delivery(id)
    assert ("retrying", 2) == (row.state, row.attempts)
    assert row.deadline is not None
    assert row.deadline - now() > timedelta(hours=71)
    assert stage.connection(connection_id).paused_at is None


def test_disabled_plugin_stops_the_clock_too(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """ROAD 19: the sweep notes since when."""
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    with stage.hub.write() as session:
        plugin_switches.disable(session, "slack")

    sweep.run(stage.hub)
    since = stage.connection(connection_id).paused_at
    clock.shift(timedelta(hours=1))
    sweep.run(stage.hub)

    assert since is not None
    assert since == stage.connection(connection_id).paused_at


def test_pause_is_given_back_once(stage: Stage) -> None:
    """Law 4."""
    stage.cast(Actor("slack"))
    paused_at = now() - timedelta(hours=10)
    connection_id = stage.connect("slack", paused_at=paused_at)
    id = stage.deliver(connection_id, deadline=now())
    with stage.hub.write() as session:
        row = session.get_one(Connection, connection_id)
        pauses.resume(session, row)
        pauses.resume(session, row)

    deadline = stage.delivery(id).deadline
    assert deadline is not None
    hours = (deadline - now()) / timedelta(hours=1)
    assert 9.9 < hours < 10.1


def test_failures_in_a_row_open_one_outage(stage: Stage) -> None:
    """ROAD 21: across deliveries, and only a probe goes out then."""
    slack = Actor("slack")
    slack.after = failing(DOWN)
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(30):
        stage.deliver(connection_id)

    stage.run(size=4)
    sent = len(slack.heard)
    stage.run(size=4)

    [outage] = stage.outages()
    assert (connection_id, None) == (outage.connection_id, outage.ended_at)
    assert sent == len(slack.heard)
    assert breaker.OPENS_AT <= sent <= breaker.OPENS_AT + 4
    assert "degraded" == stage.connection(connection_id).state


def test_success_in_between_keeps_the_breaker_closed(stage: Stage) -> None:
    slack = Actor("slack")
    works = lambda event, ctx: None  # noqa: E731
    slack.acts = [*[failing(DOWN)] * 4, works, *[failing(DOWN)] * 4]
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(9):
        stage.deliver(connection_id)

    stage.run(size=1)

    assert [] == stage.outages()
    assert 4 == stage.connection(connection_id).failures


def test_one_probe_at_a_time_until_it_works_again(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """ROAD 21."""
    slack = Actor("slack")
    slack.after = failing(DOWN)
    stage.cast(slack)
    connection_id = stage.connect("slack")
    ids = [stage.deliver(connection_id) for _ in range(12)]
    stage.run(size=2)
    before = len(slack.heard)

    clock.move_to(_probe(stage))
    stage.run(size=8)
    assert 1 == len(slack.heard) - before
    stage.run(size=8)
    assert 1 == len(slack.heard) - before

    slack.after = lambda event, ctx: None
    clock.move_to(_probe(stage))
    stage.run(size=8)

    assert {"delivered": len(ids)} == stage.states()
    [outage] = stage.outages()
    assert outage.ended_at is not None
    connection = stage.connection(connection_id)
    assert ("active", "", 0) == (
        connection.state,
        connection.problem,
        connection.failures,
    )


def test_refusal_of_one_message_is_no_outage(stage: Stage) -> None:
    """A provider that says no is there."""
    slack = Actor("slack")
    slack.after = failing(RejectedError("channel_not_found"))
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(8):
        stage.deliver(connection_id)

    stage.run()

    assert {"dead": 8} == stage.states()
    assert [] == stage.outages()


def test_admins_hear_once_when_it_starts_and_once_when_it_ends(
    stage: Stage, clock: time_machine.Traveller, admin: str
) -> None:
    """ROAD 21; the event goes to other connections, not to the failing one."""
    slack, teams = Actor("slack"), Actor("teams")
    slack.after = failing(DOWN)
    stage.cast(slack, teams)
    one = stage.connect("slack")
    stage.connect("teams")
    for _ in range(8):
        stage.deliver(one)

    stage.run(size=1)
    outages.tell(stage.hub)
    outages.tell(stage.hub)
    clock.move_to(_probe(stage))
    stage.run(size=1)
    outages.tell(stage.hub)

    [failing_] = stage.events("connection.failing")
    assert ("slack", "slack", "Slack", str(DOWN)) == tuple(
        failing_.data[key] for key in ("connection", "plugin", "title", "problem")
    )
    assert ["connection.failing"] == teams.heard
    with stage.hub.read() as session:
        told = select(Delivery.reason).where(
            Delivery.connection_id == one, Delivery.event_id == failing_.id
        )
        assert ["echo"] == list(session.scalars(told))
    assert ["connection.failing"] == _told(stage.hub, admin)

    slack.after = lambda event, ctx: None
    clock.move_to(_probe(stage))
    stage.run(size=1)
    outages.tell(stage.hub)
    outages.tell(stage.hub)

    assert ["connection.failing", "connection.recovered"] == _told(stage.hub, admin)


def test_outage_that_ended_before_it_was_told_is_not_told(
    stage: Stage, admin: str
) -> None:
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    with stage.hub.write() as session:
        session.add(
            Outage(
                connection_id=connection_id,
                started_at=now(),
                ended_at=now(),
                reason="",
            )
        )

    outages.tell(stage.hub)
    outages.tell(stage.hub)

    assert [] == _told(stage.hub, admin)


def test_refused_credentials_hold_the_connection_for_a_person(
    stage: Stage, admin: str
) -> None:
    """DESIGN 8: pause, ask a person; ROAD 19: the delivery waits."""
    slack = Actor("slack")
    slack.after = failing(CredentialsError("Slack refused our credentials."))
    stage.cast(slack)
    connection_id = stage.connect("slack")
    ids = [stage.deliver(connection_id) for _ in range(10)]

    stage.run(size=2)
    heard = len(slack.heard)
    stage.run(size=2)
    outages.tell(stage.hub)
    outages.tell(stage.hub)

    assert heard == len(slack.heard) <= 4
    assert "dead" not in stage.states()
    connection = stage.connection(connection_id)
    assert ("needs_reauth", "Slack refused our credentials.") == (
        connection.state,
        connection.problem,
    )
    assert ["connection.failing"] == _told(stage.hub, admin)

    slack.after = lambda event, ctx: None
    with stage.hub.write() as session:
        connections.repaired(session, "slack", actor="test")
    stage.run()
    outages.tell(stage.hub)

    assert {"delivered"} == {stage.delivery(id).state for id in ids}
    assert ["connection.failing", "connection.recovered"] == _told(stage.hub, admin)


def test_success_beside_a_refusal_is_no_repair(stage: Stage) -> None:
    """One was on its way while another was refused: a person is needed all the same."""
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    for signs in (breaker.Signs(refused="refused"), breaker.Signs(works=True)):
        with stage.hub.write() as session:
            breaker.note(session, connection_id, signs)

    [outage] = stage.outages()
    assert outage.ended_at is None
    assert "needs_reauth" == stage.connection(connection_id).state


def test_outage_that_opens_after_the_look_is_seen_by_the_claim(stage: Stage) -> None:
    """ROAD 21, 30."""
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    stage.deliver(connection_id)
    with stage.hub.read() as session:
        ready = readiness.look(session, stage.hub)
    with stage.hub.write() as session:
        breaker.note(session, connection_id, breaker.Signs(failures=5, reason="down"))

    with stage.hub.write() as session:
        wanted = {connection_id: 1}
        take = claims.claim(session, stage.hub, ready, wanted, worker="me")

    assert [] == list(take.claimed)


def test_credentials_that_fail_during_an_outage_are_told_too(
    stage: Stage, admin: str
) -> None:
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    for reason in ("", "refused"):
        with stage.hub.write() as session:
            signs = breaker.Signs(failures=5, reason="down", refused=reason)
            breaker.note(session, connection_id, signs)
        outages.tell(stage.hub)

    assert ["connection.failing"] * 2 == _told(stage.hub, admin)
    assert 1 == len(stage.outages())


def test_retry_after_holds_the_whole_connection(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """ROAD 6: obeyed to the second, by all deliveries there, and nobody else."""
    slack, teams = Actor("slack"), Actor("teams")
    slack.acts = [failing(RateLimitError("Wait.", retry_after=30))]
    stage.cast(slack, teams)
    one, two = stage.connect("slack"), stage.connect("teams")
    limited = stage.deliver(one)
    stage.run()
    others = [stage.deliver(one) for _ in range(3)]
    stage.deliver(two)

    clock.shift(timedelta(seconds=29))
    stage.run()
    assert (1, 1) == (len(slack.heard), len(teams.heard))

    clock.shift(timedelta(seconds=1))
    stage.run()

    delivered = [stage.delivery(id).state for id in (limited, *others)]
    assert ["delivered"] * 4 == delivered
    assert [] == stage.outages()


def test_what_waited_does_not_wait_any_longer_once_it_works(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """After the recovery nobody sits out hours of backing off."""
    slack = Actor("slack")
    slack.after = failing(DOWN)
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(6):
        stage.deliver(connection_id)
    stage.run(size=1)
    later = now() + timedelta(hours=5)
    with stage.hub.write() as session:
        for row in session.scalars(select(Delivery)):
            row.state, row.next_attempt_at = "retrying", later

    slack.after = lambda event, ctx: None
    clock.move_to(_probe(stage))
    stage.run()

    assert {"delivered": 6} == stage.states()


def test_probe_that_is_stale_lets_the_next_one_probe(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    slack = Actor("slack", max_age={"*": timedelta(hours=1)})
    slack.after = failing(DOWN)
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(6):
        stage.deliver(connection_id)
    stage.run(size=1)
    slack.after = lambda event, ctx: None
    clock.shift(timedelta(hours=2))
    fresh = stage.deliver(connection_id)

    stage.run()

    assert {"skipped": 6, "delivered": 1} == stage.states()
    assert "delivered" == stage.delivery(fresh).state


def test_stale_news_is_skipped(stage: Stage) -> None:
    """ROAD 19: each kind has its age."""
    ages = {"payment.received": timedelta(hours=24), "*": timedelta(hours=1)}
    slack = Actor("slack", max_age=ages)
    stage.cast(slack)
    connection_id = stage.connect("slack")
    born = now() - timedelta(hours=2)
    kept = stage.deliver(connection_id, "payment", born=born)
    stale = stage.deliver(connection_id, "invoice", type="invoice.created", born=born)

    stage.run()

    assert ["payment"] == slack.heard
    assert "delivered" == stage.delivery(kept).state
    row = stage.delivery(stale)
    assert ("skipped", "stale", 0) == (row.state, row.reason, row.attempts)
    assert row.finished_at is not None


def test_books_are_never_too_old(stage: Stage) -> None:
    """ROAD 19: accounting never."""
    books = Actor("books")
    stage.cast(books)
    born = now() - timedelta(days=400)
    stage.deliver(stage.connect("books"), born=born)

    stage.run()

    assert {"delivered": 1} == stage.states()


def _probe(stage: Stage) -> datetime:
    found = [each.next_probe_at for each in stage.outages() if not each.ended_at]
    return max([at for at in found if at], default=now())


def _told(hub: Hub, user_id: str) -> list[str]:
    with hub.read() as session:
        mine = select(Notification.type).where(Notification.user_id == user_id)
        return list(session.scalars(mine.order_by(Notification.id)))


def test_endless_come_back_later_is_told_once_and_its_end_once(
    stage: Stage, clock: time_machine.Traveller, admin: str
) -> None:
    """ROAD 21: an hour of nothing else is an outage."""
    slack = Actor("slack")
    slack.after = failing(RateLimitError("Too many requests.", retry_after=600))
    stage.cast(slack)
    connection_id = stage.connect("slack")
    id = stage.deliver(connection_id)
    for _ in range(6):
        stage.run()
        outages.tell(stage.hub)
        assert [] == _told(stage.hub, admin)
        clock.shift(timedelta(minutes=10))

    for _ in range(6):
        stage.run()
        outages.tell(stage.hub)
        clock.shift(timedelta(minutes=10))
    assert ["connection.failing"] == _told(stage.hub, admin)
    [outage] = stage.outages()
    assert "Too many requests." == outage.reason
    assert "degraded" == stage.connection(connection_id).state

    slack.after = lambda event, ctx: None
    stage.run()
    outages.tell(stage.hub)

    told = ["connection.failing", "connection.recovered"]
    assert told == _told(stage.hub, admin)
    assert "delivered" == stage.delivery(id).state
    assert stage.connection(connection_id).waiting_since is None


def test_success_between_two_waits_begins_the_hour_anew(
    stage: Stage, clock: time_machine.Traveller
) -> None:
    """ROAD 21: a busy provider that lets some through is none that is out."""
    slack = Actor("slack")
    wait = failing(RateLimitError("Wait.", retry_after=60))
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(8):
        slack.acts = [wait]
        stage.deliver(connection_id)
        stage.run()
        clock.shift(timedelta(minutes=10))
        stage.run()

    assert [] == stage.outages()
    assert {"delivered": 8} == stage.states()

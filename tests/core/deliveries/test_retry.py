"""What a person does about deliveries (hub.core.deliveries.retry, ROAD 13)."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core import connections
from hub.core.deliveries import retry
from hub.core.models import AuditEntry, Delivery
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from tests.core.deliveries.stage import Actor, Looker, Stage
from tests.parts.ledger import add_company, add_user

ME = "user:usr_1"


def test_retry_is_the_same_delivery_with_the_same_key(stage: Stage) -> None:
    """ROAD 13: after a failure that wasn't definite."""
    slack = Actor("slack")
    stage.cast(slack)
    id = _finished(stage, "dead", sent_at=now(), attempts=1)

    with stage.hub.write() as session:
        again = retry.retry(session, id, ME)
    stage.run()

    assert id == again.id
    row = stage.delivery(id)
    assert ("delivered", None) == (row.state, row.steps)
    assert ["delivery.retried"] == _audited(stage)


def test_replay_is_a_new_delivery_with_a_new_key(stage: Stage) -> None:
    """ROAD 13."""
    slack = Actor("slack")
    stage.cast(slack)
    id = stage.deliver(stage.connect("slack"), "news")
    stage.run()

    with stage.hub.write() as session:
        again = retry.replay(session, id, ME)
    stage.run()

    assert ["news", "news"] == slack.heard
    assert 2 == len(set(slack.keys))
    assert id == stage.delivery(again.id).replay_of
    assert {"delivered": 2} == stage.states()


def test_replay_is_for_whom_the_first_was_for(stage: Stage) -> None:
    """What is for a client is held to what holds for clients, the second time too."""
    stage.cast(Actor("slack"))
    company, user = add_company(stage.hub).id, add_user(stage.hub).id
    about = {"audience": "contact", "kind": "invoice.overdue", "contact_id": "con_1"}
    about |= {"company_id": company, "user_id": user}
    id = _finished(stage, "delivered", **about)

    with stage.hub.write() as session:
        again = retry.replay(session, id, ME)

    kept = stage.delivery(again.id)
    assert about == {name: getattr(kept, name) for name in about}


def test_replay_of_a_replay_names_the_first(stage: Stage) -> None:
    stage.cast(Actor("slack"))
    id = _finished(stage, "delivered")

    with stage.hub.write() as session:
        second = retry.replay(session, id, ME)
        session.flush()
        second.state = "delivered"
        third = retry.replay(session, second.id, ME)

    assert id == third.replay_of
    assert 3 == len({id, second.id, third.id})


@pytest.mark.parametrize("state", ["pending", "sending", "delivered"])
def test_what_is_not_over_or_done_is_not_retried(stage: Stage, state: str) -> None:
    stage.cast(Actor("slack"))
    id = _finished(stage, state)

    with stage.hub.write() as session, pytest.raises(ConflictError):
        retry.retry(session, id, ME)


@pytest.mark.parametrize("state", ["pending", "sending", "retrying", "in_doubt"])
def test_what_is_not_over_is_not_replayed(stage: Stage, state: str) -> None:
    stage.cast(Actor("slack"))
    id = _finished(stage, state)

    with stage.hub.write() as session, pytest.raises(ConflictError):
        retry.replay(session, id, ME)


def test_echo_is_never_sent(stage: Stage) -> None:
    """ROAD 8."""
    stage.cast(Actor("slack"))
    id = _finished(stage, "skipped", reason="echo")

    with stage.hub.write() as session, pytest.raises(ConflictError):
        retry.retry(session, id, ME)
    assert 0 == retry.retry_many(stage.hub, {"state": "skipped"}, ME)


def test_nothing_is_sent_to_a_removed_connection(stage: Stage) -> None:
    stage.cast(Actor("slack"))
    id = _finished(stage, "dead")
    with stage.hub.write() as session:
        connections.remove(session, "slack", actor=ME)

    with stage.hub.write() as session, pytest.raises(ConflictError):
        retry.replay(session, id, ME)
    assert 0 == retry.retry_many(stage.hub, {}, ME)


def test_unknown_delivery_is_not_found(stage: Stage) -> None:
    with stage.hub.write() as session, pytest.raises(NotFoundError):
        retry.retry(session, "dlv_none", ME)


def test_stale_news_is_sent_if_a_person_asks(stage: Stage) -> None:
    """ROAD 19: it is news again from then on."""
    slack = Actor("slack", max_age={"*": timedelta(hours=1)})
    stage.cast(slack)
    connection_id = stage.connect("slack")
    born = now() - timedelta(hours=5)
    retried = stage.deliver(connection_id, "retried", born=born)
    replayed = stage.deliver(connection_id, "replayed", born=born)
    stage.run()
    assert {"skipped": 2} == stage.states()

    with stage.hub.write() as session:
        retry.retry(session, retried, ME)
        retry.replay(session, replayed, ME)
    stage.run()

    assert {"retried", "replayed"} == set(slack.heard)


def test_person_decides_that_a_doubtful_one_is_sent_again(stage: Stage) -> None:
    """ROAD 17: SMS and money wait for a person."""
    sms = Actor("sms")
    stage.cast(sms)
    id = stage.deliver(
        stage.connect("sms"), "text", state="in_doubt", sent_at=now(), attempts=1
    )

    with stage.hub.write() as session:
        retry.retry(session, id, ME)
    stage.run()

    assert ["text"] == sms.heard
    assert "delivered" == stage.delivery(id).state


def test_retry_of_what_can_be_looked_for_looks_first(stage: Stage) -> None:
    """ROAD 17."""
    books = Looker("books")
    stage.cast(books)
    id = stage.deliver(stage.connect("books"), state="dead", sent_at=now(), attempts=1)

    with stage.hub.write() as session:
        retry.retry(session, id, ME)
    stage.run()

    assert 1 == len(books.looked)


def test_person_confirms_what_was_in_doubt(stage: Stage) -> None:
    sms = Actor("sms")
    stage.cast(sms)
    connection_id = stage.connect("sms")
    id = stage.deliver(connection_id, subject="invoice:inv_1", state="in_doubt")
    stage.deliver(connection_id, "behind", subject="invoice:inv_1")

    with stage.hub.write() as session:
        retry.confirm(session, id, ME)
    stage.run()

    assert {"delivered": 2} == stage.states()
    assert ["behind"] == sms.heard
    with stage.hub.write() as session, pytest.raises(ConflictError):
        retry.confirm(session, id, ME)


def test_retry_of_one_that_waits_makes_it_due(stage: Stage) -> None:
    slack = Actor("slack")
    stage.cast(slack)
    later = now() + timedelta(hours=6)
    id = stage.deliver(
        stage.connect("slack"), "news", state="retrying", next_attempt_at=later
    )

    with stage.hub.write() as session:
        retry.retry(session, id, ME)
    stage.run()

    assert ["news"] == slack.heard


def test_many_are_retried_by_filter(stage: Stage) -> None:
    slack = Actor("slack")
    stage.cast(slack)
    one, two = stage.connect("slack"), stage.connect("slack", "slack-2")
    for _ in range(5):
        stage.deliver(one, state="dead", attempts=1)
    stage.deliver(two, state="dead", attempts=1)
    stage.deliver(one, state="in_doubt")

    wanted = {"connection_id": one}
    assert 5 == retry.retry_many(stage.hub, wanted, ME, dry_run=True)
    assert {"dead": 6, "in_doubt": 1} == stage.states()
    assert 5 == retry.retry_many(stage.hub, wanted, ME)
    assert 0 == retry.retry_many(stage.hub, wanted, ME)

    assert {"dead": 1, "in_doubt": 1, "retrying": 5} == stage.states()


def test_doubtful_ones_are_retried_in_bulk_only_by_name(stage: Stage) -> None:
    stage.cast(Actor("slack"))
    stage.deliver(stage.connect("slack"), state="in_doubt")

    assert 0 == retry.retry_many(stage.hub, {}, ME)
    assert 1 == retry.retry_many(stage.hub, {"state": "in_doubt"}, ME)


def test_many_are_replayed_once_each(stage: Stage) -> None:
    """What a replay makes is not replayed by the same call."""
    slack = Actor("slack")
    stage.cast(slack)
    connection_id = stage.connect("slack")
    for _ in range(250):
        stage.deliver(connection_id, state="delivered")

    wanted = {"state": "delivered"}
    assert 250 == retry.replay_many(stage.hub, wanted, ME, dry_run=True)
    assert 250 == retry.replay_many(stage.hub, wanted, ME)

    assert {"delivered": 250, "pending": 250} == stage.states()


def test_replay_of_many_ends_although_a_worker_delivers_meanwhile(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it made is delivered by then, and would be meant by the filter."""
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    for _ in range(3):
        stage.deliver(connection_id, state="delivered")
    replay_one, made = retry._replay, list[str]()

    def replay(session: Session, delivery: Delivery, actor: str) -> Delivery:
        again = replay_one(session, delivery, actor)
        again.state = "delivered"
        made.append(again.id)
        assert len(made) < 10
        return again

    monkeypatch.setattr(retry, "_replay", replay)
    monkeypatch.setattr(retry, "_BATCH", 1)

    assert 3 == retry.replay_many(stage.hub, {"state": "delivered"}, ME)


def test_replaying_everything_takes_a_filter(stage: Stage) -> None:
    with pytest.raises(InvalidError):
        retry.replay_many(stage.hub, {}, ME)


def test_unknown_filter_is_refused(stage: Stage) -> None:
    with pytest.raises(InvalidError):
        retry.retry_many(stage.hub, {"colour": "red"}, ME)


def _finished(stage: Stage, state: str, **columns: Any) -> str:
    return stage.deliver(stage.connect("slack"), state=state, **columns)


def _audited(stage: Stage) -> list[str]:
    with stage.hub.read() as session:
        return list(session.scalars(select(AuditEntry.action)))

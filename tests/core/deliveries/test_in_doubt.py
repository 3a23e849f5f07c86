"""Unknown outcomes: marks, keys, looking, doubt (ROAD 16, 17)."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from hub.core import deliver, sweep
from hub.core.deliveries import claims, readiness, retry, scribe
from hub.core.deliveries.pool import Pool
from hub.core.models import Delivery
from hub.sdk.clock import now
from hub.sdk.context import Context
from hub.sdk.errors import UnavailableError, UnreadyError
from tests.core.deliveries.server import Request, Server
from tests.core.deliveries.stage import Actor, Looker, Stage, failing, posting

LOST = UnavailableError("No answer.", outcome_unknown=True)
DOWN = UnavailableError("Not reached.")


def test_person_decides_where_nobody_can_look(stage: Stage) -> None:
    """ROAD 17: a plugin without `find_made`, and no live key."""
    sms = Actor("sms")
    sms.acts = [failing(LOST)]
    stage.cast(sms)
    id = stage.deliver(stage.connect("sms"))

    stage.run()
    stage.run()

    row = stage.delivery(id)
    assert ("in_doubt", "No answer.") == (row.state, row.reason)
    assert row.sent_at is not None
    assert 1 == len(sms.heard)


def test_cards_are_sent_again(stage: Stage) -> None:
    """Law 7: Slack and Teams send again."""
    slack = Actor("slack", after_unknown_outcome="resend")
    slack.acts = [failing(LOST)]
    stage.cast(slack)
    id = stage.deliver(stage.connect("slack"), "card")

    stage.run()
    assert "retrying" == stage.delivery(id).state
    _now(stage, id)
    stage.run()

    assert ["card", "card"] == slack.heard
    assert slack.keys[0] == slack.keys[1]
    assert "delivered" == stage.delivery(id).state


def test_plugin_looks_before_it_does_it_again(stage: Stage) -> None:
    """ROAD 17: it is there, so nothing is done a second time."""
    books = Looker("books")
    books.acts = [failing(LOST)]
    stage.cast(books)
    id = stage.deliver(stage.connect("books"))
    stage.run()
    books.made[books.keys[0]] = "INV-7"

    _now(stage, id)
    stage.run()

    row = stage.delivery(id)
    assert ("delivered", "INV-7") == (row.state, row.provider_reference)
    assert books.keys == books.looked
    assert 1 == len(books.heard)


def test_what_was_not_made_is_done_with_the_same_key(stage: Stage) -> None:
    """ROAD 17."""
    books = Looker("books")
    books.acts = [failing(LOST)]
    stage.cast(books)
    id = stage.deliver(stage.connect("books"))
    stage.run()

    _now(stage, id)
    stage.run()

    assert "delivered" == stage.delivery(id).state
    assert 1 == len(books.looked)
    assert books.keys[0] == books.keys[1]


def test_certain_failure_does_not_take_an_earlier_doubt_away(stage: Stage) -> None:
    """ROAD 17: the first try may still have made it."""
    books = Looker("books")
    books.acts = [failing(LOST)]
    stage.cast(books)
    id = stage.deliver(stage.connect("books"))
    stage.run()
    since = stage.delivery(id).sent_at

    def refuse(reference: str, ctx: Context) -> None:
        raise DOWN

    seeing, books.made = books.made, _Raising()
    _now(stage, id)
    stage.run()

    assert ("retrying", since) == (stage.delivery(id).state, stage.delivery(id).sent_at)
    books.made = seeing
    _now(stage, id)
    stage.run()
    assert 1 == len(books.heard) - 1


def test_live_key_is_used_again_and_a_forgotten_one_is_not(stage: Stage) -> None:
    """ROAD 17: plugins say how long the provider remembers."""
    pay = Actor("pay", remembers_keys=timedelta(hours=6))
    pay.acts = [failing(LOST), failing(LOST)]
    stage.cast(pay)
    id = stage.deliver(stage.connect("pay"))
    stage.run()
    assert "retrying" == stage.delivery(id).state

    with time_machine.travel(now() + timedelta(hours=5), tick=True):
        _now(stage, id)
        stage.run()
        assert "retrying" == stage.delivery(id).state
    with time_machine.travel(now() + timedelta(hours=7), tick=True):
        stage.run()

    row = stage.delivery(id)
    assert "in_doubt" == row.state
    assert "may have been carried out" in row.reason
    assert 2 == len(pay.heard)
    assert 1 == len(set(pay.keys))


def test_mark_is_committed_before_bytes_leave(stage: Stage, server: Server) -> None:
    """ROAD 16, 17: with a hash of the body."""
    sms = Actor("sms")
    stage.cast(sms)
    connection_id = stage.connect("sms", settings={"api_base_url": server.url})
    id = stage.deliver(connection_id)
    seen: list[Any] = []

    def look(request: Request) -> tuple[int, bytes]:
        seen.append(stage.delivery(id))
        return 200, b"{}"

    server.answer(look)
    sms.acts = [posting]

    stage.run()

    [row] = seen
    assert row.sent_at is not None
    assert 64 == len(row.steps["send"]["body"])


def test_lost_lease_without_a_mark_is_tried_again(stage: Stage) -> None:
    """ROAD 16: nothing can have left."""
    sms = Actor("sms")
    stage.cast(sms)
    connection_id = stage.connect("sms")
    id = stage.deliver(connection_id, "text")
    _claim_and_die(stage, connection_id, id)

    sweep.run(stage.hub)

    assert ("retrying", 1) == _state(stage, id)
    _now(stage, id)
    stage.run()
    assert ["text"] == sms.heard


def test_lost_lease_with_a_mark_is_in_doubt(stage: Stage) -> None:
    """ROAD 16: with the mark and no live idempotency key."""
    stage.cast(Actor("sms"))
    connection_id = stage.connect("sms")
    id = stage.deliver(connection_id)
    _claim_and_die(stage, connection_id, id, sent_at=now())

    sweep.run(stage.hub)

    assert ("in_doubt", 1) == _state(stage, id)


def test_lost_lease_with_a_live_key_is_tried_again(stage: Stage) -> None:
    """ROAD 16, 17."""
    stage.cast(Actor("pay", remembers_keys=timedelta(hours=6)))
    connection_id = stage.connect("pay")
    id = stage.deliver(connection_id)
    _claim_and_die(stage, connection_id, id, sent_at=now())

    sweep.run(stage.hub)

    assert ("retrying", 1) == _state(stage, id)


def test_lost_lease_of_a_plugin_that_can_look_makes_it_look(stage: Stage) -> None:
    """ROAD 17: without a mark a claim counts as sent (docs/decisions)."""
    books = Looker("books")
    stage.cast(books)
    connection_id = stage.connect("books")
    id = stage.deliver(connection_id)
    _claim_and_die(stage, connection_id, id)

    sweep.run(stage.hub)
    _now(stage, id)
    stage.run()

    assert 1 == len(books.looked)
    assert "delivered" == stage.delivery(id).state


def test_sweep_twice_is_as_once(stage: Stage) -> None:
    """Law 4."""
    stage.cast(Actor("sms"))
    connection_id = stage.connect("sms")
    id = stage.deliver(connection_id)
    _claim_and_die(stage, connection_id, id)

    assert 1 == sweep.run(stage.hub)
    assert 0 == sweep.run(stage.hub)

    assert ("retrying", 1) == _state(stage, id)
    assert ["lost"] == [each.outcome for each in stage.attempts(id)]


def test_lease_that_lasts_is_left_alone(stage: Stage) -> None:
    stage.cast(Actor("sms"))
    connection_id = stage.connect("sms")
    id = stage.deliver(connection_id)
    _claim(stage, connection_id)

    assert 0 == sweep.run(stage.hub)

    assert ("sending", 0) == _state(stage, id)


def test_changed_content_is_not_sent_under_a_key_in_doubt(
    stage: Stage, server: Server
) -> None:
    """ROAD 17: the provider would answer with the old one's result."""
    pay = Actor("pay", remembers_keys=timedelta(hours=6))
    stage.cast(pay)
    connection_id = stage.connect("pay", settings={"api_base_url": server.url})
    id = stage.deliver(connection_id)
    amounts = iter(["10.00", "12.00"])

    def pay_out(event: object, ctx: Context) -> None:
        ctx.http.post("https://api.example.com/pay", json={"amount": next(amounts)})

    pay.after = pay_out
    server.answer(lambda request: (502, b"{}"))
    stage.run()
    assert "retrying" == stage.delivery(id).state
    _now(stage, id)
    stage.run()

    row = stage.delivery(id)
    assert "in_doubt" == row.state
    assert "has changed" in row.reason
    assert 1 == len(server.requests)


@pytest.mark.parametrize("status", [502, 504, 500])
def test_gateway_errors_are_unknown_outcomes(
    stage: Stage, server: Server, status: int
) -> None:
    """ROAD 16."""
    sms = Actor("sms")
    stage.cast(sms)
    connection_id = stage.connect("sms", settings={"api_base_url": server.url})
    id = stage.deliver(connection_id)
    server.answer(lambda request: (status, b"{}"))
    sms.after = posting

    stage.run()

    assert "in_doubt" == stage.delivery(id).state


def test_broken_off_answer_is_an_unknown_outcome(stage: Stage, server: Server) -> None:
    """ROAD 16: read errors too."""
    sms = Actor("sms")
    stage.cast(sms)
    connection_id = stage.connect("sms", settings={"api_base_url": server.url})
    id = stage.deliver(connection_id)
    server.answer(None)
    sms.after = posting

    stage.run()

    assert "in_doubt" == stage.delivery(id).state


def test_stopping_before_the_mark_leaves_no_doubt(stage: Stage) -> None:
    """ROAD 16: and nothing leaves once the claim is given up."""
    sms = Actor("sms")
    stage.cast(sms)
    connection_id = stage.connect(
        "sms", settings={"api_base_url": "http://127.0.0.1:9"}
    )
    id = stage.deliver(connection_id)
    started, go, refused = threading.Event(), threading.Event(), threading.Event()

    def hang(event: object, ctx: Context) -> None:
        started.set()
        assert go.wait(60)
        try:
            ctx.http.post("https://api.example.com/sms")
        except Exception as error:
            assert "taken this delivery over" in str(error)
            refused.set()

    sms.acts = [hang]
    pool = Pool(stage.hub)
    deliver.drain(stage.hub, pool, lambda: False)
    assert started.wait(10)

    pool.give_up()
    _until(lambda: stage.delivery(id).state == "retrying")
    go.set()

    assert refused.wait(10)
    assert ("retrying", None) == (stage.delivery(id).state, stage.delivery(id).sent_at)
    pool.close(grace=0)


def test_retry_keeps_the_key_until_a_failure_was_definite(
    stage: Stage, server: Server
) -> None:
    """ROAD 13, 17."""
    pay = Actor("pay", remembers_keys=timedelta(hours=6))
    pay.acts = [failing(DOWN), posting]
    stage.cast(pay)
    server.answer(lambda request: (400, b"{}"))
    id = stage.deliver(stage.connect("pay", settings={"api_base_url": server.url}))
    stage.run()
    _now(stage, id)
    stage.run()
    assert "dead" == stage.delivery(id).state

    with stage.hub.write() as session:
        retry.retry(session, id, "user:me")
    stage.run()

    assert pay.keys[0] == pay.keys[1]
    assert pay.keys[1] != pay.keys[2]
    assert "delivered" == stage.delivery(id).state


class _Raising(dict[str, str]):
    def get(self, *_: object) -> str:
        raise DOWN


def _now(stage: Stage, id: str) -> None:
    stage.change(Delivery, id, next_attempt_at=now())


def _state(stage: Stage, id: str) -> tuple[str, int]:
    row = stage.delivery(id)
    return row.state, row.lost_leases


def _claim(stage: Stage, connection_id: str) -> None:
    with stage.hub.read() as session:
        ready = readiness.look(session, stage.hub)
    with stage.hub.write() as session:
        claims.claim(session, stage.hub, ready, {connection_id: 1}, worker="dead")


def _claim_and_die(
    stage: Stage, connection_id: str, id: str, **columns: object
) -> None:
    _claim(stage, connection_id)
    past = now() - timedelta(seconds=1)
    stage.change(Delivery, id, lease_until=past, **columns)


def _until(condition: Any) -> None:
    for _ in range(500):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


def test_database_away_before_the_mark_means_later_not_never(
    stage: Stage, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 16: nothing was sent, so nothing is in doubt and nothing is given up."""
    away = threading.Event()
    away.set()
    commit = scribe.Scribe._commit

    def act(event: Any, ctx: Context) -> None:
        try:
            posting(event, ctx)
        finally:
            away.clear()

    def committed(self: Any, done: Any, marked: Any) -> None:
        if away.is_set():
            raise UnreadyError("The database can't be reached right now.")
        commit(self, done, marked)

    sms = Actor("sms")
    sms.after = act
    stage.cast(sms)
    id = stage.deliver(stage.connect("sms", settings={"api_base_url": server.url}))
    monkeypatch.setattr(scribe, "_PATIENCE", 0.2)
    monkeypatch.setattr(scribe.Scribe, "_commit", committed)

    stage.run()

    row = stage.delivery(id)
    assert ("retrying", None) == (row.state, row.sent_at)
    assert [] == server.requests

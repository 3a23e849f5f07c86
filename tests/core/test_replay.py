"""Replay: a new row, a new revision of the facts, the ledger computed again."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select, update

from hub.core import process
from hub.core.models import Connection, Event, FactRow, InboundWebhook, Payment
from hub.core.webhooks import replay
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import ConflictError, NotFoundError, PayloadError
from hub.sdk.webhooks import InboundWebhook as Webhook
from hub.sdk.webhooks import Result, Unheard
from tests.parts.bank import Bank, body_of, event, heard


def drained(bank: Bank) -> int:
    return process.drain_all(bank.hub, seconds=20)


def replayed(bank: Bank, webhook_id: str) -> InboundWebhook:
    with bank.hub.write() as session:
        return replay.webhook(session, webhook_id)


def revisions(bank: Bank) -> list[tuple[str, int, str]]:
    with bank.hub.read() as session:
        rows = session.scalars(select(FactRow).order_by(FactRow.revision)).all()
    return [(row.fact_id, row.revision, row.webhook_id or "") for row in rows]


def amounts(bank: Bank) -> list[int]:
    with bank.hub.read() as session:
        return list(session.scalars(select(Payment.amount_minor)))


def test_replay_is_a_new_row(bank: Bank) -> None:
    """ROAD 13."""
    bank.post(body_of("1", event("a")), path="/status?mid=7")
    (first,) = bank.kept()

    again = replayed(bank, first.id)

    assert (first.id, None) == (again.replay_of, again.dedupe_key)
    assert (first.body, first.headers, "status", "mid=7") == (
        *(again.body, again.headers, again.path, again.query),
    )
    assert ["received", "received"] == [row.state for row in bank.kept()]
    assert 2 == drained(bank)


def test_replayed_webhook_is_as_old_as_when_it_came(bank: Bank) -> None:
    """What was said since then stays said since then."""
    came: list[datetime] = []
    bank.plugin.before = lambda webhook, ctx: came.append(webhook.received_at)
    with time_machine.travel(clock.now() - timedelta(hours=5), tick=False):
        bank.post(body_of("1", event("a")))
        drained(bank)
    (first,) = bank.kept()

    replayed(bank, first.id)
    drained(bank)

    assert [first.received_at] * 2 == came


def test_replay_of_a_replay_belongs_to_the_first(bank: Bank) -> None:
    bank.post(body_of("1", event("a")))
    (first,) = bank.kept()

    again = replayed(bank, replayed(bank, first.id).id)

    assert first.id == again.replay_of


def test_replay_writes_a_new_revision_and_a_mended_parser_helps(bank: Bank) -> None:
    """ROAD 13."""
    bank.post(body_of("1", event("a", "10.00")))
    drained(bank)
    (first,) = bank.kept()
    assert [1000] == amounts(bank)

    def mended(webhook: Webhook, ctx: Context) -> Iterable[Result]:
        yield heard(event("a", "12.00"))

    bank.plugin.results = mended
    again = replayed(bank, first.id)
    drained(bank)

    assert [("a", 0, first.id), ("a", 1, again.id)] == revisions(bank)
    assert [1200] == amounts(bank)


def test_replay_run_twice_changes_nothing(bank: Bank) -> None:
    """ROAD law 4."""
    bank.post(body_of("1", event("a")))
    drained(bank)
    replayed(bank, bank.kept()[0].id)
    drained(bank)
    before = revisions(bank)

    with bank.hub.write() as session:
        session.execute(
            update(InboundWebhook).values(
                state="received", next_attempt_at=clock.now(), claim=None
            )
        )

    assert 2 == drained(bank)
    assert before == revisions(bank)


def test_each_replay_is_a_revision(bank: Bank) -> None:
    bank.post(body_of("1", event("a")))
    drained(bank)
    for _ in range(3):
        replayed(bank, bank.kept()[0].id)
        drained(bank)

    assert [0, 1, 2, 3] == [revision for _, revision, _ in revisions(bank)]
    with bank.hub.read() as session:
        received = Event.type == "payment.received"
        assert 0 == session.scalar(select(func.count(Event.id)).where(received))


def test_facts_heard_first_in_a_replay_are_the_first_revision(bank: Bank) -> None:
    bank.plugin.results = lambda webhook, ctx: [
        Unheard(event_id="a", event_type="money.in", error=PayloadError("Unknown."))
    ]
    bank.post(body_of("1", event("a")))
    drained(bank)
    bank.plugin.results = None
    again = replayed(bank, bank.kept()[0].id)
    drained(bank)

    assert [("a", 0, again.id)] == revisions(bank)
    assert ["failed", "processed"] == [row.state for row in bank.kept()]


def test_unknown_webhook_is_not_found(bank: Bank) -> None:
    with pytest.raises(NotFoundError):
        replayed(bank, "whk_unknown")


def test_blanked_webhook_cannot_be_replayed(bank: Bank) -> None:
    bank.post(body_of("1"))
    with bank.hub.write() as session:
        session.execute(update(InboundWebhook).values(body=None, headers=None))

    with pytest.raises(ConflictError, match="HUB_WEBHOOK_DAYS"):
        replayed(bank, bank.kept()[0].id)


def test_webhook_of_a_disabled_connection_cannot_be_replayed(bank: Bank) -> None:
    bank.post(body_of("1"))
    with bank.hub.write() as session:
        session.get_one(Connection, bank.connection.id).state = "disabled"

    with pytest.raises(ConflictError, match="bank"):
        replayed(bank, bank.kept()[0].id)

"""Replay: what a mended parser no longer finds is taken back (ROAD 13)."""

import signal
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import func, select, update

from hub.boot import Hub
from hub.core import process
from hub.core.models import (
    Charge,
    Connection,
    Event,
    FactRow,
    InboundWebhook,
    Payment,
    SyncRun,
)
from hub.core.record import record_all, withdraw
from hub.core.webhooks import replay
from hub.core.webhooks.claims import LEASE
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import PayloadError
from hub.sdk.facts import CheckoutApproved, Match
from hub.sdk.webhooks import Heard, Result, Unheard
from hub.sdk.webhooks import InboundWebhook as Webhook
from tests.core.test_process_kills import killed
from tests.core.test_record_races import at_once
from tests.parts.bank import Bank, body_of, event, heard
from tests.parts.ledger import (
    NUMBER,
    add_invoice,
    all_of,
    at,
    received,
    refund,
    standing,
    the_payment,
)

ROUNDS = 8


def understands(bank: Bank, *events: dict[str, Any]) -> None:
    """From now on the parser finds these events, whatever comes."""

    def results(webhook: Webhook, ctx: Context) -> Iterable[Result]:
        return [heard(told) for told in events]

    bank.plugin.results = results


def replayed(bank: Bank, webhook_id: str) -> InboundWebhook:
    with bank.hub.write() as session:
        row = replay.webhook(session, webhook_id)
    assert process.drain_all(bank.hub, seconds=20)
    return row


def posted(bank: Bank, *events: dict[str, Any], id: str = "1") -> InboundWebhook:
    """A webhook with these events, processed."""
    bank.post(body_of(id, *events))
    process.drain_all(bank.hub, seconds=20)
    return bank.kept()[-1]


def rows(bank: Bank) -> list[tuple[str, int, str]]:
    found = all_of(bank.hub, FactRow)
    return sorted((row.fact_id, row.revision, row.state) for row in found)


def states(bank: Bank) -> dict[str, str]:
    return {row.reference: row.state for row in all_of(bank.hub, Payment)}


def told(bank: Bank) -> list[str]:
    with bank.hub.read() as session:
        return list(session.scalars(select(Event.type).order_by(Event.id)))


def test_a_fact_that_is_not_found_any_more_is_taken_back(bank: Bank) -> None:
    """ROAD 13."""
    add_invoice(bank.hub)
    first = posted(bank, event("a", "40.00", invoice=NUMBER), event("b", "60.00"))
    before = told(bank)
    assert ("partially_paid", 4000, 6000) == standing(bank.hub)

    understands(bank, event("b", "60.00"))
    again = replayed(bank, first.id)

    assert ("open", 0, 10000) == standing(bank.hub)
    assert {"a": "cancelled", "b": "confirmed"} == states(bank)
    assert [("a", 0, "recorded"), ("a", 1, "withdrawn")] == rows(bank)[:2]
    assert [("b", 0), ("b", 1)] == [(id, n) for id, n, _ in rows(bank)[2:]]
    with bank.hub.read() as session:
        gone = FactRow.state == "withdrawn"
        assert again.id == session.scalar(select(FactRow.webhook_id).where(gone))
    assert before == told(bank)


def test_another_fact_takes_the_place_of_the_wrong_one(bank: Bank) -> None:
    """ROAD 13: the invoice stays paid, and only what is new is told."""
    add_invoice(bank.hub)
    first = posted(bank, event("order", "100.00", invoice=NUMBER))
    before = told(bank)

    understands(bank, event("capture", "100.00", invoice=NUMBER))
    replayed(bank, first.id)

    assert ("paid", 10000, 0) == standing(bank.hub)
    assert {"order": "cancelled", "capture": "confirmed"} == states(bank)
    assert [*before, "payment.received"] == told(bank)


def test_all_facts_of_a_movement_are_taken_back_at_once(bank: Bank) -> None:
    add_invoice(bank.hub)
    facts = [event(id, reference="P", invoice=NUMBER) for id in ("a", "b")]
    first = posted(bank, *facts)

    understands(bank)
    replayed(bank, first.id)

    assert {"P": "cancelled"} == states(bank)
    assert 2 == sum(state == "withdrawn" for _, _, state in rows(bank))


def test_a_second_replay_changes_nothing(bank: Bank) -> None:
    """ROAD 13."""
    first = posted(bank, event("a"))
    understands(bank)
    again = replayed(bank, first.id)
    before = rows(bank)

    replayed(bank, again.id)
    with bank.hub.write() as session:
        due = {"state": "received", "next_attempt_at": clock.now(), "claim": None}
        session.execute(update(InboundWebhook).values(due))
    process.drain_all(bank.hub, seconds=20)

    assert [("a", 0, "recorded"), ("a", 1, "withdrawn")] == before == rows(bank)


@pytest.mark.parametrize("elsewhere", ["webhook", "sync"])
def test_a_fact_heard_elsewhere_too_stays(bank: Bank, elsewhere: str) -> None:
    """ROAD 13."""
    first = posted(bank, event("a"))
    if elsewhere == "webhook":
        posted(bank, event("a"), id="2")
    else:
        synced(bank, event("a"))
    understands(bank)

    replayed(bank, first.id)

    assert [("a", 0, "recorded")] == rows(bank)
    assert {"a": "confirmed"} == states(bank)


def synced(bank: Bank, told: dict[str, Any]) -> None:
    fact = heard(told)
    assert isinstance(fact, Heard)
    with bank.hub.write() as session:
        connection = session.get_one(Connection, bank.connection.id)
        run = SyncRun(
            connection_id=connection.id,
            state="done",
            started_at=clock.now(),
        )
        session.add(run)
        session.flush()
        record_all(session, connection, fact.facts, sync_run_id=run.id)


def test_a_fact_is_gone_once_no_webhook_tells_it(bank: Bank) -> None:
    """ROAD 13: both webhooks that told it are replayed."""
    first = posted(bank, event("a"))
    second = posted(bank, event("a"), id="2")
    understands(bank)

    replayed(bank, first.id)
    assert {"a": "confirmed"} == states(bank)
    replayed(bank, second.id)

    assert {"a": "cancelled"} == states(bank)


def test_money_heard_again_after_all_is_booked_again(bank: Bank) -> None:
    """No money is lost to a mistaken replay."""
    add_invoice(bank.hub)
    first = posted(bank, event("a", "100.00", invoice=NUMBER))
    understands(bank)
    replayed(bank, first.id)
    assert ("open", 0, 10000) == standing(bank.hub)

    bank.plugin.results = None
    posted(bank, event("a", "100.00", invoice=NUMBER), id="2")

    assert ("paid", 10000, 0) == standing(bank.hub)
    assert [("a", 0), ("a", 1), ("a", 2)] == [(id, n) for id, n, _ in rows(bank)]
    assert 1 == told(bank).count("payment.received")


def test_what_could_not_be_heard_is_not_taken_back(bank: Bank) -> None:
    """ROAD 10: one bad event never loses the others."""
    first = posted(bank, event("a"), event("b"))
    error = PayloadError("Unknown.")
    bank.plugin.results = lambda webhook, ctx: [
        heard(event("b")),
        Unheard(event_id="a", event_type="money.in", error=error),
    ]

    replayed(bank, first.id)

    assert {"a": "confirmed", "b": "confirmed"} == states(bank)


def test_a_large_webhook_is_taken_back_in_its_last_part(bank: Bank) -> None:
    events = [event(str(number)) for number in range(45)]
    first = posted(bank, *events)

    understands(bank, *events[:30])
    replayed(bank, first.id)

    found = list(states(bank).values())
    assert (30, 15) == (found.count("confirmed"), found.count("cancelled"))


def test_a_refund_that_was_none_goes_back(bank: Bank) -> None:
    """Movements are folded again without it; the payment stays."""
    hub = bank.hub
    add_invoice(hub)
    webhook = posted(bank)
    facts = [received(), refund()]
    with hub.write() as session:
        connection = session.get_one(Connection, bank.connection.id)
        record_all(session, connection, facts, webhook_id=webhook.id)
    assert ("partially_paid", 7000, 3000) == standing(hub)

    with hub.write() as session:
        connection = session.get_one(Connection, bank.connection.id)
        heard, id = {facts[0].id}, webhook.id
        assert 1 == withdraw(session, connection, id, heard=heard, webhook_id=id)

    assert ("paid", 10000, 0) == standing(hub)
    assert ("confirmed", 0) == (the_payment(hub).state, the_payment(hub).refunded_minor)


def test_an_approval_that_was_none_goes_back(bank: Bank) -> None:
    hub, webhook = bank.hub, posted(bank)
    invoice = add_invoice(hub)
    charge = Charge(
        invoice_id=invoice.id,
        connection_id=bank.connection.id,
        amount_minor=10000,
        currency="EUR",
        reference="C-1",
    )
    match = Match(checkout="C-1")
    fact = CheckoutApproved(id="c", as_of=at(1), reference="C-1", match=match)
    with hub.write() as session:
        session.add(charge)
        session.flush()
        connection = session.get_one(Connection, bank.connection.id)
        record_all(session, connection, [fact], webhook_id=webhook.id)
    assert at(1) == all_of(hub, Charge)[0].approved_at

    with hub.write() as session:
        connection = session.get_one(Connection, bank.connection.id)
        withdraw(session, connection, webhook.id, heard=(), webhook_id=webhook.id)

    assert all_of(hub, Charge)[0].approved_at is None


def test_killed_in_the_middle_it_is_taken_back_once(bank: Bank) -> None:
    """ROAD 1, 13."""
    first = posted(bank, event("a"), event("b"))
    less = body_of("1", event("b"))
    with bank.hub.write() as session:
        session.get_one(InboundWebhook, first.id).body = less
        replay.webhook(session, first.id)
    before = rows(bank)

    assert -signal.SIGKILL == killed(bank, "commit")
    assert before == rows(bank)

    with time_machine.travel(clock.now() + LEASE + timedelta(seconds=1)):
        assert 1 == process.drain_all(bank.hub, seconds=20)
    assert {"a": "cancelled", "b": "confirmed"} == states(bank)
    assert [("a", 1, "withdrawn")] == [row for row in rows(bank) if "withdrawn" in row]


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_taken_back_and_heard_elsewhere_at_once(bank: Bank, turn: int) -> None:
    """ROAD 5, 13: whichever comes first, money that is heard somewhere stands."""
    hub = bank.hub
    add_invoice(hub)
    webhook, other = posted(bank), posted(bank, id="2")
    fact = received()
    tell_in(hub, bank, webhook.id, fact)

    def take_back() -> None:
        with hub.write() as session:
            connection = session.get_one(Connection, bank.connection.id)
            withdraw(session, connection, webhook.id, heard=(), webhook_id=webhook.id)

    at_once(take_back, lambda: tell_in(hub, bank, other.id, fact))

    assert ("paid", 10000, 0) == standing(hub)
    with hub.read() as session:
        received_ = Event.type == "payment.received"
        assert 1 == session.scalar(select(func.count(Event.id)).where(received_))


def tell_in(hub: Hub, bank: Bank, webhook_id: str, *facts: Any) -> None:
    with hub.write() as session:
        connection = session.get_one(Connection, bank.connection.id)
        record_all(session, connection, facts, webhook_id=webhook_id)

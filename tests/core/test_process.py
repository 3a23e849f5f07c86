"""Processing: facts, states, retries; every step may run twice."""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

import pytest
import time_machine
from sqlalchemy import func, select, update
from sqlalchemy import text as sql
from sqlalchemy.event import listens_for
from sqlalchemy.orm import Session

from hub.core import connections, process, record, sweep
from hub.core.configuration import switches
from hub.core.configuration.live import live
from hub.core.models import (
    Connection,
    Event,
    FactRow,
    InboundWebhook,
    Notification,
    Outage,
    Payment,
    PluginSwitch,
    User,
)
from hub.core.webhooks import claims as webhook_claims
from hub.core.webhooks import noting
from hub.core.webhooks.claims import LEASE, LostClaimError
from hub.core.webhooks.hearing import hear
from hub.core.webhooks.lanes import Lanes
from hub.jobs import Bell
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import (
    CredentialsError,
    PayloadError,
    RateLimitError,
    RejectedError,
    SettingsError,
    UnavailableError,
)
from hub.sdk.webhooks import InboundWebhook as Webhook
from hub.sdk.webhooks import Result, Unheard
from tests.parts.bank import SECRET, Bank, body_of, event, heard
from tests.parts.hub import connect
from tests.parts.ledger import NUMBER, add_invoice, add_user


@pytest.fixture(autouse=True)
def _invoice(bank: Bank) -> None:
    add_invoice(bank.hub, "1000000.00")


def told(id: str, **more: Any) -> dict[str, Any]:
    """An event that tells of a payment of the invoice."""
    return event(id, invoice=NUMBER, **more)


def drained(bank: Bank) -> int:
    return process.drain(bank.hub, lambda: False, budget_seconds=20)


def keep(bank: Bank, *ids: str, **more: Any) -> None:
    """Keep one webhook per id, each with one event of the same id."""
    for id in ids:
        assert 200 == bank.post(body_of(id, told(id, **more))).status_code


def only(bank: Bank) -> InboundWebhook:
    (row,) = bank.kept()
    return row


def counted(bank: Bank) -> tuple[int, int, int]:
    """How many facts, payments and news of payments there are."""
    received = Event.type == "payment.received"
    with bank.hub.read() as session:
        facts = session.scalar(select(func.count(FactRow.id)))
        payments = session.scalar(select(func.count(Payment.id)))
        events = session.scalar(select(func.count(Event.id)).where(received))
    return facts or 0, payments or 0, events or 0


def run_again(bank: Bank, **values: Any) -> None:
    """Let all rows be due again as if they had never been settled."""
    due = {"state": "received", "next_attempt_at": clock.now(), "claim": None, **values}
    with bank.hub.write() as session:
        session.execute(update(InboundWebhook).values(due))


def test_webhook_becomes_facts_and_events(bank: Bank) -> None:
    bank.post(body_of("1", told("a"), told("b")))

    assert 1 == drained(bank)

    row = only(bank)
    assert ("processed", "money.in", 1) == (row.state, row.event_types, row.attempts)
    assert row.processed_at is not None
    assert (None, None, None, "") == (
        *(row.claim, row.lease_until, row.next_attempt_at, row.error),
    )
    assert (2, 2, 2) == counted(bank)
    with bank.hub.read() as session:
        assert {row.id} == set(session.scalars(select(FactRow.webhook_id)))


def test_second_run_changes_nothing(bank: Bank) -> None:
    """ROAD law 4."""
    keep(bank, "1", "2")
    drained(bank)
    before = counted(bank)

    run_again(bank)

    assert 2 == drained(bank)
    assert before == counted(bank)
    assert ["processed", "processed"] == [row.state for row in bank.kept()]


def test_webhook_without_facts_is_ignored(bank: Bank) -> None:
    bank.post(body_of("1"))
    drained(bank)

    assert "ignored" == only(bank).state


def test_bad_event_never_loses_the_others(bank: Bank) -> None:
    """ROAD 10."""
    good = [told(f"e{number}") for number in range(249)]
    bank.post(body_of("1", *good[:100], told("bad", error="No amount."), *good[100:]))
    drained(bank)

    row = only(bank)
    assert ("failed", "money.in bad: No amount.") == (row.state, row.error)
    assert 249 == counted(bank)[0]


def test_large_webhook_is_written_in_short_transactions(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 34: others want to write meanwhile."""
    bank.post(body_of("1", *(told(f"e{number}") for number in range(50))))
    booked: list[int] = []

    def record_all(session: Session, connection: Any, facts: Any, **about: Any) -> Any:
        if session not in sessions:
            sessions.append(session)
            booked.append(0)
        booked[-1] += 1
        return record.record_all(session, connection, facts, **about)

    sessions: list[Session] = []
    monkeypatch.setattr(noting, "record_all", record_all)
    drained(bank)

    assert [20, 20, 10] == booked
    assert ("processed", 50) == (only(bank).state, counted(bank)[0])


def test_event_that_cannot_be_booked_never_loses_the_others(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 10."""
    record_all = record.record_all

    def broken(session: Session, connection: Any, facts: Any, **about: Any) -> Any:
        rows = record_all(session, connection, facts, **about)
        if facts[0].id == "b":
            raise ValueError(f"payload {SECRET}")
        return rows

    monkeypatch.setattr(noting, "record_all", broken)
    bank.post(body_of("1", told("a"), told("b"), told("c")))
    keep(bank, "2")
    drained(bank)

    first, second = bank.kept()
    assert ("failed", "processed") == (first.state, second.state)
    assert first.error.startswith("money.in b: It can't be booked (ValueError in ")
    assert SECRET not in first.error
    with bank.hub.read() as session:
        assert {"a", "c", "2"} == set(session.scalars(select(FactRow.fact_id)))
    assert (3, 3, 3) == counted(bank)


def test_results_before_a_raise_are_kept_and_the_rest_is_tried_again(
    bank: Bank,
) -> None:
    """ROAD 10."""
    failing = [UnavailableError("The bank is away.")]

    def results(webhook: Webhook, ctx: Context) -> Iterable[Result]:
        yield heard(told("a"))
        if failing:
            raise failing.pop()
        yield heard(told("b"))

    bank.plugin.results = results
    bank.post(body_of("1"))
    drained(bank)

    row = only(bank)
    assert ("received", "The bank is away.") == (row.state, row.error)
    assert 1 == counted(bank)[0]
    assert row.next_attempt_at and row.next_attempt_at > clock.now()

    with time_machine.travel(row.next_attempt_at + timedelta(seconds=1)):
        drained(bank)
    assert ("processed", "") == (only(bank).state, only(bank).error)
    assert 2 == counted(bank)[0]


def unheard(error: Any) -> Any:
    def results(webhook: Webhook, ctx: Context) -> Iterable[Result]:
        yield Unheard(event_id="a", event_type="money.in", error=error)

    return results


def raising(error: BaseException) -> Any:
    def results(webhook: Webhook, ctx: Context) -> Iterable[Result]:
        raise error

    return results


@pytest.mark.parametrize("tell", [unheard, raising])
@pytest.mark.parametrize(
    "error", [PayloadError("no"), RejectedError("no", status=404)], ids=repr
)
def test_permanent_errors_fail_at_once(bank: Bank, tell: Any, error: Any) -> None:
    """ROAD 10."""
    bank.plugin.results = tell(error)
    bank.post(body_of("1"))
    drained(bank)

    assert ("failed", 1) == (only(bank).state, only(bank).attempts)
    assert only(bank).error.endswith("no")


@pytest.mark.parametrize("error", [KeyError(SECRET), SystemExit(1), MemoryError()])
def test_plugin_that_raises_anything_fails_its_webhook_only(
    bank: Bank, error: BaseException
) -> None:
    """ROAD 26."""

    def results(webhook: Webhook, ctx: Context) -> Iterable[Result]:
        if webhook.json()["events"][0]["id"] == "1":
            raise error
        yield heard(told("2"))

    bank.plugin.results = results
    keep(bank, "1", "2")
    drained(bank)

    first, second = bank.kept()
    assert ("failed", "processed") == (first.state, second.state)
    assert f"The plugin failed with {type(error).__name__} in " in first.error
    assert SECRET not in first.error


@pytest.mark.parametrize("results", [lambda w, c: None, lambda w, c: ["text"]])
def test_plugin_that_yields_something_else_fails(bank: Bank, results: Any) -> None:
    bank.plugin.results = results
    bank.post(body_of("1"))
    drained(bank)

    assert "failed" == only(bank).state


def test_unavailable_provider_is_asked_for_72_hours(bank: Bank) -> None:
    """ROAD 6, 10."""
    bank.plugin.results = raising(UnavailableError("The bank is away."))
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        bank.post(body_of("1"))
        begun, waits = only(bank).received_at, []
        while only(bank).state == "received":
            row = only(bank)
            assert row.next_attempt_at is not None
            waits.append(row.next_attempt_at - begun)
            clock.move_to(row.next_attempt_at)
            assert len(waits) < 100
            drained(bank)
    gaps = [later - earlier for earlier, later in pairwise(waits[1:])]

    assert "failed" == only(bank).state
    assert waits[-1] >= timedelta(hours=72)
    assert gaps[0] < timedelta(seconds=10) < timedelta(hours=3) < gaps[-1]
    assert timedelta(hours=8) > max(gaps)


def test_retry_after_is_obeyed(bank: Bank) -> None:
    """ROAD 6."""
    bank.plugin.results = raising(RateLimitError("Slow down.", retry_after=3600))
    bank.post(body_of("1"))
    drained(bank)

    again = only(bank).next_attempt_at
    assert again and again - clock.now() > timedelta(minutes=59)


def test_webhooks_behind_an_unavailable_one_wait_with_it(bank: Bank) -> None:
    bank.plugin.results = raising(UnavailableError("The bank is away."))
    keep(bank, "1", "2", "3")
    drained(bank)

    assert 1 == len(bank.plugin.handled)
    assert [1, 0, 0] == [row.attempts for row in bank.kept()]
    assert ["received"] * 3 == [row.state for row in bank.kept()]
    assert all(
        row.claim is None and row.next_attempt_at and row.next_attempt_at > clock.now()
        for row in bank.kept()
    )


def test_credentials_errors_wait_for_the_repair(bank: Bank) -> None:
    """ROAD 10."""
    refused = [CredentialsError("The password is wrong.")]

    def before(webhook: Webhook, ctx: Context) -> None:
        if refused:
            raise refused[0]

    bank.plugin.before = before
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        keep(bank, "1", "2")
        drained(bank)
        assert "needs_reauth" == state_of(bank)
        for _ in range(80):
            clock.shift(3600)
            drained(bank)
        assert ["received", "received"] == [row.state for row in bank.kept()]
        assert 1 == len(bank.plugin.handled)

        refused.clear()
        with bank.hub.write() as session:
            session.get_one(Connection, bank.connection.id).state = "active"
        drained(bank)
    assert ["processed", "processed"] == [row.state for row in bank.kept()]


def test_after_the_repair_nothing_waits_any_longer(bank: Bank) -> None:
    """ROAD 10: for hours, though nothing is wrong any more."""
    refused = [CredentialsError("The password is wrong.")]

    def before(webhook: Webhook, ctx: Context) -> None:
        if refused:
            raise refused[0]

    bank.plugin.before = before
    keep(bank, "1", "2")
    drained(bank)
    assert ["received", "received"] == [row.state for row in bank.kept()]
    refused.clear()

    with bank.hub.write() as session:
        connections.repaired(session, bank.connection.slug)
    drained(bank)

    assert ["processed", "processed"] == [row.state for row in bank.kept()]


def test_new_webhooks_are_tried_while_credentials_are_refused(bank: Bank) -> None:
    with bank.hub.write() as session:
        session.get_one(Connection, bank.connection.id).state = "needs_reauth"
    keep(bank, "1")
    drained(bank)

    assert "processed" == only(bank).state


def state_of(bank: Bank) -> str:
    with bank.hub.read() as session:
        return session.get_one(Connection, bank.connection.id).state


def test_failures_in_a_row_open_an_outage_and_a_success_ends_it(bank: Bank) -> None:
    """ROAD 21."""
    bank.plugin.results = raising(UnavailableError("The bank is away."))
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        bank.post(body_of("1"))
        for _ in range(6):
            drained(bank)
            clock.shift(600)
        with bank.hub.read() as session:
            assert [None] == list(session.scalars(select(Outage.ended_at)))
        assert "degraded" == state_of(bank)

        bank.plugin.results = None
        drained(bank)
    assert "active" == state_of(bank)
    with bank.hub.read() as session:
        about = Event.subject == f"connection:{bank.connection.id}"
        types = list(session.scalars(select(Event.type).where(about)))
    assert ["connection.failing", "connection.recovered"] == sorted(types)


def test_wrong_settings_wait_for_a_person(bank: Bank) -> None:
    bank.plugin.results = raising(SettingsError("The site is missing."))
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        bank.post(body_of("1"))
        for _ in range(30):
            drained(bank)
            clock.shift(6 * 3600)

    assert ("received", "The site is missing.") == (only(bank).state, only(bank).error)


@pytest.mark.parametrize("held", ["disabled", "switched off", "quarantined", "removed"])
def test_what_is_off_is_held(bank: Bank, held: str) -> None:
    """ROAD 12, 30."""
    keep(bank, "1")
    with bank.hub.write() as session:
        connection = session.get_one(Connection, bank.connection.id)
        switch = session.get_one(PluginSwitch, "bank")
        match held:
            case "disabled":
                connection.state = "disabled"
            case "removed":
                connection.removed_at = clock.now()
            case "switched off":
                switch.enabled = False
            case _:
                switch.quarantined_at = clock.now()

    assert 0 == drained(bank)
    assert ("received", 0) == (only(bank).state, only(bank).attempts)


def test_claims_use_the_partial_index(bank: Bank) -> None:
    keep(bank, *map(str, range(200)))
    with bank.hub.write() as session:
        finished = InboundWebhook.id.not_in([row.id for row in bank.kept()[:2]])
        session.execute(update(InboundWebhook).where(finished).values(state="failed"))
    statements: list[Any] = []

    @listens_for(bank.hub.database.reader, "before_cursor_execute")
    def note(connection: Any, cursor: Any, text: str, values: Any, *more: Any) -> None:
        statements.append((text, values))

    with bank.hub.write() as session:  # a plan needs to know what the rows are like
        session.execute(sql("ANALYZE"))
    with bank.hub.read() as session:
        webhook_claims.any_due(session)
        text, values = statements[-1]
        connection = session.connection()
        explain = "EXPLAIN QUERY PLAN "
        if not bank.hub.database.sqlite:
            explain = "EXPLAIN "
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = connection.exec_driver_sql(explain + text, values).all()

    assert "ix_inbound_webhooks_due" in str(plan)


def claimed(bank: Bank) -> Sequence[InboundWebhook]:
    with bank.hub.write() as session:
        return webhook_claims.claim(session)


def test_claimed_rows_are_nobody_elses(bank: Bank) -> None:
    """ROAD 16."""
    keep(bank, "1", "2")

    assert 2 == len(claimed(bank))
    assert 0 == len(claimed(bank))
    assert all(row.lease_until == row.next_attempt_at for row in bank.kept())
    assert LEASE >= timedelta(seconds=60)  # ROAD 39


def test_lost_lease_is_taken_up_by_the_next_claim(bank: Bank) -> None:
    """ROAD 16, 26: killed between claim and result."""
    keep(bank, "1", "2")
    claimed(bank)

    with time_machine.travel(clock.now() + LEASE + timedelta(seconds=1)):
        assert 2 == drained(bank)

    assert ["processed"] * 2 == [row.state for row in bank.kept()]
    assert [2, 2] == [row.attempts for row in bank.kept()]
    assert (2, 2, 2) == counted(bank)


def test_what_a_dead_worker_held_is_taken_up_at_once(bank: Bank) -> None:
    """ROAD 26."""
    keep(bank, "1", "2")
    with bank.hub.write() as session:
        assert 2 == len(webhook_claims.claim(session, worker="process-a-1"))
    sweep.lost(bank.hub, "process-a")
    assert 0 == drained(bank)

    sweep.lost(bank.hub, "process-a-1")

    assert 2 == drained(bank)
    assert [0, 0] == [row.lost_leases for row in bank.kept()]


def test_row_with_a_lost_lease_is_claimed_alone(bank: Bank) -> None:
    """ROAD 26: the one that crashes must not take others with it."""
    keep(bank, "1", "2", "3")
    claimed(bank)

    with time_machine.travel(clock.now() + LEASE + timedelta(seconds=1)):
        keep(bank, "4")
        assert [1, 1, 1, 1] == [len(claimed(bank)) for _ in range(4)]


def test_claim_takes_no_more_than_its_limit_whatever_the_plan(bank: Bank) -> None:
    """ROAD 26: a nested loop must not run the limited query again for each row."""
    keep(bank, "1", "2", "3")
    claimed(bank)

    later = clock.now() + LEASE + timedelta(seconds=1)
    with time_machine.travel(later), bank.hub.write() as session:
        if not bank.hub.database.sqlite:
            for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
                session.execute(sql(f"SET LOCAL enable_{way} = off"))
        taken = webhook_claims.claim(session)

    assert 1 == len(taken)


def test_three_lost_leases_fail_the_webhook(bank: Bank) -> None:
    """ROAD 26."""
    keep(bank, "1")
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as travelled:
        for _ in range(3):
            assert 1 == len(claimed(bank))
            travelled.shift(LEASE + timedelta(seconds=1))
        assert 1 == drained(bank)

    assert "failed" == only(bank).state
    assert "crashes" in only(bank).error
    assert [] == bank.plugin.handled


def test_webhook_that_crashes_holds_its_plugin_and_admins_are_told(bank: Bank) -> None:
    """ROAD 26: as for deliveries. Once it is enabled again the others go on."""
    admin = add_user(bank.hub)
    keep(bank, "1")
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as travelled:
        for _ in range(3):
            assert 1 == len(claimed(bank))
            travelled.shift(LEASE + timedelta(seconds=1))
        assert 1 == drained(bank)
        keep(bank, "2")

        assert 0 == drained(bank)
        assert [("plugin.quarantined", "/settings")] == notices(bank, admin)
        with bank.hub.write() as session:
            assert session.get_one(PluginSwitch, "bank").quarantined_at
            switches.enable(session, "bank")
        assert 1 == drained(bank)

    assert ["failed", "processed"] == sorted(row.state for row in bank.kept())


def test_admins_hear_once_that_webhooks_fail(bank: Bank) -> None:
    """One notification for a burst, which leads to the list of that connection."""
    admin, billing = add_user(bank.hub), add_user(bank.hub, "billing")
    error = PayloadError("It has no amount.")
    bank.plugin.results = lambda webhook, ctx: [
        Unheard(event_id="a", event_type="money.in", error=error)
    ]
    with time_machine.travel("2030-01-01T10:00:00Z", tick=False) as travelled:
        for round in range(3):
            keep(bank, *(f"{round}-{number}" for number in range(5)))
            assert 5 == drained(bank)

        listed = "/webhooks?state=failed&connection=bank"
        assert [("webhooks.failing", listed)] == notices(bank, admin)
        assert [] == notices(bank, billing)

        travelled.shift(timedelta(days=1))
        keep(bank, "later")
        assert 1 == drained(bank)
        assert 2 == len(notices(bank, admin))


def test_a_webhook_that_is_tried_again_is_no_news(bank: Bank) -> None:
    admin = add_user(bank.hub)
    error = UnavailableError("It is away.")
    bank.plugin.results = lambda webhook, ctx: [
        Unheard(event_id="a", event_type="money.in", error=error)
    ]
    keep(bank, "1")
    drained(bank)

    assert "received" == only(bank).state
    assert [] == notices(bank, admin)


def notices(bank: Bank, user: User) -> list[tuple[str, str]]:
    with bank.hub.read() as session:
        rows = session.scalars(
            select(Notification)
            .where(Notification.user_id == user.id)
            .order_by(Notification.id)
        ).all()
    start = bank.hub.settings.base_url
    return [(row.type, row.url.removeprefix(start)) for row in rows]


def test_lost_claim_writes_nothing(bank: Bank) -> None:
    """ROAD 16: the fence."""
    stolen = []

    def before(webhook: Webhook, ctx: Context) -> None:
        with bank.hub.write() as session:
            session.execute(update(InboundWebhook).values(claim="another"))
        stolen.append(webhook.id)

    bank.plugin.before = before
    keep(bank, "1")
    drained(bank)

    assert ("another", "received") == (only(bank).claim, only(bank).state)
    assert (0, 0, 0) == counted(bank)
    assert [only(bank).id] == stolen


def test_check_holds_only_what_is_ours(bank: Bank) -> None:
    keep(bank, "1")
    (row,) = claimed(bank)
    with bank.hub.write() as session:
        webhook_claims.check(session, row)
        session.execute(update(InboundWebhook).values(claim="another"))
        with pytest.raises(LostClaimError):
            webhook_claims.check(session, row)


def test_crash_before_the_commit_loses_nothing(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 1: killed in the middle, run again."""

    class Killed(BaseException):
        pass

    record_all = record.record_all

    def kill(*args: Any, **kwargs: Any) -> Any:
        record_all(*args, **kwargs)
        raise Killed

    keep(bank, "1")
    (row,) = claimed(bank)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(noting, "record_all", kill)
        hearing = hear(bank.hub, live(bank.hub).by_slug("bank"), row)
        noting.note(bank.hub, deque([hearing]))
    assert ((0, 0, 0), "received") == (counted(bank), only(bank).state)

    with time_machine.travel(clock.now() + LEASE + timedelta(seconds=1)):
        drained(bank)
    assert ((1, 1, 1), "processed") == (counted(bank), only(bank).state)


def test_slow_provider_holds_up_nobody_else(bank: Bank) -> None:
    """ROAD law 8."""
    go_on, begun = threading.Event(), threading.Event()
    other = connect(bank.hub, "bank", "bank-2")

    def before(webhook: Webhook, ctx: Context) -> None:
        if ctx.connection == "bank":
            begun.set()
            assert go_on.wait(60)

    bank.plugin.before = before
    keep(bank, "1")
    with bank.hub.write() as session:
        session.add(
            InboundWebhook(
                connection_id=other.id,
                method="POST",
                path="",
                headers=b"",
                body=body_of("2", told("2")),
                size=1,
                received_at=clock.now(),
                next_attempt_at=clock.now(),
                state="received",
            )
        )
    assert 1 == process.drain(bank.hub, lambda: False, budget_seconds=0.5)
    assert begun.is_set()
    assert {"processed", "received"} == {row.state for row in bank.kept()}

    # The lane goes on by itself; a second drain leaves its connection alone.
    keep(bank, "3")
    assert 0 == process.drain(bank.hub, lambda: False, budget_seconds=0.1)
    go_on.set()
    assert 1 == process.drain_all(bank.hub, seconds=20)
    assert ["processed"] * 3 == [row.state for row in bank.kept()]


def test_stop_puts_back_what_was_not_begun(bank: Bank) -> None:
    """ROAD 24."""
    stop = threading.Event()
    bank.plugin.before = lambda webhook, ctx: stop.set()
    keep(bank, "1", "2", "3")

    assert 1 == process.drain(bank.hub, stop.is_set, budget_seconds=20)

    assert [1, 0, 0] == [row.attempts for row in bank.kept()]
    assert [None, None, None] == [row.claim for row in bank.kept()]
    assert 2 == process.drain(bank.hub, lambda: False, budget_seconds=20)


def test_ring_during_the_drain_is_not_lost(bank: Bank) -> None:
    """ROAD 23."""
    with bank.hub.bell.redis as client:
        keep(bank, "1")
        client.set("hub:rung:process", 1)
        drained(bank)

        assert not client.exists("hub:rung:process")


def test_rows_left_are_rung_for_again(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 23."""
    rung: SimpleQueue[str] = SimpleQueue()
    monkeypatch.setattr(bank.hub.bell, "ring", rung.put)
    keep(bank, "1")
    assert "process" == rung.get(timeout=10)  # by the writer

    process.drain(bank.hub, lambda: True)

    assert "process" == rung.get(timeout=0)


def test_without_redis_everything_is_processed(bank: Bank) -> None:
    """ROAD law 1."""
    bank.hub.bell = Bell("unix:///nowhere/redis.sock")
    keep(bank, "1")

    assert 1 == drained(bank)


def test_two_processes_share_the_work(bank: Bank) -> None:
    """ROAD 16."""
    keep(bank, *map(str, range(120)))
    found = []

    def work() -> None:
        bank.hub._parts.pop(Lanes, None)  # as in another process
        found.append(drained(bank))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert 120 == len(set(bank.plugin.handled)) == len(bank.plugin.handled)
    assert (120, 120, 120) == counted(bank)


def test_plugin_without_the_hook_ignores(bank: Bank) -> None:
    from dataclasses import replace

    plugin = bank.hub.plugins.get("bank")
    hooks = {k: v for k, v in plugin.hooks.items() if k != "handle_webhook"}
    bank.hub.plugins._plugins["bank"] = replace(plugin, hooks=hooks)
    keep(bank, "1")
    drained(bank)

    assert "ignored" == only(bank).state


def test_hook_sees_what_was_kept(bank: Bank) -> None:
    seen: list[Webhook] = []
    bank.plugin.before = lambda webhook, ctx: seen.append(webhook)
    body = body_of("1", told("a"))
    bank.post(body, path="/status", headers={"X-Note": "\u00e9: b"})
    drained(bank)

    (webhook,) = seen
    assert (only(bank).id, "status", body) == (webhook.id, webhook.path, webhook.body)
    assert "\u00e9: b" == webhook.headers["x-note"]
    assert only(bank).received_at == webhook.received_at


def test_hanging_suspect_holds_up_only_suspects(bank: Bank) -> None:
    """ROAD 26: after a crash one hook that hangs stops nobody else."""
    second = connect(bank.hub, "bank", "bank-2")
    keep(bank, "1")
    claimed(bank)
    release, entered = threading.Event(), threading.Event()

    def hang(webhook: Webhook, ctx: Context) -> None:
        if ctx.connection == "bank":
            entered.set()
            release.wait(60)

    bank.plugin.before = hang
    with bank.hub.write() as session:
        session.execute(update(InboundWebhook).values(next_attempt_at=clock.now()))
    process.drain(bank.hub, lambda: False, budget_seconds=0.5)
    assert entered.wait(10)
    keep(bank, "2")
    with bank.hub.write() as session:
        session.execute(
            update(InboundWebhook)
            .where(InboundWebhook.dedupe_key == "2")
            .values(connection_id=second.id)
        )
    process.drain(bank.hub, lambda: False, budget_seconds=5)

    states = {row.dedupe_key: row.state for row in bank.kept()}
    release.set()
    process.drain_all(bank.hub, seconds=20)
    assert {"1": "received", "2": "processed"} == states


def test_running_lane_keeps_its_lease_until_a_hook_overruns(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 16, 26."""
    keep(bank, "1")
    release, entered = threading.Event(), threading.Event()

    def hang(webhook: Webhook, ctx: Context) -> None:
        entered.set()
        release.wait(60)

    bank.plugin.before = hang
    process.drain(bank.hub, lambda: False, budget_seconds=0.5)
    assert entered.wait(10)
    lanes = bank.hub.part(Lanes)
    before = only(bank).next_attempt_at

    lanes.renew()
    renewed = only(bank).next_attempt_at
    quick = lanes.has_overrun()
    monkeypatch.setattr("hub.core.webhooks.lanes.HOOK_SECONDS", 0.0)
    slow = lanes.has_overrun()
    lanes.renew()
    kept = only(bank).next_attempt_at
    release.set()
    process.drain_all(bank.hub, seconds=20)

    assert before is not None
    assert renewed is not None
    assert renewed > before
    assert (False, True, renewed) == (quick, slow, kept)


def test_hook_is_given_the_query_as_it_came(bank: Bank) -> None:
    seen: list[Webhook] = []

    def results(webhook: Webhook, ctx: Context) -> Iterable[Result]:
        seen.append(webhook)
        return []

    bank.plugin.results = results
    bank.post(body_of("1"), path="/status?mid=del_1&mid=del_2&text=%C3%A4+%00&empty=")
    bank.post(body_of("2"))
    process.drain_all(bank.hub, seconds=20)

    queries = {"status": {"mid": "del_1", "text": "ä \0", "empty": ""}, "": {}}
    assert queries == {webhook.path: dict(webhook.query) for webhook in seen}


def test_query_is_kept_without_our_secrets(bank: Bank) -> None:
    bank.post(body_of("1"), path="/status?mid=7&secret=" + SECRET.replace(" ", "+"))

    (row,) = bank.kept()
    assert "mid=7&secret=[hidden]" == row.query

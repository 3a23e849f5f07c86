"""Sync: pages, cursor, one run at a time (ROAD 29)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.boot import Hub
from hub.core import duties, sync
from hub.core.models import (
    Connection,
    FactRow,
    Payment,
    PluginSwitch,
    SyncRun,
    new_id,
)
from hub.hookspecs import hookimpl
from hub.plugins import Plugins, check
from hub.sdk.clock import now
from hub.sdk.context import Context
from hub.sdk.errors import ConflictError, UnavailableError
from hub.sdk.facts import Fact, PaymentReceived
from hub.sdk.money import Money
from hub.sdk.provider import Provider, SettingsSchema
from hub.sdk.sync import Page


@dataclass
class Bank:
    """A plugin that reads its pages from a list; an error stands for itself."""

    pages: list[Page | Exception] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)

    @hookimpl
    def describe_provider(self) -> Provider:
        return Provider(
            name="bank",
            title="Bank",
            category="payment",
            summary="For tests.",
            settings=SettingsSchema,
        )

    @hookimpl
    def sync(self, ctx: Context, cursor: str | None) -> Iterator[Page]:
        self.asked.append(cursor)
        for page in self.pages:
            if isinstance(page, Exception):
                raise page
            yield page


def page(number: int, cursor: str | None) -> Page:
    fact: Fact = PaymentReceived(
        id=f"paid-{number}",
        as_of=now(),
        reference=f"PAY-{number}",
        amount=Money(1000, "EUR"),
    )
    return Page(facts=(fact,), cursor=cursor)


@pytest.fixture
def bank(hub: Hub) -> Bank:
    bank = Bank()
    hub.plugins = Plugins([check("bank", bank)])
    with hub.write() as session:
        session.add(PluginSwitch(name="bank", enabled=True))
        session.add(
            Connection(id=new_id("cnn"), plugin="bank", slug="bank", state="active")
        )
    return bank


def payments(hub: Hub) -> list[str]:
    with hub.read() as session:
        return sorted(session.scalars(select(Payment.reference)))


def test_pages_are_recorded_and_the_cursor_is_kept(hub: Hub, bank: Bank) -> None:
    bank.pages = [page(1, "a"), page(2, "b"), page(3, None)]

    run = sync.run(hub, "bank")
    sync.run(hub, "bank")

    assert ("done", 3, 3, "b") == (run.state, run.pages, run.facts, run.cursor)
    assert [None, "b"] == bank.asked
    assert ["PAY-1", "PAY-2", "PAY-3"] == payments(hub)


def test_the_same_page_twice_changes_nothing(hub: Hub, bank: Bank) -> None:
    bank.pages = [page(1, "a"), page(1, "a")]

    sync.run(hub, "bank")

    with hub.read() as session:
        assert 1 == len(session.scalars(select(FactRow.id)).all())


def test_a_run_that_fails_goes_on_from_its_last_page(hub: Hub, bank: Bank) -> None:
    """ROAD 29: the cursor moves with its page, and with nothing else."""
    bank.pages = [page(1, "a"), UnavailableError("The bank is closed.")]

    run = sync.run(hub, "bank")

    assert ("failed", "The bank is closed.") == (run.state, run.error)
    assert ["PAY-1"] == payments(hub)
    bank.pages = [page(2, "b")]
    assert "done" == sync.run(hub, "bank").state
    assert [None, "a"] == bank.asked


def test_a_dry_run_records_nothing(hub: Hub, bank: Bank) -> None:
    bank.pages = [page(1, "a")]

    run = sync.run(hub, "bank", dry_run=True)

    assert ("done", 1, None) == (run.state, run.facts, run.cursor)
    assert [] == payments(hub)


def test_one_run_at_a_time(hub: Hub, bank: Bank) -> None:
    """ROAD 29: by a unique row; one whose lease ran out is ended."""
    with hub.write() as session:
        connection = session.scalars(select(Connection)).one()
        running = SyncRun(
            id=new_id("syn"),
            connection_id=connection.id,
            claim="other",
            lease_until=now() + timedelta(minutes=1),
            started_at=now(),
        )
        session.add(running)

    with pytest.raises(ConflictError, match="already"):
        sync.run(hub, "bank")
    with hub.write() as session:
        row = session.get_one(SyncRun, running.id)
        row.lease_until = now() - timedelta(seconds=1)

    assert "done" == sync.run(hub, "bank").state
    with hub.read() as session:
        assert "failed" == session.get_one(SyncRun, running.id).state


def test_a_run_that_was_taken_over_keeps_nothing_more(hub: Hub, bank: Bank) -> None:
    """ROAD 29: the fence is the claim on the row."""

    def pages() -> Iterator[Page]:
        yield page(1, "a")
        with hub.write() as session:
            session.scalars(select(SyncRun)).one().claim = "another"
        yield page(2, "b")

    bank.pages = pages()  # type: ignore[assignment]

    sync.run(hub, "bank")

    assert ["PAY-1"] == payments(hub)


def test_a_run_is_started_and_reads_on_by_itself(hub: Hub, bank: Bank) -> None:
    bank.pages = [page(1, "a")]

    row, thread = sync.start(hub, "bank")
    thread.join()

    assert "running" == row.state
    with hub.read() as session:
        assert "done" == session.get_one(SyncRun, row.id).state
    assert ["PAY-1"] == payments(hub)


def test_the_scheduler_syncs_what_can(hub: Hub, bank: Bank) -> None:
    bank.pages = [page(1, "a")]

    for thread in sync.run_all(hub):
        thread.join()

    assert "syncs" in [duty.name for duty in duties.DUTIES]
    assert ["PAY-1"] == payments(hub)


def test_who_can_not_sync_says_so(hub: Hub, bank: Bank) -> None:
    with hub.write() as session:
        session.scalars(select(Connection)).one().state = "disabled"

    with pytest.raises(ConflictError, match="disabled"):
        sync.run(hub, "bank")

"""ROAD 1-8, 16, 17: whatever clients, webhooks, janitors, admins and crashes do, and
in whatever order, the ledger is the providers' books and no invoice is charged twice.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from hub.core import janitor
from hub.core.checkouts import checkout, refunds
from hub.core.ledger import companies, invoices, payments
from hub.core.ledger.payments import NewPayment
from hub.core.mandates import autobill, cancelling, debits, requests
from hub.core.models import Invoice, Payment
from hub.db import Database
from hub.sdk.errors import ProviderError, UserError
from hub.sdk.money import Money
from hub.settings import Settings
from tests.road.payments_world import PROVIDERS, World, world

CHOICES = ("approve", "approve", "approve", "leave", "pending", "decline", "close")
FAULTS = ("timeout_after", "timeout_after", "500", "429", "drop", "junk")


class Story:
    """A random course of events, told again by its seed."""

    def __init__(self, seed: int, there: World) -> None:
        self.random = random.Random(seed)  # noqa: S311 - no secret
        self.there = there
        self.told: list[str] = []

    def go_on(self) -> None:
        """One more thing happens; now and then the process is killed at it."""
        actions: list[tuple[Callable[[], object], int]] = [
            (self.begin, 6),
            (self.two_tabs, 4),
            (self.choose, 7),
            (self.come_back, 5),
            (self.come_back_cancelled, 2),
            (self.webhook, 6),
            (self.lose, 1),
            (self.janitor, 3),
            (self.wait, 2),
            (self.bank, 1),
            (self.fault, 2),
            (self.by_hand, 2),
            (self.void, 1),
            (self.refund, 2),
            (self.set_up, 2),
            (self.collect, 6),
            (self.autobill, 2),
            (self.debit_lives, 7),
            (self.end_mandate, 1),
        ]
        (action,) = self.random.choices(*zip(*actions, strict=True))
        self.told.append(action.__name__)
        with suppress(UserError, ProviderError):
            if self.random.random() < 0.12:
                at = self.random.choice(("before", "after"))
                self.told.append(f"killed {at}")
                with self.there.killed(at):
                    action()
            else:
                action()
        self.there.collect()

    def invoice(self) -> Invoice:
        """Mostly one of a few, so that things meet."""
        there = self.there
        if not there.invoices or self.random.random() < 0.4:
            total = self.random.choice(("100.00", "59.99", "12.30"))
            return there.add(total, days=self.random.choice((2, 14)))
        return self.random.choice(there.invoices[-3:])

    def begun(self) -> tuple[str, checkout.Begun]:
        """A page some client has open in some tab, perhaps an old one."""
        if not self.there.begun:
            self.begin()
        return self.random.choice(self.there.begun[-8:])

    def begin(self) -> None:
        part = Money(self.random.randrange(100, 2000), "EUR")
        amount = part if self.random.random() < 0.2 else None
        slug = self.random.choice(PROVIDERS)
        self.there.begin(self.invoice(), slug, amount=amount)

    def two_tabs(self, invoice: Invoice | None = None) -> None:
        """A client begins in one way, then in another, and pays wherever he can."""
        invoice, steps = invoice or self.invoice(), list[Callable[[], object]]()
        for slug in self.random.sample(PROVIDERS, len(PROVIDERS)):
            with suppress(UserError, ProviderError):
                page = self.there.begin(invoice, slug)
                steps += [
                    partial(self.there.choose, slug, page, "approve"),
                    partial(checkout.finish, self.there.hub, page.charge_id, {}),
                ]
        for step in self.random.sample(steps, len(steps)):
            step()

    def set_up(self) -> None:
        """The client gives a mandate, and comes back or doesn't."""
        page = self.there.begin_mandate()
        self.there.bank.choose(page.url, self.random.choice(CHOICES))
        if self.random.random() < 0.6:
            requests.finish(self.there.hub, page.request_id, {})

    def collect(self) -> None:
        invoice = self.invoice()
        with self.there.hub.read() as session:
            has_one = companies.get(session, invoice.company_id).mandate_id
        if not has_one:
            self.set_up()
        debits.collect(self.there.hub, invoice.id)

    def autobill(self) -> None:
        autobill.run(self.there.hub)

    def debit_lives(self) -> None:
        what, _, number = self.there.bank.live(self.random).partition(" ")
        self.told.append(f"{what} {number}")
        if what == "will_retry":
            self.impatient(number)

    def impatient(self, number: str) -> None:
        """All is heard of a debit that is to be tried again; the client would rather
        pay at once."""
        self.there.collect()
        while self.there.waiting:
            self.there.deliver()
        self.there.hear()
        self.two_tabs(next(i for i in self.there.invoices if i.number == number))

    def end_mandate(self) -> None:
        """At the bank, or by us."""
        if self.random.random() < 0.5:
            self.there.bank.end_mandate(self.random)
            return
        company = self.there.company.id
        with self.there.hub.read() as session:
            mandate = companies.get(session, company).mandate_id
        if mandate:
            cancelling.cancel(self.there.hub, mandate)

    def choose(self) -> None:
        self.there.choose(*self.begun(), self.random.choice(CHOICES))

    def come_back(self) -> None:
        checkout.finish(self.there.hub, self.begun()[1].charge_id, {})

    def come_back_cancelled(self) -> None:
        checkout.cancelled(self.there.hub, self.begun()[1].charge_id)

    def webhook(self) -> None:
        """Some arrive: out of order, some twice."""
        for _ in range(min(3, len(self.there.waiting))):
            at = self.random.randrange(len(self.there.waiting))
            self.there.deliver(at, keep=self.random.random() < 0.2)
        self.there.hear()

    def lose(self) -> None:
        self.there.waiting.clear()

    def janitor(self) -> None:
        janitor.check_due(self.there.hub)

    def wait(self) -> None:
        self.there.pass_time(minutes=self.random.choice((1, 3, 10, 90)))

    def bank(self) -> None:
        self.there.end_pending(self.random.choice(("completed", "denied")))

    def fault(self) -> None:
        self.there.fault(self.random.choice(PROVIDERS), self.random.choice(FAULTS))

    def by_hand(self) -> None:
        invoice = self.invoice()
        checkout.clear(self.there.hub, invoice.id)
        with self.there.hub.write() as session:
            left = invoices.get(session, invoice.id).open_minor
            new = NewPayment(amount=Money(max(1, left // 2), "EUR"))
            payments.record_payment(session, invoice.id, new)

    def void(self) -> None:
        invoice = self.invoice()
        checkout.clear(self.there.hub, invoice.id)
        with self.there.hub.write() as session:
            invoices.void(session, invoice.id)

    def refund(self) -> None:
        paid = [row for row in self.there.rows(Payment) if row.provider in PROVIDERS]
        if paid:
            payment = self.random.choice(paid)
            part = Money(self.random.randrange(50, 800), "EUR")
            amount = part if self.random.random() < 0.6 else None
            refunds.refund(self.there.hub, payment.id, amount)


def tell(there: World, seed: int, *, events: int) -> None:
    """Tell a story to its end, and look into the books."""
    story = Story(seed, there)
    for _ in range(events):
        story.go_on()
    try:
        there.settle_down()
        there.check_books()
    except AssertionError:
        pytest.fail(f"seed {seed}: {' · '.join(story.told[-60:])}", pytrace=True)
    assert there.books(), " · ".join(story.told)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_the_ledger_is_the_providers_books(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    with world(database, settings, monkeypatch) as there:
        tell(there, seed, events=60)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 106))
def test_over_hundreds_of_invoices_the_ledger_is_the_providers_books(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    with world(database, settings, monkeypatch) as there:
        tell(there, seed, events=1200)

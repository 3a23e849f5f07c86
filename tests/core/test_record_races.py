"""Two sides that need each other and come at the same moment (ROAD 5, 6).

Each sees nothing of the other until it has committed; only the names they lock keep
them from passing each other unseen.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, Literal

import pytest

from hub.boot import Hub
from hub.core.ledger import charges, credit_notes, payments
from hub.core.ledger.credit_notes import NewCreditNote
from hub.core.models import Company, Connection, Event, Payment
from hub.db import Database
from hub.sdk.errors import ConflictError, InvalidError
from hub.sdk.facts import Match, PayoutMade
from tests.parts.ledger import (
    add_company,
    add_invoice,
    all_of,
    at,
    eur,
    received,
    refund,
    tell,
    the_invoice,
    the_payment,
)

ROUNDS = 12


@pytest.fixture
def database(postgres_database: Database) -> Database:
    """SQLite, with its one writer, proves nothing here."""
    return postgres_database


@pytest.fixture
def company(hub: Hub) -> Company:
    return add_company(hub)


def at_once(*sides: Callable[[], Any]) -> list[Any]:
    start = Barrier(len(sides))

    def run(side: Callable[[], Any]) -> Any:
        start.wait(10)
        return side()

    with ThreadPoolExecutor(len(sides)) as pool:
        return [done.result(30) for done in [pool.submit(run, s) for s in sides]]


def told_of(hub: Hub, reference: str) -> list[str]:
    return [
        event.type
        for event in all_of(hub, Event)
        if event.data.get("reference") == reference
    ]


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_invoice_and_the_payment_that_names_it(
    hub: Hub, till: Connection, company: Company, turn: int
) -> None:
    match = Match(invoice_number="INV-9")
    at_once(
        lambda: add_invoice(hub, "100.00", company, number="INV-9"),
        lambda: tell(hub, till, received(match=match)),
    )

    assert "paid" == the_invoice(hub, "INV-9").state
    assert ["payment.received"] == told_of(hub, "P-1")


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_checkout_and_the_payment_that_names_it(
    hub: Hub, till: Connection, company: Company, turn: int
) -> None:
    invoice = add_invoice(hub, "100.00", company)
    with hub.write() as session:
        charge = charges.open_charge(session, invoice.id, till)

    def started() -> None:
        with hub.write() as session:
            charges.started(session, charge.id, "ORDER-1", "https://till.test/1")

    match = Match(checkout="ORDER-1")
    at_once(started, lambda: tell(hub, till, received(match=match)))

    assert "paid" == the_invoice(hub).state
    assert ["payment.received"] == told_of(hub, "P-1")


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_refund_and_the_payment_it_is_of(
    hub: Hub, till: Connection, company: Company, turn: int
) -> None:
    add_invoice(hub, "100.00", company)
    at_once(
        lambda: tell(hub, till, refund()),
        lambda: tell(hub, till, received()),
    )

    assert 3000 == the_payment(hub).refunded_minor
    assert 7000 == the_invoice(hub).paid_minor
    assert ["payment.received", "payment.refunded"] == told_of(hub, "P-1")


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_payments_of_one_invoice(
    hub: Hub, till: Connection, company: Company, turn: int
) -> None:
    """ROAD 5: the invoice is locked before it is computed."""
    add_invoice(hub, "100.00", company)

    def pay(number: int) -> Callable[[], Any]:
        fact = received(reference=f"P-{number}", amount="25.00")
        return lambda: tell(hub, till, fact)

    at_once(*(pay(number) for number in range(4)))

    assert ("paid", 10000) == (the_invoice(hub).state, the_invoice(hub).paid_minor)
    assert 1 == [e.type for e in all_of(hub, Event)].count("invoice.paid")


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_refunds_of_different_payments_of_one_invoice(
    hub: Hub, till: Connection, company: Company, turn: int
) -> None:
    """ROAD 5: nothing but the invoice itself is common to them."""
    add_invoice(hub, "100.00", company)
    names = [f"P-{number}" for number in range(4)]
    tell(hub, till, *(received(reference=name, amount="25.00") for name in names))

    def give_back(name: str) -> Callable[[], Any]:
        fact = refund(reference=f"R-{name}", payment=name, amount="5.00")
        return lambda: tell(hub, till, fact)

    at_once(*(give_back(name) for name in names))

    assert 8000 == the_invoice(hub).paid_minor


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_payout_that_named_a_payment_before_and_its_refund(
    hub: Hub, till: Connection, company: Company, turn: int
) -> None:
    """ROAD 5: what other facts of the same movement spoke of is locked too."""
    add_invoice(hub, "100.00", company)
    tell(hub, till, received(), payout("pending", "P-1"))
    at_once(
        lambda: tell(hub, till, payout("paid")),
        lambda: tell(hub, till, refund(amount="100.00")),
    )

    assert ("refunded", 10000) == (
        the_payment(hub).state,
        the_payment(hub).refunded_minor,
    )


def payout(state: Literal["pending", "paid"], *references: str) -> PayoutMade:
    return PayoutMade(
        id=f"payout-{state}",
        as_of=at(5),
        reference="PO-1",
        amount=eur("100.00"),
        state=state,
        payments=references,
    )


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_fact_and_its_replay(hub: Hub, till: Connection, turn: int) -> None:
    """ROAD 13: the newest revision counts, though neither sees the other."""
    first = received(id="e", reference="ORDER", match=Match())
    mended = received(id="e", reference="CAPTURE", match=Match())
    at_once(
        lambda: tell(hub, till, first),
        lambda: tell(hub, till, mended, revision=1),
    )

    assert ["CAPTURE"] == [
        row.reference for row in all_of(hub, Payment) if row.state == "confirmed"
    ]


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_person_and_provider_move_one_payment(
    hub: Hub, till: Connection, company: Company, turn: int
) -> None:
    """ROAD 6: the person's assignment stands whichever comes first."""
    chosen = add_invoice(hub, "100.00", company)
    named = add_invoice(hub, "100.00", company, number="INV-9")
    tell(hub, till, received(match=Match()))
    payment = the_payment(hub)

    def assign() -> bool:
        try:
            with hub.write() as session:
                payments.assign(session, payment.id, chosen.id, actor="user:1")
        except ConflictError:  # the provider was first, and it fits
            return False
        return True

    later = received(5, match=Match(invoice_number="INV-9"))
    mine, _ = at_once(assign, lambda: tell(hub, till, later))

    paid, open_ = (chosen, named) if mine else (named, chosen)
    assert paid.id == the_payment(hub).invoice_id
    assert ["paid", "open"] == [
        the_invoice(hub, invoice.number).state for invoice in (paid, open_)
    ]
    assert ["payment.received"] == told_of(hub, "P-1")


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_credit_is_not_given_twice(
    hub: Hub, till: Connection, company: Company, turn: int
) -> None:
    invoices = [add_invoice(hub, "100.00", company) for _ in range(2)]
    with hub.write() as session:
        new = NewCreditNote(company_id=company.id, amount=eur("100.00"))
        note = credit_notes.create(session, new)

    def allocate(invoice_id: str) -> Callable[[], bool]:
        def side() -> bool:
            try:
                with hub.write() as session:
                    credit_notes.allocate(session, note.id, invoice_id, eur("100.00"))
            except (ConflictError, InvalidError):
                return False
            return True

        return side

    given = at_once(*(allocate(invoice.id) for invoice in invoices))

    assert 1 == sum(given)
    assert ["open", "paid"] == sorted(
        the_invoice(hub, i.number).state for i in invoices
    )

"""Credit notes and their allocations."""

import pytest

from hub.boot import Hub
from hub.core.ledger import credit_notes, invoices
from hub.core.ledger.credit_notes import NewCreditNote
from hub.core.models import Allocation, Company, Connection, CreditNote
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from hub.sdk.money import Money
from tests.parts.ledger import (
    add_company,
    add_invoice,
    all_of,
    eur,
    received,
    tell,
    the_invoice,
    told,
)


@pytest.fixture
def company(hub: Hub) -> Company:
    return add_company(hub)


def credit(hub: Hub, company: Company, amount: str = "30.00", **values) -> CreditNote:
    with hub.write() as session:
        new = NewCreditNote(company_id=company.id, amount=eur(amount), **values)
        return credit_notes.create(session, new)


def allocate(hub: Hub, note: CreditNote, invoice_id: str, amount=None) -> Allocation:
    with hub.write() as session:
        return credit_notes.allocate(session, note.id, invoice_id, amount)


def test_credit_lowers_what_is_open(hub: Hub, company: Company) -> None:
    invoice = add_invoice(hub, "100.00", company)
    note = credit(hub, company)
    allocate(hub, note, invoice.id)
    found = the_invoice(hub)

    assert "CN-000001" == note.number
    assert ("open", 0, 7000) == (found.state, found.paid_minor, found.open_minor)
    assert "allocated" == all_of(hub, CreditNote)[0].state
    assert ["invoice.updated"] == told(hub)


def test_credit_and_money_pay_together(
    hub: Hub, company: Company, till: Connection
) -> None:
    invoice = add_invoice(hub, "100.00", company)
    tell(hub, till, received(amount="70.00"))
    allocate(hub, credit(hub, company), invoice.id)

    assert ("paid", 7000, 0) == (
        the_invoice(hub).state,
        the_invoice(hub).paid_minor,
        the_invoice(hub).open_minor,
    )
    assert 1 == told(hub).count("invoice.paid")


def test_money_beyond_the_credited_rest_is_too_much(
    hub: Hub, company: Company, till: Connection
) -> None:
    invoice = add_invoice(hub, "100.00", company)
    allocate(hub, credit(hub, company), invoice.id)
    tell(hub, till, received(amount="100.00"))

    assert ("paid", 7000) == (the_invoice(hub).state, the_invoice(hub).paid_minor)


def test_no_more_is_allocated_than_both_allow(hub: Hub, company: Company) -> None:
    small = add_invoice(hub, "20.00", company)
    note = credit(hub, company)
    allocate(hub, note, small.id)
    rest = add_invoice(hub, "100.00", company)
    with pytest.raises(InvalidError, match=r"At most 10\.00 EUR"):
        allocate(hub, note, rest.id, eur("10.01"))
    allocate(hub, note, rest.id, eur("4.00"))
    allocate(hub, note, rest.id, eur("6.00"))

    assert ["paid", "open"] == [
        the_invoice(hub).state,
        the_invoice(hub, rest.number).state,
    ]
    assert [2000, 1000] == [row.amount_minor for row in all_of(hub, Allocation)]
    with pytest.raises(ConflictError, match="Nothing"):
        allocate(hub, note, rest.id)


def test_void_credit_opens_the_invoice_again(hub: Hub, company: Company) -> None:
    invoice = add_invoice(hub, "30.00", company)
    note = credit(hub, company)
    allocate(hub, note, invoice.id)
    with pytest.raises(ConflictError, match="credit note"), hub.write() as session:
        invoices.void(session, invoice.id)
    for _ in range(2):
        with hub.write() as session:
            credit_notes.void(session, note.id)

    assert ("open", 3000) == (the_invoice(hub).state, the_invoice(hub).open_minor)
    assert ["invoice.paid", "invoice.updated", "invoice.updated"] == told(hub)
    with pytest.raises(ConflictError, match="void"):
        allocate(hub, note, invoice.id)
    with hub.write() as session:
        invoices.void(session, invoice.id)


def test_credit_fits_only_its_own_company_and_currency(
    hub: Hub, company: Company
) -> None:
    note = credit(hub, company)
    for invoice in (
        add_invoice(hub),
        add_invoice(hub, "100.00", company, currency="USD"),
        add_invoice(hub, "100.00", company, state="draft"),
    ):
        with pytest.raises(ConflictError):
            allocate(hub, note, invoice.id)
    with pytest.raises(ConflictError):
        allocate(hub, note, add_invoice(hub, "9", company).id, Money(1, "USD"))

    assert [] == all_of(hub, Allocation)


@pytest.mark.parametrize("amount", ["0.00", "-1.00"])
def test_credit_of_nothing_is_refused(hub: Hub, company: Company, amount) -> None:
    with pytest.raises(InvalidError):
        credit(hub, company, amount)


def test_number_is_used_once(hub: Hub, company: Company) -> None:
    credit(hub, company, number="C-1")
    with pytest.raises(ConflictError):
        credit(hub, company, number="C-1")


def test_what_is_not_there_is_not_found(hub: Hub, company: Company) -> None:
    note = credit(hub, company)
    with pytest.raises(NotFoundError):
        allocate(hub, note, "inv_none")
    with pytest.raises(NotFoundError), hub.write() as session:
        credit_notes.void(session, "crn_none")

"""Invoices: created, issued, changed, sent, voided."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from time_machine import travel

from hub.boot import Hub
from hub.core.ledger import charges, invoices, payments
from hub.core.ledger.invoices import NewInvoice
from hub.core.ledger.payments import NewPayment
from hub.core.models import AuditEntry, Connection, Counter, Event, Invoice
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from tests.parts.ledger import (
    add_company,
    add_invoice,
    all_of,
    eur,
    lines,
    received,
    tell,
    the_invoice,
    told,
)


def test_invoice_is_open_at_once(hub: Hub) -> None:
    company = add_company(hub, currency="GBP")
    with hub.write() as session:
        invoice = invoices.create(
            session,
            NewInvoice(
                company_id=company.id,
                lines=[{**lines("50.00")[0], "quantity": "2", "tax_rate": "20"}],
                issue_date=date(2026, 3, 2),
            ),
        )

    assert ("open", "INV-000001", "GBP") == (
        invoice.state,
        invoice.number,
        invoice.currency,
    )
    assert (10000, 2000, 12000, 12000) == (
        invoice.net_minor,
        invoice.tax_minor,
        invoice.total_minor,
        invoice.open_minor,
    )
    assert date(2026, 4, 1) == invoice.due_date
    event = all_of(hub, Event)[-1]
    assert ("invoice.created", f"invoice:{invoice.id}") == (event.type, event.subject)
    assert {
        "invoice_id": invoice.id,
        "number": "INV-000001",
        "state": "open",
        "total": "120.00",
        "open_amount": "120.00",
        "currency": "GBP",
        "issue_date": "2026-03-02",
        "due_date": "2026-04-01",
        "company": {"id": company.id, "name": "Acme"},
    } == event.data


def test_invoice_is_issued_on_the_day_it_is_here(hub: Hub) -> None:
    hub.settings = replace(hub.settings, time_zone=ZoneInfo("Pacific/Auckland"))
    with travel(datetime(2026, 3, 1, 20, 0, tzinfo=UTC), tick=False):
        invoice = add_invoice(hub)

    assert date(2026, 3, 2) == invoice.issue_date


def test_draft_is_told_to_nobody_until_it_is_issued(hub: Hub) -> None:
    draft = add_invoice(hub, state="draft")
    with hub.write() as session:
        invoices.update(session, draft.id, {"notes": "soon"})
    silent = told(hub, but=("company.changed",))
    with hub.write() as session:
        invoices.issue(session, draft.id)

    assert [] == silent
    assert ["invoice.created"] == told(hub, but=("company.changed",))
    assert "open" == the_invoice(hub).state


def test_invoice_of_nothing_is_paid(hub: Hub) -> None:
    invoice = add_invoice(hub, "0.00")

    assert "paid" == invoice.state
    assert ["invoice.paid"] == told(hub)


def test_numbers_follow_each_other_past_those_given(hub: Hub) -> None:
    numbers = [
        add_invoice(hub, number=number).number
        for number in (None, "INV-000003", None, "2026/7", None)
    ]

    assert ["INV-000001", "INV-000003", "INV-000002", "2026/7", "INV-000004"] == numbers


def test_rolled_back_invoice_gives_its_number_back(hub: Hub) -> None:
    company = add_company(hub)
    with pytest.raises(RuntimeError), hub.write() as session:
        invoices.create(session, NewInvoice(company_id=company.id, lines=lines("1")))
        raise RuntimeError

    assert "INV-000001" == add_invoice(hub, company=company).number


def test_invoices_made_at_once_have_numbers_of_their_own(hub: Hub) -> None:
    """No gap, no collision."""
    company = add_company(hub)
    start = Barrier(8)

    def make() -> str:
        start.wait(10)
        return add_invoice(hub, company=company).number

    with ThreadPoolExecutor(8) as pool:
        numbers = [done.result(30) for done in [pool.submit(make) for _ in range(8)]]

    assert [f"INV-{n:06d}" for n in range(1, 9)] == sorted(numbers)
    assert [8] == [counter.value for counter in _counters(hub)]


def _counters(hub: Hub) -> list[Counter]:
    with hub.read() as session:
        return list(session.query(Counter))


def test_number_is_used_once(hub: Hub) -> None:
    add_invoice(hub, number="A-1")
    with pytest.raises(ConflictError, match="A-1 is already used"):
        add_invoice(hub, number=" A-1 ")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"company_id": "com_none"}, "company_id"),
        ({"state": "paid"}, "state"),
        ({"currency": "EURO"}, "currency"),
        ({"number": " "}, "number"),
        ({"number": "x" * 101}, "number"),
        ({"reference": "x" * 201}, "reference"),
        (
            {"issue_date": date(2026, 3, 2), "due_date": date(2026, 3, 1)},
            "due_date",
        ),
        ({"lines": []}, "lines"),
        ({"lines": [{"description": "x", "quantity": "1"}]}, "lines"),
    ],
)
def test_wrong_value_is_named_and_nothing_kept(hub: Hub, values, field) -> None:
    given = {"company_id": add_company(hub).id, "lines": lines("1.00"), **values}
    with pytest.raises(InvalidError) as caught, hub.write() as session:
        invoices.create(session, NewInvoice(**given))

    assert [field] == list(caught.value.fields)
    assert [] == all_of(hub, Invoice)


def test_draft_may_be_empty_but_not_issued_so(hub: Hub) -> None:
    company = add_company(hub)
    with hub.write() as session:
        new = NewInvoice(company_id=company.id, lines=[], state="draft")
        draft = invoices.create(session, new)
    with pytest.raises(InvalidError), hub.write() as session:
        invoices.issue(session, draft.id)

    assert "draft" == the_invoice(hub).state


def test_draft_may_change_wholly(hub: Hub) -> None:
    draft = add_invoice(hub, state="draft")
    with hub.write() as session:
        changed = invoices.update(
            session,
            draft.id,
            {
                "number": "X-1",
                "currency": "JPY",
                "lines": lines("500"),
                "issue_date": date(2026, 1, 1),
                "due_date": date(2026, 1, 31),
            },
        )

    assert ("X-1", "JPY", 500, 500) == (
        changed.number,
        changed.currency,
        changed.total_minor,
        changed.open_minor,
    )
    assert ["Managed IT"] == [line.description for line in changed.lines]


def test_new_currency_prices_the_same_lines_anew(hub: Hub) -> None:
    draft = add_invoice(hub, "10.50", state="draft")
    with hub.write() as session:
        changed = invoices.update(session, draft.id, {"currency": "JPY"})

    assert 11 == changed.total_minor


def test_open_invoice_changes_only_in_what_is_safe(hub: Hub) -> None:
    invoice = add_invoice(hub)
    later = date(2030, 1, 1)
    with hub.write() as session:
        invoices.update(session, invoice.id, {"due_date": later, "notes": "thanks"})
    with (
        pytest.raises(ConflictError, match="only a draft's lines, number"),
        hub.write() as session,
    ):
        invoices.update(session, invoice.id, {"lines": lines("1"), "number": "Z"})

    assert later == the_invoice(hub).due_date
    assert ["invoice.updated"] == told(hub)


def test_change_that_changes_nothing_is_told_to_nobody(hub: Hub) -> None:
    """ROAD 8."""
    invoice = add_invoice(hub, notes="thanks")
    with hub.write() as session:
        invoices.update(session, invoice.id, {"notes": "thanks "})

    assert [] == told(hub)


def test_each_change_is_told(hub: Hub) -> None:
    invoice = add_invoice(hub)
    for notes in ("one", "two", "one"):
        with hub.write() as session:
            invoices.update(session, invoice.id, {"notes": notes})

    assert ["invoice.updated"] * 3 == told(hub)


def test_unknown_field_is_refused(hub: Hub) -> None:
    invoice = add_invoice(hub)
    with pytest.raises(InvalidError), hub.write() as session:
        invoices.update(session, invoice.id, {"state": "paid"})


def test_draft_that_money_named_keeps_its_number(hub: Hub, till: Connection) -> None:
    """ROAD 6: what is matched by number must stay findable."""
    draft = add_invoice(hub, state="draft")
    tell(hub, till, received())
    with pytest.raises(ConflictError), hub.write() as session:
        invoices.update(session, draft.id, {"number": "X-1"})


def test_sending_is_told_once(hub: Hub) -> None:
    invoice = add_invoice(hub)
    for _ in range(2):
        with hub.write() as session:
            invoices.mark_sent(session, invoice.id)

    assert ["invoice.sent"] == told(hub)
    assert the_invoice(hub).sent_at is not None


def test_void_invoice_is_told_and_stays_void(hub: Hub) -> None:
    invoice = add_invoice(hub)
    for _ in range(2):
        with hub.write() as session:
            invoices.void(session, invoice.id)

    assert ("void", 0) == (the_invoice(hub).state, the_invoice(hub).open_minor)
    assert ["invoice.updated"] == told(hub)
    assert "void" == all_of(hub, Event)[-1].data["state"]
    for action in (invoices.mark_sent, invoices.issue):
        with pytest.raises(ConflictError), hub.write() as session:
            action(session, invoice.id)
    with pytest.raises(ConflictError), hub.write() as session:
        invoices.update(session, invoice.id, {"notes": "x"})


def test_void_draft_was_never_told(hub: Hub) -> None:
    draft = add_invoice(hub, state="draft")
    with hub.write() as session:
        invoices.void(session, draft.id)

    assert [] == told(hub)


def test_invoice_with_money_on_it_stays(hub: Hub) -> None:
    invoice = add_invoice(hub)
    with hub.write() as session:
        payments.record_payment(session, invoice.id, NewPayment(amount=eur("1.00")))
    with pytest.raises(ConflictError, match="Money stands"), hub.write() as session:
        invoices.void(session, invoice.id)

    assert "partially_paid" == the_invoice(hub).state


def test_invoice_a_client_is_paying_stays(hub: Hub, till: Connection) -> None:
    invoice = add_invoice(hub)
    with hub.write() as session:
        charge = charges.open_charge(session, invoice.id, till)
    with pytest.raises(ConflictError, match="checkout"), hub.write() as session:
        invoices.void(session, invoice.id)
    with hub.write() as session:
        charges.close(session, charge.id, "expired")
        invoices.void(session, invoice.id)

    assert "void" == the_invoice(hub).state


def test_change_read_from_a_connection_is_not_told_back_to_it(
    hub: Hub, ears: Connection
) -> None:
    """ROAD 8."""
    company = add_company(hub)
    with hub.write() as session:
        new = NewInvoice(company_id=company.id, lines=lines("1.00"))
        invoices.create(session, new, origin_id=ears.id)

    assert ears.id == all_of(hub, Event)[-1].origin_id


def test_who_did_it_is_kept(hub: Hub) -> None:
    invoice = add_invoice(hub, state="draft")
    with hub.write() as session:
        invoices.issue(session, invoice.id, actor="user:1")
    entries = {
        (entry.actor, entry.action)
        for entry in all_of(hub, AuditEntry)
        if entry.subject == f"invoice:{invoice.id}"
    }

    assert {("hub", "invoice.created"), ("user:1", "invoice.issued")} == entries


def test_what_is_not_there_is_not_found(hub: Hub) -> None:
    with hub.write() as session:
        for action in (invoices.get, invoices.issue, invoices.void, invoices.mark_sent):
            with pytest.raises(NotFoundError):
                action(session, "inv_none")
        with pytest.raises(NotFoundError):
            invoices.by_number(session, "none")
        with pytest.raises(NotFoundError):
            invoices.update(session, "inv_none", {})

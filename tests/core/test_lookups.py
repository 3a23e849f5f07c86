"""What a plugin may look up in the ledger."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
import time_machine

from hub.boot import Hub
from hub.core.lookups import StoredLedger
from hub.core.models import Company
from hub.sdk.ledger import Balance
from tests.parts.ledger import NUMBER, add_company, add_invoice, eur

HOSTILE = ["", " ", "%", "_", "\x00", "'; --", "\ud800", "a" * 5000, "\\"]


def names(found: Sequence[Balance]) -> list[str]:
    return [balance.company.name for balance in found]


@pytest.mark.parametrize("number", [NUMBER, NUMBER.lower(), f"  {NUMBER}\n"])
def test_invoice_is_found_by_its_number(hub: Hub, number: str) -> None:
    add_invoice(hub, "100.00", add_company(hub, "Smith & Sons"))

    found = StoredLedger(hub).invoice(number)

    assert found is not None
    assert (NUMBER, "Smith & Sons", eur("100.00"), "open") == (
        found.number,
        found.company.name,
        found.open_amount,
        found.state,
    )


def test_number_as_typed_comes_before_one_in_capitals(hub: Hub) -> None:
    for number in ("INV-A", "inv-a"):
        add_invoice(hub, number=number)

    found = StoredLedger(hub).invoice("inv-a")

    assert found is not None
    assert "inv-a" == found.number


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_found_for_what_is_no_name(hub: Hub, text: str) -> None:
    add_invoice(hub)

    assert StoredLedger(hub).invoice(text) is None
    assert [] == list(StoredLedger(hub).companies(text))


def test_companies_are_found_by_a_part_the_best_fit_first(hub: Hub) -> None:
    for name in ("The Acme Group", "ACME", "Acme Dental", "Société Générale", "B"):
        add_company(hub, name)
    ledger = StoredLedger(hub)

    found = ledger.companies("acme")

    assert ["ACME", "Acme Dental", "The Acme Group"] == names(found)
    assert ["ACME", "Acme Dental"] == names(ledger.companies("acme", limit=2))
    assert ["Société Générale"] == names(ledger.companies("GÉNÉRALE"))


@time_machine.travel(datetime(2026, 3, 2, 10, tzinfo=UTC), tick=False)
def test_company_comes_with_what_it_owes(hub: Hub) -> None:
    acme = add_company(hub, "Acme")
    _owe(hub, acme, "100.00", due=date(2026, 3, 1))
    _owe(hub, acme, "50.00", due=date(2026, 3, 2))
    add_invoice(hub, "7.00", add_company(hub, "Another"))

    [found] = StoredLedger(hub).companies("Acme")

    assert ((eur("150.00"),), 1) == (found.open_amounts, found.overdue)


def test_company_that_owes_nothing_is_found_too(hub: Hub) -> None:
    add_company(hub, "Acme")

    [found] = StoredLedger(hub).companies("Acme")

    assert ((), 0) == (found.open_amounts, found.overdue)


def _owe(hub: Hub, company: Company, total: str, due: date) -> None:
    add_invoice(hub, total, company, issue_date=date(2026, 2, 1), due_date=due)

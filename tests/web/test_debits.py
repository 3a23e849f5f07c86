"""Direct debit on the pages: set up, collect, cancel, the next run."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from hub.app import create_app
from hub.boot import Hub
from hub.core.ledger import invoices
from hub.core.mandates import debits
from hub.core.models import Charge, Connection, Mandate, Payment
from hub.sdk.clock import now
from hub.sdk.facts import Match, PaymentFailed, PaymentReceived
from tests.core.checkouts.desk import Desk
from tests.core.mandates.giro import Giro, client, opened
from tests.parts.bank import Bank
from tests.parts.ledger import add_company, add_invoice, all_of, day, eur, tell
from tests.web.conftest import Browse, Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def app(bank: Bank) -> Flask:
    bank.hub, _ = opened(bank.hub, Giro(), Desk())
    return create_app(bank.hub)


@pytest.fixture
def billing(browse: Browse) -> Browser:
    return browse("billing")


def owing(hub: Hub) -> tuple[str, str]:
    """A client with a mandate and an invoice that is due."""
    with hub.read() as session:
        found = session.scalars(select(Connection).where(Connection.plugin == "giro"))
        connection = found.one()
    company = client(hub, connection)
    with hub.read() as session:
        today = invoices.today(session)
    made = add_invoice(hub, company=company, issue_date=today, due_date=today)
    assert day(today.isoformat()) == made.due_date
    return company.id, made.id


def test_nothing_to_collect_says_so(billing: Browser) -> None:
    assert "Nothing to collect" in billing.get("/autobill").text


def test_the_next_run_is_shown(billing: Browser, bank: Bank) -> None:
    owing(bank.hub)
    shown = billing.get("/autobill").text
    assert "INV-000001" in shown and "100.00 EUR" in shown and "Collected" in shown


def test_an_invoice_is_collected_once(billing: Browser, bank: Bank) -> None:
    _, invoice = owing(bank.hub)
    assert "Collect now" in billing.get(f"/invoices/{invoice}").text
    for _ in range(2):
        assert 302 == billing.post(f"/invoices/{invoice}/collect").status_code
    assert 1 == len(all_of(bank.hub, Charge))


def test_a_mandate_is_cancelled(billing: Browser, bank: Bank) -> None:
    company, _ = owing(bank.hub)
    (mandate,) = all_of(bank.hub, Mandate)
    assert "Cancel mandate" in billing.get(f"/companies/{company}").text
    billing.post(f"/mandates/{mandate.id}/cancel")
    assert ["cancelled"] == [row.state for row in all_of(bank.hub, Mandate)]
    assert "Cancel mandate" not in billing.get(f"/companies/{company}").text


def test_the_page_of_the_provider_is_shown(billing: Browser, bank: Bank) -> None:
    company = add_company(bank.hub)
    url = f"/companies/{company.id}"
    assert "Set up direct debit with Giro" in billing.get(url).text
    shown = billing.post(f"{url}/mandate", connection="giro").text
    assert "https://giro.test/RQ-1" in shown


def test_an_attempt_whose_money_went_back_is_not_called_paid(
    bank: Bank, billing: Browser
) -> None:
    _, invoice = owing(bank.hub)
    charge = debits.collect(bank.hub, invoice)
    with bank.hub.read() as session:
        debit = session.scalars(select(Payment)).one()
        connection = session.get_one(Connection, debit.connection_id)
    about: Any = {"reference": debit.reference, "match": Match(charge=charge.id)}
    soon, later = (now() + timedelta(minutes=each) for each in (1, 2))
    amount = eur("100.00")
    tell(
        bank.hub,
        connection,
        PaymentReceived(id="r", as_of=soon, amount=amount, **about),
    )
    paid = billing.get(f"/invoices/{invoice}").text
    tell(
        bank.hub,
        connection,
        PaymentFailed(id="f", as_of=later, amount=amount, **about),
    )

    failed = billing.get(f"/invoices/{invoice}").text

    shown = [text.partition('id="h-history"')[0] for text in (paid, failed)]
    chips = [text.partition("Attempts to pay")[2].count(">Paid<") for text in shown]
    assert [1, 0] == chips

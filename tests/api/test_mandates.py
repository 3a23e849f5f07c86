"""Direct debit over HTTP."""

import pytest
from flask import Flask

from hub.app import create_app
from hub.boot import Hub
from hub.core.ledger import invoices
from hub.core.models import Connection
from hub.sdk import clock
from hub.sdk.facts import PayoutLine, PayoutMade
from tests.api.client import Caller, caller
from tests.core.checkouts.desk import Desk
from tests.core.mandates.giro import Giro, client, mandate, opened
from tests.parts.ledger import add_company, add_invoice, eur, received, tell


@pytest.fixture
def bank(hub: Hub) -> tuple[Hub, Connection]:
    return opened(hub, Giro(), Desk())


@pytest.fixture
def app(bank: tuple[Hub, Connection]) -> Flask:
    return create_app(bank[0])


@pytest.fixture
def billing(app: Flask, bank: tuple[Hub, Connection]) -> Caller:
    return caller(app, bank[0], "billing")


def test_a_mandate_is_begun(billing: Caller, bank: tuple[Hub, Connection]) -> None:
    url = f"/companies/{add_company(bank[0]).id}/mandate"
    begun = billing.post(url, {"connection": "giro"}).get_json()
    assert "https://giro.test/RQ-1" == begun["url"]
    assert begun == billing.post(url, {"connection": "giro"}).get_json()
    (row,) = billing.get("/mandate-requests?state=open").get_json()["items"]
    assert (begun["request_id"], "giro") == (row["id"], row["connection"])
    assert 409 == billing.post(url, {"connection": "desk"}).status_code


def test_an_invoice_is_previewed_and_collected(
    billing: Caller, bank: tuple[Hub, Connection]
) -> None:
    hub, connection = bank
    company = client(hub, connection)
    with hub.read() as session:
        today = invoices.today(session)
    made = add_invoice(hub, company=company, issue_date=today, due_date=today)
    (row,) = billing.get("/autobill/preview").get_json()["items"]
    assert (made.id, "100.00", "EUR", None) == tuple(
        row[name] for name in ("invoice_id", "amount", "currency", "problem")
    )

    answer = billing.post(f"/invoices/{made.id}/collect")

    assert (202, "open") == (answer.status_code, answer.get_json()["state"])
    assert 409 == billing.post(f"/invoices/{made.id}/collect").status_code
    (row,) = billing.get("/autobill/preview").get_json()["items"]
    assert "under_way" == row["problem"]


def test_a_mandate_is_assigned_and_cancelled(
    billing: Caller, bank: tuple[Hub, Connection]
) -> None:
    hub, connection = bank
    company = add_company(hub)
    tell(hub, connection, mandate("MD-1"))
    (row,) = billing.get("/mandates?company_id=null").get_json()["items"]
    url = f"/mandates/{row['id']}"
    assigned = billing.post(f"{url}/assign", {"company_id": company.id}).get_json()
    assert (company.id, "active") == (assigned["company_id"], assigned["state"])
    assert "cancelled" == billing.post(f"{url}/cancel").get_json()["state"]


def test_a_payout_shows_its_lines(
    billing: Caller, bank: tuple[Hub, Connection]
) -> None:
    lines = (
        PayoutLine(kind="payment", amount=eur("100.00"), payment="DD-1"),
        PayoutLine(kind="fee", amount=eur("-1.00")),
    )
    made = PayoutMade(
        id="po",
        as_of=clock.now(),
        reference="PO-1",
        amount=eur("99.00"),
        fees=eur("1.00"),
        state="paid",
        payments=("DD-1",),
        lines=lines,
        url="https://giro.test/PO-1",
    )
    tell(*bank, made)
    (row,) = billing.get("/payouts").get_json()["items"]
    assert ("99.00", "1.00", made.url) == (row["amount"], row["fee"], row["url"])
    assert [("payment", "100.00", "DD-1"), ("fee", "-1.00", None)] == [
        (each["kind"], each["amount"], each["payment"]) for each in row["lines"]
    ]


def test_a_payment_that_was_paid_out_shows_the_payout(
    billing: Caller, bank: tuple[Hub, Connection]
) -> None:
    """The provider doesn't tell the payment's share, so that movement has no amount."""
    tell(*bank, received(1, reference="DD-1"))
    made = PayoutMade(
        id="po",
        as_of=clock.now(),
        reference="PO-1",
        amount=eur("99.00"),
        state="paid",
        payments=("DD-1",),
    )
    tell(*bank, made)

    (row,) = billing.get("/payments").get_json()["items"]
    alone = billing.get(f"/payments/{row['id']}").get_json()

    assert "paid_out" == row["state"] == alone["state"]
    assert {"capture": "100.00", "payout": None} == {
        each["kind"]: each["amount"] for each in row["movements"]
    }

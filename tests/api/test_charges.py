"""Checkouts and refunds over HTTP."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from hub.app import create_app
from hub.boot import Hub
from hub.core import janitor
from hub.core.checkouts import checkout
from hub.core.models import Payment
from hub.sdk.clock import now
from tests.api.client import Caller, caller, company, invoice
from tests.core.checkouts.desk import Desk, nothing, opened, timeout


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def shop(hub: Hub, desk: Desk) -> Hub:
    return opened(hub, desk)[0]


@pytest.fixture
def app(shop: Hub) -> Flask:
    return create_app(shop)


@pytest.fixture
def billing(app: Flask, shop: Hub) -> Caller:
    return caller(app, shop, "billing")


@pytest.fixture
def bill(app: Flask, shop: Hub) -> str:
    writer = caller(app, shop, "admin")
    made = invoice(writer, company(writer)["id"])
    return str(made["id"])


def begun(billing: Caller, bill: str, **values: str) -> dict[str, str]:
    answer = billing.post(f"/invoices/{bill}/checkout", {"connection": "desk"} | values)
    assert 200 == answer.status_code, answer.get_data(as_text=True)
    found: dict[str, str] = answer.get_json()
    return found


def paid(shop: Hub, desk: Desk, billing: Caller, bill: str) -> str:
    made = begun(billing, bill)
    desk.approve(made["order_id"])
    checkout.finish(shop, made["charge_id"], {})
    with shop.read() as session:
        return session.scalars(select(Payment.id)).one()


def test_checkout_answers_with_the_providers_page(
    desk: Desk, billing: Caller, bill: str
) -> None:
    made = begun(billing, bill)
    again = begun(billing, bill)

    assert made == again
    assert ["DESK-1"] == [made["order_id"]] == list(desk.orders)
    assert "https://desk.test/DESK-1" == made["approval_url"]
    assert "/pay/" in desk.orders["DESK-1"].return_url
    assert "/desk/return?charge=" in desk.orders["DESK-1"].return_url


def test_open_charges_are_listed(billing: Caller, bill: str) -> None:
    made = begun(billing, bill, amount="20.00")
    (row,) = billing.get(f"/charges?invoice_id={bill}").get_json()["items"]

    assert (made["charge_id"], "open", "20.00", "desk") == (
        row["id"],
        row["state"],
        row["amount"],
        row["connection"],
    )
    assert row == billing.get(f"/charges/{row['id']}").get_json()


def test_a_connection_that_is_not_there_is_a_404(billing: Caller, bill: str) -> None:
    answer = billing.post(f"/invoices/{bill}/checkout", {"connection": "none"})
    assert 404 == answer.status_code


def test_too_much_is_invalid(billing: Caller, bill: str) -> None:
    given = {"connection": "desk", "amount": "1000.00"}
    assert 422 == billing.post(f"/invoices/{bill}/checkout", given).status_code


def test_programs_that_write_may_not_take_money(
    app: Flask, shop: Hub, bill: str
) -> None:
    ingest = caller(app, shop, "ingest")
    given = {"connection": "desk"}
    assert 403 == ingest.post(f"/invoices/{bill}/checkout", given).status_code
    assert 403 == ingest.post("/payments/pay_1/refund", {}).status_code


def test_provider_that_does_not_answer_is_a_502_and_the_retry_is_the_same_order(
    desk: Desk, billing: Caller, bill: str
) -> None:
    desk.at = timeout("start:after")
    given, key = {"connection": "desk"}, {"Idempotency-Key": "one"}
    path = f"/invoices/{bill}/checkout"
    first = billing.post(path, given, headers=key)
    second, third = (billing.post(path, given, headers=key) for _ in range(2))

    assert [502, 200, 200] == [a.status_code for a in (first, second, third)]
    assert second.get_json() == third.get_json()
    assert 1 == len(desk.orders)


def test_refund_of_part_and_of_the_rest(
    shop: Hub, desk: Desk, billing: Caller, bill: str
) -> None:
    payment = paid(shop, desk, billing, bill)
    part = billing.post(f"/payments/{payment}/refund", {"amount": "20.00"})
    rest = billing.post(f"/payments/{payment}/refund")
    more = billing.post(f"/payments/{payment}/refund", {"amount": "0.01"})

    assert (200, "done", "20.00") == (
        part.status_code,
        part.get_json()["state"],
        part.get_json()["amount"],
    )
    assert "100.00" == rest.get_json()["amount"]
    assert 409 == more.status_code
    shown = billing.get(f"/payments/{payment}").get_json()
    assert ("refunded", "120.00") == (shown["state"], shown["refunded_amount"])


def test_refund_with_one_idempotency_key_is_made_once(
    shop: Hub, desk: Desk, billing: Caller, bill: str
) -> None:
    payment = paid(shop, desk, billing, bill)
    desk.at = timeout("refund:after")
    given, key = {"amount": "20.00"}, {"Idempotency-Key": "one"}
    answers = [
        billing.post(f"/payments/{payment}/refund", given, headers=key)
        for _ in range(2)
    ]

    assert [202, 202] == [answer.status_code for answer in answers]
    assert 1 == len(desk.refunds)
    (row,) = billing.get("/refund-requests?state=open").get_json()["items"]
    assert answers[0].get_json()["id"] == row["id"]


def test_voiding_closes_the_open_page(desk: Desk, billing: Caller, bill: str) -> None:
    begun(billing, bill)
    answer = billing.post(f"/invoices/{bill}/void")

    assert (200, "void") == (answer.status_code, answer.get_json()["state"])
    assert "closed" == desk.orders["DESK-1"].state


def test_paying_by_hand_closes_the_open_page(
    desk: Desk, billing: Caller, bill: str
) -> None:
    begun(billing, bill)
    answer = billing.post(f"/invoices/{bill}/payments", {"amount": "120.00"})

    assert 201 == answer.status_code
    assert "closed" == desk.orders["DESK-1"].state


def test_paying_by_hand_is_refused_once_the_client_approved_and_came_back(
    shop: Hub, desk: Desk, billing: Caller, bill: str
) -> None:
    paid(shop, desk, billing, bill)
    answer = billing.post(f"/invoices/{bill}/payments", {"amount": "120.00"})

    assert 409 == answer.status_code


def test_a_refund_is_given_up_once_a_person_has_to_decide(
    shop: Hub, desk: Desk, billing: Caller, bill: str
) -> None:
    """ROAD 17: while it can still arrive, it can't be asked for a second time."""
    payment = paid(shop, desk, billing, bill)
    desk.at = timeout("refund:before")
    request = billing.post(f"/payments/{payment}/refund", {"amount": "20.00"})
    path = f"/refund-requests/{request.get_json()['id']}/give-up"
    early = billing.post(path)
    with time_machine.travel(now() + timedelta(days=1)):
        janitor.check_due(shop)
        unknown = billing.get("/refund-requests?state=open").get_json()["items"]
        given_up = billing.post(path)
    again = billing.post(path)
    desk.at = nothing
    anew = billing.post(f"/payments/{payment}/refund", {"amount": "20.00"})

    assert 409 == early.status_code
    assert [None] == [row["next_check_at"] for row in unknown]
    assert (200, "refused") == (given_up.status_code, given_up.get_json()["state"])
    assert 409 == again.status_code
    assert (200, 1) == (anew.status_code, len(desk.refunds))


def test_giving_up_needs_a_refund_and_staff(
    app: Flask, shop: Hub, billing: Caller
) -> None:
    path = "/refund-requests/rfr_1/give-up"
    assert 404 == billing.post(path).status_code
    assert 403 == caller(app, shop, "ingest").post(path).status_code

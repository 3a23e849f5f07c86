"""Paying by a link: there and back, in every state, and never twice (ROAD 7)."""

import re
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub.app import create_app
from hub.boot import Hub
from hub.core.models import Charge, Connection, Invoice, Outage, Payment, new_id
from hub.core.people import portal_links
from hub.sdk.clock import now
from hub.sdk.errors import CredentialsError
from tests.core.checkouts.desk import Desk, opened, timeout
from tests.parts.ledger import add_company, add_invoice, all_of, standing

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Payer:
    """A client with a link and a browser."""

    def __init__(self, hub: Hub, subject: str) -> None:
        with hub.write() as session:
            url, _ = portal_links.make(session, subject)
        self.path = urlsplit(url).path
        self.client: FlaskClient = create_app(hub).test_client()

    def look(self, more: str = "") -> TestResponse:
        return self.client.get(f"{self.path}{more}")

    def press(self, slug: str, **fields: str) -> TestResponse:
        shown = self.look().text
        if "csrf_token" not in shown and "invoice" in fields:
            shown = self.look(f"?invoice={fields['invoice']}").text
        found = re.search(r'name="csrf_token" value="([^"]+)"', shown)
        data = {**fields, "csrf_token": found[1] if found else ""}
        return self.client.post(f"{self.path}/{slug}/start", data=data)

    def back(self, desk: Desk, *, how: str = "return") -> TestResponse:
        """What the provider's page does at its end, and what is then shown."""
        order = list(desk.orders.values())[-1]
        parts = urlsplit(order.return_url)
        there = f"{parts.path.replace('/return', f'/{how}')}?{parts.query}"
        answer = self.client.get(there)
        assert 303 == answer.status_code, answer.text
        return self.client.get(answer.location)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def kiosk() -> Desk:
    return Desk("kiosk", captures=False)


@pytest.fixture
def shop(hub: Hub, desk: Desk, kiosk: Desk) -> Hub:
    return opened(hub, desk, kiosk)[0]


@pytest.fixture
def invoice(shop: Hub) -> Invoice:
    return add_invoice(shop)


@pytest.fixture
def payer(shop: Hub, invoice: Invoice) -> Payer:
    return Payer(shop, f"invoice:{invoice.id}")


def test_each_healthy_connection_has_its_button(
    shop: Hub, desk: Desk, payer: Payer
) -> None:
    assert ["Pay with Desk", "Pay with Kiosk"] == re.findall(
        r"<button[^>]*>([^<]+)<", payer.look().text
    )
    (row, *_) = all_of(shop, Connection)
    with shop.write() as session:
        session.add(
            Outage(
                id=new_id("out"),
                connection_id=row.id,
                kind="degraded",
                reason="down",
                started_at=now(),
            )
        )

    buttons = re.findall(r"<button[^>]*>([^<]+)<", payer.look().text)

    assert 1 == len(buttons)


def test_a_payer_goes_there_and_back(
    shop: Hub, desk: Desk, payer: Payer, invoice: Invoice
) -> None:
    pressed = payer.press("desk")
    sent_on = payer.client.get(pressed.location)
    (reference,) = desk.orders
    desk.approve(reference)
    back = payer.back(desk)

    assert 303 == pressed.status_code
    assert f'content="0;url=https://desk.test/{reference}"' in sent_on.text
    assert "100.00 EUR for invoice" in sent_on.text
    assert "Paid in full. Thank you!" in back.text
    assert "<button" not in back.text
    assert ("paid", 10000, 0) == standing(shop)


def test_a_double_click_two_tabs_and_the_back_button_open_one_page(
    shop: Hub, desk: Desk, payer: Payer
) -> None:
    first, second = payer.press("desk"), payer.press("desk")
    reloaded = payer.client.get(first.location)

    assert first.location == second.location
    assert 200 == reloaded.status_code
    assert 1 == len(desk.orders) == len(all_of(shop, Charge))


def test_coming_back_twice_pays_once(shop: Hub, desk: Desk, payer: Payer) -> None:
    payer.press("desk")
    desk.approve(next(iter(desk.orders)))

    for _ in range(2):
        assert "Paid in full" in payer.back(desk).text
    assert 1 == len(all_of(shop, Payment))
    assert 10000 == desk.taken()


def test_who_comes_back_without_paying_is_told_that_nothing_was_charged(
    shop: Hub, desk: Desk, payer: Payer
) -> None:
    payer.press("desk")

    back = payer.back(desk, how="cancel")

    assert "You came back without paying" in back.text
    assert "Pay with Desk" in back.text
    assert payer.press("desk").status_code == 303
    assert 1 == len(desk.orders)


def test_who_cancelled_but_had_paid_is_told_so(
    shop: Hub, kiosk: Desk, payer: Payer
) -> None:
    payer.press("kiosk")
    kiosk.approve(next(iter(kiosk.orders)))

    assert "Paid in full" in payer.back(kiosk, how="cancel").text


def test_after_a_recoverable_decline_the_same_page_is_offered_again(
    shop: Hub, desk: Desk, payer: Payer
) -> None:
    """The provider returns no facts then."""
    payer.press("desk")

    back = payer.back(desk)
    again = payer.client.get(payer.press("desk").location)

    assert "The payment isn&#39;t complete" in back.text
    assert "Pay with Desk" in back.text
    assert f"https://desk.test/{next(iter(desk.orders))}" in again.text
    assert 1 == len(desk.orders)


def test_a_decline_says_what_to_do_next(shop: Hub, desk: Desk, payer: Payer) -> None:
    payer.press("desk")
    next(iter(desk.orders.values())).state = "declined"

    back = payer.back(desk)

    assert "The payment didn&#39;t go through" in back.text
    assert "Try again with another card" in back.text
    assert "Pay with Kiosk" in back.text


def test_while_the_bank_confirms_the_page_waits_and_then_shows_it(
    shop: Hub, desk: Desk, payer: Payer
) -> None:
    payer.press("desk")
    order = next(iter(desk.orders.values()))
    order.state = "pending"

    back = payer.back(desk)
    found = re.search(r'http-equiv="refresh" content="2;url=([^"]+)"', back.text)
    order.state = "captured"
    payer.back(desk)

    assert "The bank is confirming your payment" in back.text
    assert "<button" not in back.text
    assert found is not None
    later = payer.client.get(found[1].replace("&amp;", "&"))
    assert "Paid in full" in later.text


def test_what_cannot_be_known_yet_is_confirming(
    shop: Hub, desk: Desk, payer: Payer
) -> None:
    payer.press("desk")
    desk.approve(next(iter(desk.orders)))
    desk.at = timeout("finish:before")

    back = payer.back(desk)

    assert "The bank is confirming your payment" in back.text
    assert "doesn&#39;t answer" not in back.text
    assert "<button" not in back.text  # who is asked not to pay again can't


def test_a_provider_that_fails_is_named_as_such_and_nothing_more(
    shop: Hub, desk: Desk, payer: Payer
) -> None:
    def refuse(point: str) -> None:
        raise CredentialsError("The key sk_live_inner is refused.")

    desk.at = refuse

    answer = payer.press("desk")

    assert 502 == answer.status_code
    assert "doesn&#39;t work right now" in answer.text
    assert "inner" not in answer.text
    assert "Pay with Kiosk" in answer.text
    assert "declined" not in payer.look().text
    assert 303 == payer.client.get(f"{payer.path}/desk/start").status_code


def test_another_way_to_pay_closes_the_first(
    shop: Hub, desk: Desk, kiosk: Desk, payer: Payer
) -> None:
    payer.press("desk")

    payer.press("kiosk")

    assert ["closed"] == [order.state for order in desk.orders.values()]
    assert "open" == all_of(shop, Charge)[-1].state
    closed = payer.look(f"?charge={all_of(shop, Charge)[0].id}&state=back")
    assert "The payment page was closed" in closed.text


def test_a_paid_invoice_takes_no_second_payment(
    shop: Hub, desk: Desk, kiosk: Desk, payer: Payer
) -> None:
    """Paid on one page, and another way chosen in a tab that was open before."""
    payer.press("kiosk")
    kiosk.approve(next(iter(kiosk.orders)))

    late = payer.press("desk")

    assert 409 == late.status_code
    assert "Paid in full" in late.text
    assert not desk.orders
    assert ("paid", 10000, 0) == standing(shop)


def test_parts_are_paid_only_where_the_msp_allows_it(
    shop: Hub, desk: Desk, invoice: Invoice
) -> None:
    payer = Payer(shop, f"invoice:{invoice.id}")
    assert 'name="amount"' not in payer.look().text
    payer.press("desk", amount="10")
    assert 10000 == all_of(shop, Charge)[0].amount_minor

    shop.settings = replace(shop.settings, part_payments=True)
    assert 'name="amount"' in payer.look().text
    payer.press("desk", amount="30.50")

    assert [10000, 3050] == [row.amount_minor for row in all_of(shop, Charge)]


@pytest.mark.parametrize("amount", ["0", "-1", "100.01", "ten", "1e3", "<b>"])
def test_a_wrong_part_is_refused_and_kept_in_the_form(
    shop: Hub, payer: Payer, amount: str
) -> None:
    shop.settings = replace(shop.settings, part_payments=True)

    answer = payer.press("desk", amount=amount)

    assert 422 == answer.status_code
    assert 'role="alert"' in answer.text
    assert f'value="{amount.replace("<", "&lt;").replace(">", "&gt;")}"' in answer.text
    assert not all_of(shop, Charge)


def test_a_part_leaves_the_rest_to_be_paid(shop: Hub, desk: Desk, payer: Payer) -> None:
    shop.settings = replace(shop.settings, part_payments=True)
    payer.press("desk", amount="40,00")
    desk.approve(next(iter(desk.orders)))

    back = payer.back(desk)

    assert "Your payment of 40.00 EUR has arrived. What is left is below." in back.text
    assert 'value="60.00"' in back.text


def test_below_a_company_link_each_open_invoice_is_paid(shop: Hub, desk: Desk) -> None:
    company = add_company(shop)
    first, second = (add_invoice(shop, company=company) for _ in range(2))
    payer = Payer(shop, f"company:{company.id}")

    payer.press("desk", invoice=second.id)
    desk.approve(next(iter(desk.orders)))
    back = payer.back(desk)

    assert f"Invoice {second.number}" in back.text
    assert "Paid in full" in back.text
    assert second.number not in payer.look().text
    assert first.number in payer.look().text


def test_a_link_moves_no_attempt_of_another_invoice(
    shop: Hub, desk: Desk, payer: Payer
) -> None:
    other = Payer(shop, f"invoice:{add_invoice(shop, '7.00').id}")
    other.press("desk")
    (charge,) = all_of(shop, Charge)
    desk.approve(next(iter(desk.orders)))

    answers = [
        payer.client.get(f"{payer.path}/desk/{step}?charge={charge.id}")
        for step in ("go", "return", "cancel")
    ]
    strange = payer.press("desk", invoice=charge.invoice_id)

    assert {(303, payer.path)} == {(a.status_code, a.location) for a in answers}
    assert 404 == strange.status_code
    assert 0 == desk.taken()
    assert "7.00 EUR" not in payer.look(f"?charge={charge.id}&state=back").text


def test_an_unknown_way_to_pay_is_no_way(shop: Hub, payer: Payer) -> None:
    assert payer.press("nowhere").status_code in (404, 502)


@pytest.mark.parametrize("charge", ["", "chg_none", "x" * 3000, "%00", "'--"])
def test_a_made_up_attempt_leads_back_to_the_page(
    shop: Hub, payer: Payer, charge: str
) -> None:
    for step in ("go", "return", "cancel"):
        answer = payer.client.get(f"{payer.path}/desk/{step}?charge={charge}")
        assert (303, payer.path) == (answer.status_code, answer.location)


def test_a_page_whose_link_ended_gives_way_to_one_that_leads_back(
    shop: Hub, kiosk: Desk, payer: Payer, invoice: Invoice
) -> None:
    """The old page would send the payer to a link that opens nothing any more."""
    payer.press("kiosk")
    with shop.write() as session:
        portal_links.revoke(session, f"invoice:{invoice.id}")
    again = Payer(shop, f"invoice:{invoice.id}")
    again.press("kiosk")
    old, new = kiosk.orders.values()
    kiosk.approve(new.reference)

    assert "closed" == old.state
    assert "Paid in full. Thank you!" in again.back(kiosk).text
    assert 10000 == kiosk.taken()


def test_another_good_link_leads_to_the_same_page(
    shop: Hub, kiosk: Desk, payer: Payer, invoice: Invoice
) -> None:
    payer.press("kiosk")
    other = Payer(shop, f"company:{invoice.company_id}")
    other.press("kiosk", invoice=invoice.id)

    assert 1 == len(kiosk.orders)

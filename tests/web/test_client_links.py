"""What the MSP's people do for clients: links, refunds, a look at an attempt."""

from typing import Any

import pytest

from hub.app import create_app
from hub.boot import Hub
from hub.core.checkouts import checkout
from hub.core.models import Connection, Event, Invoice, Payment, RefundRequest
from hub.core.people import accounts, portal_links
from tests.core.checkouts.desk import Desk, opened, timeout
from tests.parts.ledger import (
    add_company,
    add_invoice,
    all_of,
    chargeback,
    dispute,
    refund,
    standing,
    tell,
)
from tests.web.conftest import PASSWORD, Browser, Things

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def shop(hub: Hub, desk: Desk) -> Hub:
    return opened(hub, desk)[0]


@pytest.fixture
def clerk(shop: Hub) -> Browser:
    """Somebody of billing."""
    with shop.write() as session:
        accounts.create_user(session, "b@example.com", "billing", password=PASSWORD)
    browser = Browser(create_app(shop).test_client())
    browser.post("/login", "/login", email="b@example.com", password=PASSWORD)
    return browser


@pytest.fixture
def paid(shop: Hub, desk: Desk) -> Payment:
    """A payment of 100.00 EUR through the desk."""
    begun = checkout.begin(shop, add_invoice(shop).id, "desk", back="https://x.test")
    desk.approve(begun.reference)
    checkout.finish(shop, begun.charge_id, {})
    (payment,) = all_of(shop, Payment)
    return payment


def test_a_link_is_made_copied_seen_and_revoked(shop: Hub, clerk: Browser) -> None:
    invoice = add_invoice(shop)
    page = f"/invoices/{invoice.id}"
    assert "Make a link" in clerk.get(page).text

    clerk.post(f"/links/invoice/{invoice.id}")
    with shop.read() as session:
        link = portal_links.current(session, f"invoice:{invoice.id}")
        assert link is not None
        url = portal_links.url_of(session, link)
    shown = clerk.get(page).text
    # Our own look is not the client's.
    clerk.get(url.removeprefix(shop.settings.base_url))
    unopened = clerk.get(page).text
    create_app(shop).test_client().get(url.removeprefix(shop.settings.base_url))
    opened_page = clerk.get(page).text
    clerk.post(f"/links/invoice/{invoice.id}/revoke")

    assert f'value="{url}"' in shown
    assert "mailto:" in shown
    assert "Not opened yet" in unopened
    assert "First opened" in opened_page
    assert url not in clerk.get(page).text
    gone = create_app(shop).test_client().get(url.removeprefix(shop.settings.base_url))
    assert 410 == gone.status_code


def test_an_invoice_is_marked_as_sent(shop: Hub, clerk: Browser) -> None:
    invoice = add_invoice(shop)
    clerk.post(f"/links/invoice/{invoice.id}")

    clerk.post(f"/links/invoice/{invoice.id}/sent")

    assert all_of(shop, Invoice)[0].sent_at is not None
    assert "invoice.sent" in [event.type for event in all_of(shop, Event)]
    assert "Mark as sent" not in clerk.get(f"/invoices/{invoice.id}").text


def test_quotes_and_companies_have_links_too(admin: Browser, things: Things) -> None:
    for kind, id, page in (
        ("quote", things.quote, f"/quotes/{things.quote}"),
        ("company", things.company, f"/companies/{things.company}"),
    ):
        admin.post(f"/links/{kind}/{id}")
        assert "/pay/lnk_" in admin.get(page).text


def test_links_are_for_people_who_sign_in(stranger: Browser, things: Things) -> None:
    answer = stranger.post(f"/links/invoice/{things.invoice}", "/login")

    assert 302 == answer.status_code
    assert answer.location.startswith("/login")


def test_a_draft_has_no_link(admin: Browser, things: Things) -> None:
    assert "Make a link" not in admin.get(f"/invoices/{things.draft}").text
    assert 409 == admin.post(f"/links/invoice/{things.draft}").status_code


def test_an_invoice_tells_of_refunds_disputes_and_chargebacks(
    shop: Hub, clerk: Browser, paid: Payment
) -> None:
    with shop.read() as session:
        row = session.get_one(Connection, paid.connection_id)
    of: dict[str, Any] = {"payment": paid.reference}
    evil = "javascript:alert(1)"
    tell(
        shop,
        row,
        refund(url="https://desk.test/refunds/1", **of),
        dispute(url=evil, reason="not mine", **of),
        chargeback(amount="20.00", url="https://desk.test/backs/1", **of),
    )

    text = clerk.get(f"/invoices/{paid.invoice_id}").text

    for part in ("Refund", "Dispute", "Chargeback", "not mine", "30.00 EUR"):
        assert part in text
    assert 'href="https://desk.test/refunds/1"' in text
    assert 'href="https://desk.test/backs/1"' in text
    assert evil not in text
    assert 200 == clerk.get(f"/payments/{paid.id}").status_code


def test_a_refund_is_confirmed_and_done_once(
    shop: Hub, clerk: Browser, desk: Desk, paid: Payment
) -> None:
    page = f"/payments/{paid.id}"
    assert f"{page}/refund" in clerk.get(page).text
    asked = clerk.post(f"{page}/refund", amount="30,00").text
    form = {"amount": "30.00", "seen": "0"}
    before = dict(desk.refunds)

    clerk.post(f"{page}/refund/confirmed", **form)
    clerk.post(f"{page}/refund/confirmed", **form)  # a double click

    assert "Refund 30.00 EUR?" in asked
    assert {} == before
    assert [3000] == [money.minor for money in desk.refunds.values()]
    assert ("partially_paid", 7000, 3000) == standing(shop)
    text = clerk.get(page).text
    assert "Given back" in text
    assert "asked for by user:b@example.com" in text


def test_more_than_is_left_is_not_given_back(
    clerk: Browser, desk: Desk, paid: Payment
) -> None:
    for amount in ("100.01", "0", "all"):
        answer = clerk.post(f"/payments/{paid.id}/refund", amount=amount)
        assert 422 == answer.status_code
        assert f'value="{amount}"' in answer.text
    assert not desk.refunds


def test_a_refund_with_an_unknown_outcome_says_so_and_is_looked_up(
    shop: Hub, clerk: Browser, desk: Desk, paid: Payment
) -> None:
    page = f"/payments/{paid.id}"
    desk.at = timeout("refund:after")

    clerk.post(f"{page}/refund/confirmed", amount="100.00", seen="0")
    unknown = clerk.get(page).text
    (request,) = all_of(shop, RefundRequest)
    clerk.post(f"{page}/refunds/{request.id}/check")
    known = clerk.get(page).text

    assert "isn&#39;t known yet" in unknown
    assert "Not known yet" in unknown
    assert "Given back" in known
    assert 1 == len(desk.refunds)
    assert ("open", 0, 10000) == standing(shop)


def test_a_refund_of_another_payment_is_not_touched(
    shop: Hub, clerk: Browser, desk: Desk, paid: Payment
) -> None:
    desk.at = timeout("refund:after")
    clerk.post(f"/payments/{paid.id}/refund/confirmed", amount="1", seen="0")
    (request,) = all_of(shop, RefundRequest)
    calls = desk.calls["refund"]

    clerk.post(f"/payments/pay_other/refunds/{request.id}/check")

    assert calls == desk.calls["refund"]


def test_an_open_attempt_is_looked_at_now(
    shop: Hub, clerk: Browser, desk: Desk
) -> None:
    invoice = add_invoice(shop)
    begun = checkout.begin(shop, invoice.id, "desk", back="https://x.test")
    page = f"/invoices/{invoice.id}"
    waiting = clerk.get(page).text
    desk.approve(begun.reference)

    clerk.post(f"{page}/check")

    assert "Under way" in waiting
    assert begun.reference in waiting
    done = clerk.get(page).text
    assert "The payment has arrived." in done
    assert "Check now" not in done


def test_a_void_invoice_has_no_open_page(shop: Hub, clerk: Browser, desk: Desk) -> None:
    invoice = add_invoice(shop)
    checkout.begin(shop, invoice.id, "desk", back="https://x.test")

    clerk.post(f"/invoices/{invoice.id}/void")

    assert ["void"] == [row.state for row in all_of(shop, Invoice)]
    assert ["closed"] == [order.state for order in desk.orders.values()]


def test_no_page_of_ours_gives_a_company_link_away(shop: Hub, clerk: Browser) -> None:
    """The lists show no links, only the page of the thing itself."""
    company = add_company(shop)
    clerk.post(f"/links/company/{company.id}")

    for page in ("/", "/companies", "/invoices", "/payments"):
        assert "/pay/lnk_" not in clerk.get(page).text


def test_money_by_hand_is_given_back_by_hand(shop: Hub, clerk: Browser) -> None:
    invoice = add_invoice(shop)
    clerk.post(f"/invoices/{invoice.id}/payments", amount="100.00", method="cash")
    (payment,) = all_of(shop, Payment)
    asked = clerk.post(f"/payments/{payment.id}/refund", amount="40").text

    clerk.post(f"/payments/{payment.id}/refund/confirmed", amount="40", seen="0")

    assert "You hand the money over yourself" in asked
    assert ("partially_paid", 6000, 4000) == standing(shop)

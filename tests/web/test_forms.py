"""What people do on the pages, and what becomes of it."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.core import connections, notify
from hub.core.configuration.live import live
from hub.core.ledger import companies, invoices
from hub.core.ledger.invoices import NewInvoice
from hub.core.models import Delivery, Invoice, Payment
from hub.core.people import accounts
from hub.core.policy import rules
from tests.parts.bank import SECRET, Bank
from tests.web.conftest import Browser, Things

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_a_company_and_an_invoice_are_made_by_form(admin: Browser, bank: Bank) -> None:
    made = admin.post("/companies/new", name="Acme", currency="EUR")
    company = made.location.rpartition("/")[2]

    answer = admin.post(
        "/invoices/new",
        company_id=company,
        description=["Managed IT", ""],
        quantity=["2", ""],
        unit_price=["50.00", ""],
        tax_rate=["19", ""],
    )

    with bank.hub.read() as session:
        row = session.get_one(Invoice, answer.location.rpartition("/")[2])
    assert ("open", 11900, "EUR") == (row.state, row.total_minor, row.currency)


def test_a_form_that_is_wrong_says_so_and_keeps_what_was_typed(admin: Browser) -> None:
    answer = admin.post("/companies/new", name="Acme & Sons", currency="XYZ")

    assert 422 == answer.status_code
    assert "Acme &amp; Sons" in answer.text
    assert 'role="alert"' in answer.text


def test_an_invoice_without_a_line_keeps_its_form(admin: Browser, bank: Bank) -> None:
    with bank.hub.write() as session:
        company = companies.create(session, {"name": "Acme", "currency": "EUR"})

    answer = admin.post(
        "/invoices/new",
        company_id=company.id,
        description="IT",
        quantity="",
        unit_price="ten",
        tax_rate="",
    )

    assert 422 == answer.status_code
    assert 'value="ten"' in answer.text


def test_money_recorded_by_hand_pays_the_invoice(admin: Browser, bank: Bank) -> None:
    with bank.hub.write() as session:
        company = companies.create(session, {"name": "Acme", "currency": "EUR"})
        lines = [{"description": "IT", "quantity": "1", "unit_price": "10.00"}]
        invoice = invoices.create(
            session, NewInvoice(company_id=company.id, lines=lines)
        )
    url = f"/invoices/{invoice.id}/payments"

    too_much = admin.post(url, amount="11.00")
    admin.post(url, amount="10.00", method="cash", received_on="2026-03-01")

    assert 422 == too_much.status_code
    assert "Only 10.00 EUR" in too_much.text
    with bank.hub.read() as session:
        assert "paid" == session.get_one(Invoice, invoice.id).state


def test_a_draft_is_issued_and_voided(
    admin: Browser, bank: Bank, things: Things
) -> None:
    for action, state in (("issue", "open"), ("void", "void")):
        admin.post(f"/invoices/{things.draft}/{action}")
        with bank.hub.read() as session:
            assert state == session.get_one(Invoice, things.draft).state


def test_unmatched_money_is_assigned(
    admin: Browser, bank: Bank, things: Things
) -> None:
    with bank.hub.write() as session:
        lines = [{"description": "IT", "quantity": "1", "unit_price": "3.00"}]
        invoice = invoices.create(
            session, NewInvoice(company_id=things.company, lines=lines)
        )
    assert invoice.number in admin.get(f"/payments/{things.unmatched}").text

    admin.post(f"/payments/{things.unmatched}/assign", invoice_id=invoice.id)

    with bank.hub.read() as session:
        payment = session.get_one(Payment, things.unmatched)
    assert (invoice.id, "user:admin@example.com") == (
        payment.invoice_id,
        payment.assigned_by,
    )


def test_a_secret_is_written_and_never_read(admin: Browser, bank: Bank) -> None:
    secret = "new-secret-of-the-second-bank"
    admin.post(
        "/settings/connections/new",
        plugin="bank",
        slug="bank-2",
        **{"set-signing_secret": secret},
    )
    page = "/settings/connections/bank-2"
    assert secret not in admin.get(page).text

    # Saved again with the field empty: unchanged.
    admin.post(page, **{"set-key_base_url": "https://keys.example.com"})
    kept = live(bank.hub).by_slug("bank-2", fresh=True).settings

    assert (secret, "https://keys.example.com") == (
        kept["signing_secret"],
        kept["key_base_url"],
    )
    admin.post(page, **{"remove-signing_secret": "yes"})
    after = live(bank.hub).by_slug("bank-2", fresh=True).settings
    assert after.get("signing_secret") is None
    assert after.get("key_base_url") is None  # it was emptied


def test_what_the_environment_sets_is_shown_as_such(admin: Browser) -> None:
    text = admin.get("/settings/connections/bank").text

    assert "From the environment: BANK_SIGNING_SECRET" in text
    assert 'name="set-signing_secret"' not in text
    assert SECRET not in text


def test_events_are_switched_off(admin: Browser, bank: Bank) -> None:
    name = "when:invoice.overdue:channel"

    admin.post("/settings/sending/ears", **{name: "off"})

    assert "kinds of events" in admin.get("/settings/connections/ears").text
    assert f'name="{name}"' in admin.get("/settings/sending/ears").text
    with bank.hub.read() as session:
        ears = live(bank.hub).by_slug("ears").id
        rule = rules.effective(session, ears, "invoice.overdue", "channel")
    assert "off" == rule.when


def test_a_connection_is_held_used_and_removed(admin: Browser, bank: Bank) -> None:
    page = "/settings/connections/bank"
    admin.post(f"{page}/disable")
    assert "disabled" == live(bank.hub).by_slug("bank", fresh=True).state
    admin.post(f"{page}/enable")
    assert "active" == live(bank.hub).by_slug("bank", fresh=True).state

    admin.post(f"{page}/remove")

    assert 404 == admin.get(page).status_code


def test_a_connection_without_a_test_says_so(admin: Browser) -> None:
    answer = admin.post("/settings/connections/bank/test")

    assert 302 == answer.status_code
    assert "has no test" in admin.get("/settings/connections/bank").text


def test_a_webhook_is_heard_again(admin: Browser, things: Things) -> None:
    answer = admin.post(f"/inbound-webhooks/{things.webhook}/replay")

    assert things.webhook in admin.get(answer.location).text


def test_a_dead_delivery_is_tried_again(
    admin: Browser, bank: Bank, things: Things
) -> None:
    admin.post(f"/deliveries/{things.dead}/retry")

    with bank.hub.read() as session:
        assert "retrying" == session.get_one(Delivery, things.dead).state


def test_the_trail_is_one_click_after_the_other(admin: Browser, things: Things) -> None:
    webhook = admin.get(f"/inbound-webhooks/{things.webhook}").text
    assert f"/payments/{things.payment}" in webhook
    assert "/events/" in webhook
    event = admin.get(f"/events/{things.event}").text
    assert f"/deliveries/{things.dead}" in event
    delivery = admin.get(f"/deliveries/{things.dead}").text
    assert f"/api-calls/{things.call}" in delivery
    assert f"/events/{things.event}" in delivery


def test_a_token_is_shown_once_and_works(
    admin: Browser, bank: Bank, client: FlaskClient
) -> None:
    made = admin.post("/settings/tokens", name="books", role="ingest").text
    plain = made.partition('id="token" readonly value="')[2].partition('"')[0]

    assert accounts.principal_of(bank.hub, plain) is not None
    assert plain not in admin.get("/settings/tokens").text


@pytest.fixture
def client(admin: Browser) -> FlaskClient:
    return admin.client


def test_a_person_is_added_and_sets_their_password_by_link(
    admin: Browser, bank: Bank, stranger: Browser
) -> None:
    made = admin.post("/settings/users", email="new@example.com", role="billing").text
    link = made.partition('id="link" readonly value="')[2].partition('"')[0]
    path = link.removeprefix(bank.hub.settings.base_url)

    answer = stranger.post(path, path, password="an excellent pass phrase")

    assert "/" == answer.location
    assert 403 == stranger.get("/settings").status_code


def test_notifications_are_followed_and_read(admin: Browser, bank: Bank) -> None:
    with bank.hub.write() as session:
        (user,) = accounts.users(session)
        for key, url in (("a", "/invoices"), ("b", "https://evil.example/")):
            notify.notify(
                session,
                user.id,
                "test",
                {},
                title=f"News {key}",
                url=url if url.startswith("https") else bank.hub.url(url),
                key=key,
            )
    with bank.hub.read() as session:
        second, first = notify.listed(session, user.id)

    assert "/invoices" == admin.get(f"/notifications/{first.id}").location
    assert "/notifications" == admin.get(f"/notifications/{second.id}").location
    assert {"unread": 0, "last_id": second.id, "notifications": []} == admin.get(
        f"/notifications.json?after={second.id}"
    ).json


def test_nobody_follows_or_reads_what_is_for_others(admin: Browser, bank: Bank) -> None:
    with bank.hub.write() as session:
        other = accounts.create_user(session, "other@example.com", "billing")
        session.flush()
        notify.notify(session, other.id, "test", {}, title="Theirs", key="a")
    with bank.hub.read() as session:
        (theirs,) = notify.listed(session, other.id)

    assert 404 == admin.get(f"/notifications/{theirs.id}").status_code
    admin.post(f"/notifications/{theirs.id}/read")
    with bank.hub.read() as session:
        assert 1 == notify.unread_count(session, other.id)


def test_trying_needs_a_simulator(admin: Browser, things: Things) -> None:
    assert "Try it" not in admin.get("/").text
    assert 302 == admin.post("/try/pay", invoice=things.invoice).status_code


def test_a_removed_connection_is_still_named_on_the_trail(
    admin: Browser, bank: Bank, things: Things
) -> None:
    with bank.hub.write() as session:
        connections.remove(session, "bank")
        assert session.scalar(select(Delivery.id)) is not None

    assert "bank (removed)" in admin.get(f"/inbound-webhooks/{things.webhook}").text

"""Consent, many deliveries at once and a sync, as people do them in Chromium; and
that all pages beside invoices can be read, also on a phone and in the dark."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core import process
from hub.core.ledger import catalogue, companies, credit_notes, invoices
from hub.core.ledger.credit_notes import NewCreditNote
from hub.core.ledger.invoices import NewInvoice
from hub.core.models import (
    Delivery,
    Device,
    Mandate,
    Movement,
    Payment,
    Payout,
    Product,
    Ticket,
    TimeEntry,
    new_id,
)
from hub.sdk.clock import now
from hub.sdk.context import Context
from hub.sdk.money import Money
from hub.sdk.sync import Page as SyncPage
from tests.browser.test_pages import FAINT, NAMELESS
from tests.parts.bank import Bank, body_of, event
from tests.parts.server import Served

pytestmark = [
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
Shoot = Callable[[str], Path]


@pytest.fixture
def stocked(bank: Bank) -> dict[str, str]:
    """One of each that the pages beside invoices show; returns their addresses."""
    with bank.hub.write() as session:
        company = companies.create(
            session,
            {
                "name": "Northwind Dental",
                "currency": "EUR",
                "country": "DE",
                "email": "office@northwind.example",
                "sms_notifications_enabled": True,
            },
        )
        line = {"description": "IT", "quantity": "1", "unit_price": "480.00"}
        new = NewInvoice(company_id=company.id, lines=[line], number="INV-11")
        invoice = invoices.create(session, new)
    bank.post(body_of("w1", event("e1", "100.00", invoice="INV-11"), event("e2")))
    process.drain_all(bank.hub)
    with bank.hub.write() as session:
        found = _work(session, company.id) | _money(session, bank, company.id)
    return {
        "company": f"/companies/{company.id}",
        "company-form": f"/companies/{company.id}/edit",
        "credit-note-new": f"/credit-notes/new?invoice={invoice.id}",
        **found,
    }


def _work(session: Session, company: str) -> dict[str, str]:
    kim = companies.add_contact(
        session, company, {"name": "Kim Weber", "phone": "+49 30 1234567"}
    )
    companies.add_contact(
        session, company, {"name": "Alex Braun", "email": "alex@northwind.example"}
    )
    for given, how in ((True, "signed the form"), (False, "on the phone")):
        said = {"channel": "sms", "given": given, "how": how}
        companies.set_consent(session, kim.id, said)
    product = catalogue.create(
        session,
        Product,
        {
            "code": "WORKPLACE",
            "name": "Managed workplace",
            "description": "Monitoring, updates and help for one desk.",
            "unit_price": "40.00",
            "currency": "EUR",
            "tax_rate": "19",
        },
    )
    ticket = Ticket(
        company_id=company, number="4711", title="The printer is offline", priority="P2"
    )
    device = Device(
        company_id=company,
        name="NW-SRV-01",
        kind="server",
        serial_number="XK-3391",
        operating_system="Debian 13",
        last_seen_at=now(),
    )
    worked = TimeEntry(
        company_id=company,
        person="Robin",
        description="Replaced the printer's cable",
        started_at=now() - timedelta(hours=2),
        minutes=95,
        hourly_rate=90,
        currency="EUR",
    )
    session.add_all([ticket, device, worked])
    return {
        "contact": f"/contacts/{kim.id}",
        "contact-remove": f"/contacts/{kim.id}/remove",
        "products": "/products",
        "product": f"/products/{product.id}",
        "tickets": "/tickets",
        "time": "/time-entries",
        "devices": "/devices",
    }


def _money(session: Session, bank: Bank, company: str) -> dict[str, str]:
    note = credit_notes.create(
        session,
        NewCreditNote(
            company_id=company,
            amount=Money(5000, "EUR"),
            reason="Two days without service",
        ),
    )
    payment = session.scalars(select(Payment).order_by(Payment.reference)).first()
    assert payment is not None
    at: dict[str, Any] = {
        "provider": "bank",
        "connection_id": bank.connection.id,
        "as_of": now(),
    }
    told = {"kind": "payment", "amount": "100.00", "currency": "EUR"}
    payout = Payout(
        id=new_id("pot"),
        reference="PO-1",
        amount_minor=9700,
        fee_minor=300,
        currency="EUR",
        state="paid",
        arrives_on=now().date(),
        lines=[
            {**told, "payment": payment.reference},
            {**told, "kind": "fee", "amount": "-3.00", "payment": None},
        ],
        **at,
    )
    dispute = Movement(
        kind="dispute",
        reference="DSP-1",
        payment_id=payment.id,
        payment_reference=payment.reference,
        amount_minor=10000,
        currency="EUR",
        state="open",
        since=now(),
        reason="not received",
        respond_by=now() + timedelta(days=9),
        **at,
    )
    mandate = Mandate(
        company_id=company, reference="MD-1", scheme="sepa_core", state="active", **at
    )
    heard = session.scalars(select(Delivery)).first()
    assert heard is not None
    dead = [
        Delivery(
            id=new_id("dlv"),
            event_id=heard.event_id,
            connection_id=heard.connection_id,
            hook=heard.hook,
            copy=f"{number}",
            subject=heard.subject,
            state="dead" if number else "in_doubt",
            reason="The channel was archived." if number else "",
            created_at=now() - timedelta(minutes=number),
        )
        for number in range(4)
    ]
    session.add_all([payout, dispute, mandate, *dead])
    return {
        "credit-notes": "/credit-notes",
        "credit-note": f"/credit-notes/{note.id}",
        "payouts": "/payouts",
        "payout": f"/payouts/{payout.id}",
        "disputes": "/disputes",
        "mandates": "/mandates",
        "payments": "/payments",
        "deliveries": "/deliveries",
        "in-doubt": f"/deliveries/{dead[0].id}",
        "bulk-retry": "/deliveries/bulk/retry?state=in_doubt",
        "bulk-hear": "/inbound-webhooks/bulk/replay?state=processed",
    }


def test_somebody_agrees_to_texts_and_changes_their_mind(
    signed_in: Page, site: Served, stocked: dict[str, str], screenshot: Shoot
) -> None:
    page = signed_in
    page.get_by_role("link", name="Companies", exact=True).click()
    page.get_by_role("link", name="Northwind Dental").click()
    page.get_by_role("link", name="Add a contact").first.click()
    page.get_by_label("Name").fill("Sam Jansen")
    page.get_by_label("Phone").fill("+49 30 7654321")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("h1 + .chip")).to_have_text("Never asked")

    page.get_by_label("How they said so").fill("signed the form")
    page.get_by_role("button", name="Agrees to texts").click()
    expect(page.locator("h1 + .chip")).to_have_text("Agreed to texts")
    page.get_by_label("How they said so").fill("said so on the phone")
    page.get_by_role("button", name="Wants no more texts").click()
    expect(page.locator("h1 + .chip")).to_have_text("No texts")
    history = page.get_by_role("region", name="What was agreed, and when")
    expect(history.locator("tbody tr")).to_have_count(2)
    expect(history).to_contain_text("admin@example.com")
    screenshot("journey-consent")

    page.get_by_role("link", name="Northwind Dental").click()
    row = page.get_by_role("row", name="Sam Jansen")
    expect(row).to_contain_text("No texts")


def test_deliveries_given_up_are_retried_together(
    signed_in: Page, site: Served, stocked: dict[str, str], screenshot: Shoot
) -> None:
    page = signed_in
    page.get_by_role("link", name="Deliveries out").click()
    page.get_by_label("State").select_option("dead")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Retry what is shown").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Retry 3 deliveries?")
    screenshot("journey-bulk-retry")
    page.get_by_role("button", name="Retry 3 deliveries").click()
    expect(page.get_by_role("status").first).to_contain_text("again: 3 deliveries")

    page.goto(site.url + stocked["in-doubt"])
    expect(page.get_by_role("heading", name="Did it arrive?")).to_be_visible()
    page.get_by_role("button", name="It arrived").click()
    expect(page.locator("h1 + .chip")).to_have_text("Delivered")


def test_a_sync_shows_how_far_it_is_without_a_reload(
    signed_in: Page,
    site: Served,
    bank: Bank,
    screenshot: Shoot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may = threading.Event()

    def sync(ctx: Context, cursor: str | None) -> Iterator[SyncPage]:
        yield SyncPage(facts=(), cursor="a")
        may.wait(60)
        yield SyncPage(facts=(), cursor=None)

    hooks: Any = bank.hub.plugins.get("bank").hooks
    monkeypatch.setitem(hooks, "sync", sync)
    page = signed_in
    page.goto(site.url + "/settings/connections/bank")
    panel = page.get_by_role("region", name="Sync")
    panel.get_by_role("button", name="Sync now").click()
    expect(panel).to_contain_text("Reading: 1 page")
    screenshot("journey-sync")

    may.set()

    expect(panel.get_by_role("button", name="Sync now")).to_be_visible()
    expect(panel.locator(".chip").first).to_have_text("Done")
    assert [] == page.evaluate(NAMELESS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_pages_beside_invoices_can_be_read(
    signed_in: Page,
    site: Served,
    stocked: dict[str, str],
    screenshot: Shoot,
    scheme: str,
) -> None:
    page = signed_in
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for name, path in stocked.items():
        page.goto(site.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert [] == page.evaluate(NAMELESS), name
        assert [] == page.evaluate(FAINT), name
        screenshot(f"more-{name}-{scheme}")


def test_a_phone_is_wide_enough_for_all_of_it(
    signed_in: Page, site: Served, stocked: dict[str, str], screenshot: Shoot
) -> None:
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    for name, path in stocked.items():
        page.goto(site.url + path)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, name
        screenshot(f"more-phone-{name}")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Mandates").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mandates")

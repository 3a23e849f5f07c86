"""Who is told what, in Chromium: decided by keyboard, a reminder looked at and sent,
what became of it; and that these pages can be read on a phone and in the dark."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from hub.core.ledger import companies, invoices
from hub.core.ledger.invoices import NewInvoice
from hub.core.models import (
    AddressBlock,
    Connection,
    Delivery,
    Digest,
    Event,
    SentMessage,
    new_id,
)
from hub.core.policy import rules
from hub.sdk.clock import now
from tests.browser.test_pages import FAINT, NAMELESS
from tests.core.policy.plugins import cast, connected
from tests.parts.bank import Bank
from tests.parts.server import Served

pytestmark = [
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
Shoot = Callable[[str], Path]
NUMBER, MAIL = "+4930901820", "kim@northwind.example"


@pytest.fixture
def pages(bank: Bank) -> dict[str, str]:
    """A client with contacts, and some things that were sent or not; addresses."""
    cast(bank.hub, chat={"channel_help": "Such as #money."})
    chat, phone, mail = connected(bank.hub, "chat", "phone", "mail")
    with bank.hub.write() as session:
        company = companies.create(
            session,
            {
                "name": "Northwind Dental",
                "currency": "EUR",
                "sms_notifications_enabled": True,
                "time_zone": "Europe/Berlin",
            },
        )
        line = {"description": "IT", "quantity": "1", "unit_price": "480.00"}
        new = NewInvoice(company_id=company.id, lines=[line], number="INV-11")
        invoice = invoices.create(session, new)
        known = {"name": "Kim Weber", "phone": NUMBER, "email": MAIL}
        kim = companies.add_contact(session, company.id, known)
        for channel in ("sms", "email"):
            said = {"channel": channel, "given": True, "how": "signed the order"}
            companies.set_consent(session, kim.id, said)
        rules.set_policy(session, quiet_from="00:00", quiet_until="00:00")
        _block(session, phone)
        event, told = _told(session, chat, phone, mail, invoice.id, company.id, kim.id)
    return {
        "all": "/settings/sending",
        "chat": "/settings/sending/chat",
        "phone": "/settings/sending/phone",
        "mine": "/preferences",
        "write": f"/settings/connections/phone/message?contact={kim.id}",
        "contact": f"/contacts/{kim.id}",
        "invoice": f"/invoices/{invoice.id}",
        "remind": f"/invoices/{invoice.id}/remind",
        "statement": f"/companies/{company.id}/statement",
        "company": f"/companies/{company.id}",
        "event": f"/events/{event}",
        "delivery": f"/deliveries/{told}",
        "connection": "/settings/connections/phone",
    }


def _block(session: Session, phone: Connection) -> None:
    at = datetime(2026, 3, 3, 9, tzinfo=UTC)
    for kind, address, how in (
        ("opt_out", NUMBER, "by STOP"),
        ("bounced", MAIL, "550 mailbox unavailable"),
    ):
        session.add(
            AddressBlock(
                connection_id=phone.id,
                sender="+15550100" if kind == "opt_out" else "billing@msp.example",
                address=address,
                kind=kind,
                how=how,
                since=at,
                ended_at=at + timedelta(days=2) if kind == "opt_out" else None,
            )
        )


def _told(
    session: Session,
    chat: Connection,
    phone: Connection,
    mail: Connection,
    invoice: str,
    company: str,
    contact: str,
) -> tuple[int, str]:
    """An event told here and not there; returns it and the delivery that arrived."""
    event = Event(
        type="invoice.overdue",
        subject=f"invoice:{invoice}",
        key="overdue",
        data={
            "number": "INV-11",
            "days_overdue": 3,
            "company": {"id": company, "name": "Northwind Dental"},
            "open_amount": "480.00",
            "currency": "EUR",
        },
        url="",
        occurred_at=now(),
        created_at=now(),
    )
    session.add(event)
    due = now()
    digest = Digest(
        id=new_id("dig"),
        connection_id=chat.id,
        target="",
        event_type="invoice.overdue",
        due_at=due,
        closed_at=due,
    )
    session.add(digest)
    session.flush()
    to: dict[str, Any] = {
        "hook": "send_message",
        "audience": "contact",
        "kind": "invoice.overdue",
        "company_id": company,
        "contact_id": contact,
    }
    text = "Example MSP: 480.00 EUR of invoice INV-11 was due on 1 March."
    rows = [
        Delivery(
            **to,
            connection_id=phone.id,
            target=NUMBER,
            state="delivered",
            sent_at=now(),
            message={"text": text, "link": "https://hub.example/p/x", "label": "Pay"},
        ),
        Delivery(
            **to,
            connection_id=phone.id,
            target="+4930901821",
            state="skipped",
            reason="opt-out",
            explanation="Not sent to +4930901821: opted out on 3 March 2026.",
        ),
        Delivery(
            **to,
            connection_id=mail.id,
            target=MAIL,
            state="pending",
            next_attempt_at=now() + timedelta(hours=9),
            explanation="Waits for 08:00 (the client's time): these are quiet hours.",
        ),
        Delivery(
            connection_id=chat.id,
            hook="on_invoice_overdue",
            state="skipped",
            reason="digest",
            digest_id=digest.id,
        ),
    ]
    for row in rows:
        row.id, row.event_id, row.subject = new_id("dlv"), event.id, event.subject
        row.created_at = now()
    session.add_all(rows)
    session.flush()
    digest.delivery_id = rows[0].id
    session.add(
        SentMessage(
            connection_id=phone.id,
            reference="SM1",
            delivery_id=rows[0].id,
            address=NUMBER,
            state="undelivered",
            error_code="30003",
            error="The phone is off or out of reach.",
            segments=1,
            price=Decimal("0.0850"),
            currency="USD",
            updated_at=now(),
        )
    )
    return event.id, rows[0].id


def test_who_is_told_what_is_decided_by_keyboard(
    pages: dict[str, str], signed_in: Page, site: Served, screenshot: Shoot
) -> None:
    page = signed_in
    page.get_by_role("link", name="Who is told what").click()
    page.get_by_role("link", name="Chat").click()
    when = page.get_by_label("Invoice overdue", exact=True)
    when.focus()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    page.keyboard.type("#money")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status").first).to_contain_text("Saved")
    expect(when).to_have_value("daily")
    expect(page.get_by_label("Channels for: Invoice overdue")).to_have_value("#money")
    screenshot("sending-journey-chat")

    page.get_by_role("link", name="Who is told what").first.click()
    page.get_by_label("From").fill("21:00")
    page.get_by_label("Until").fill("07:30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("from 21:00 to 07:30")


def test_everybody_finds_and_keeps_their_own_choice(
    pages: dict[str, str], signed_in: Page, site: Served
) -> None:
    page = signed_in
    page.locator(".who").click()
    page.get_by_role("link", name="My notifications").click()
    page.get_by_label("Quote declined, in the hub").uncheck()
    page.get_by_label("Payment received, by Phone").select_option("now")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("phone")
    page.get_by_label("Your phone").fill("+49 30 123456")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("Saved")
    expect(page.get_by_label("Quote declined, in the hub")).not_to_be_checked()
    expect(page.get_by_label("Payment received, by Phone")).to_have_value("now")
    always = page.get_by_label("Payment disputed or charged back, in the hub: always")
    expect(always).to_be_disabled()


def test_a_reminder_is_looked_at_then_sent_and_followed(
    pages: dict[str, str], signed_in: Page, site: Served, screenshot: Shoot
) -> None:
    page = signed_in
    page.goto(site.url + pages["invoice"])
    page.get_by_role("link", name="Send reminder").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Remind of invoice INV-11?"
    )
    expect(page.locator("main")).to_contain_text("Goes at once")
    expect(page.locator("main")).to_contain_text(NUMBER)
    screenshot("sending-journey-remind")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status").first).to_contain_text("is on its way")
    told = page.get_by_role("region", name="What the client was told")
    expect(told).to_contain_text("On its way")
    screenshot("sending-journey-told")

    page.goto(site.url + pages["write"])
    page.get_by_label("Text").fill("Hello Kim, we come at 3 ☎")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("main")).to_contain_text("1 part")
    screenshot("sending-journey-write")
    page.get_by_role("button", name="Send it").click()
    expect(page.locator("main")).to_contain_text("Hello Kim, we come at 3")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_of_it_can_be_read(
    pages: dict[str, str],
    signed_in: Page,
    site: Served,
    screenshot: Shoot,
    scheme: str,
) -> None:
    page = signed_in
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for name, path in pages.items():
        page.goto(site.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert [] == page.evaluate(NAMELESS), name
        assert [] == page.evaluate(FAINT), name
        screenshot(f"sending-{name}-{scheme}")


def test_a_small_phone_is_wide_enough(
    pages: dict[str, str], signed_in: Page, site: Served, screenshot: Shoot
) -> None:
    page = signed_in
    page.set_viewport_size({"width": 360, "height": 800})
    for name, path in pages.items():
        page.goto(site.url + path)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, name
        screenshot(f"sending-phone-{name}")


def test_no_name_widens_a_page_or_runs_over(
    pages: dict[str, str],
    signed_in: Page,
    site: Served,
    bank: Bank,
    screenshot: Shoot,
) -> None:
    """Clients choose their names: long, right to left, with markup."""
    name = "<b>W" + "W" * 150 + " \u0645\u0631\u062d\u0628\u0627 \U0001f984 & *x*"
    with bank.hub.write() as session:
        id = pages["company"].rpartition("/")[2]
        companies.update(session, id, {"name": name})
        kim = pages["contact"].rpartition("/")[2]
        companies.update_contact(session, kim, {"name": name})
    page = signed_in
    page.set_viewport_size({"width": 360, "height": 800})
    for shown in ("remind", "statement", "contact", "event", "delivery", "company"):
        page.goto(site.url + pages[shown])
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, shown
        screenshot(f"sending-hostile-{shown}")

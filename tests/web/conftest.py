"""A hub with a bit of everything in it, and somebody who is signed in."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from hub.app import create_app
from hub.core import process
from hub.core.accept import keep
from hub.core.ledger import catalogue, companies, credit_notes, invoices, quotes
from hub.core.ledger.credit_notes import NewCreditNote
from hub.core.ledger.invoices import NewInvoice
from hub.core.ledger.quotes import NewQuote
from hub.core.models import (
    ApiCall,
    Attempt,
    Delivery,
    Device,
    Event,
    Mandate,
    Movement,
    Payout,
    Product,
    Ticket,
    TimeEntry,
    new_id,
)
from hub.core.people import accounts
from hub.core.webhooks.inserts import Row
from hub.sdk.clock import now
from hub.sdk.money import Money
from tests.parts.bank import Bank, body_of, event

PASSWORD = "correct horse battery staple"
CANARY = "<script>alert('x')</script>"
SECRET = "sh-very-secret-canary-0123456789"


@dataclass
class Browser:
    """A client with cookies that fills in forms as a browser would."""

    client: FlaskClient

    def get(self, url: str, **options: Any) -> TestResponse:
        return self.client.get(url, **options)

    def post(self, url: str, page: str | None = None, **fields: Any) -> TestResponse:
        """Send a form; the token comes from `page`, else from the start page."""
        shown = self.client.get(page or "/").text
        found = re.search(r'name="csrf-token" content="([^"]+)"', shown)
        assert found is not None
        return self.client.post(url, data={**fields, "csrf_token": found[1]})


@pytest.fixture
def app(bank: Bank) -> Flask:
    """The application of the bank's hub."""
    return create_app(bank.hub)


@pytest.fixture
def stranger(app: Flask) -> "Browser":
    """A browser in which nobody is signed in."""
    return Browser(app.test_client())


Browse = Callable[[str], Browser]


@pytest.fixture
def browse(bank: Bank, app: Flask) -> Browse:
    """Make a browser in which somebody of this role is signed in."""

    def sign_in(role: str) -> Browser:
        email = f"{role}@example.com"
        with bank.hub.write() as session:
            accounts.create_user(session, email, role, password=PASSWORD)
        browser = Browser(app.test_client())
        answer = browser.post("/login", "/login", email=email, password=PASSWORD)
        assert 302 == answer.status_code, answer.text
        return browser

    return sign_in


@pytest.fixture
def admin(browse: Browse) -> Browser:
    return browse("admin")


@dataclass
class Things:
    """Ids of one of each."""

    company: str
    invoice: str
    draft: str
    payment: str
    unmatched: str
    quote: str
    webhook: str
    failed_webhook: str
    event: int
    delivery: str
    dead: str
    call: str
    contact: str
    credit_note: str
    product: str
    payout: str


@pytest.fixture
def things(bank: Bank) -> Things:
    """One of each, every text a trap for whoever forgets to escape it."""
    hub = bank.hub
    lines = [{"description": CANARY, "quantity": "1", "unit_price": "10.00"}]
    with hub.write() as session:
        company = companies.create(
            session, {"name": f"Acme {CANARY}", "currency": "EUR"}
        )
        invoice = invoices.create(
            session,
            NewInvoice(
                company_id=company.id,
                lines=lines,
                number="INV-1",
                reference=CANARY,
                notes=CANARY,
            ),
        )
        draft = invoices.create(
            session,
            NewInvoice(company_id=company.id, lines=lines, state="draft"),
        )
        quote = quotes.create(
            session, NewQuote(company_id=company.id, lines=lines, title=CANARY)
        )
    heard = bank.post(body_of("w1", event("e1"), event("e2", "3.00"))).headers
    process.drain_all(hub)
    webhook = heard.get("X-Hub-Webhook-Id", "")
    failed = keep(
        hub,
        Row(
            connection_id=bank.connection.id,
            dedupe_key=None,
            method="POST",
            path="",
            headers=b"X-Canary: <script>alert('x')</script>\xff",
            body=b"<script>alert('x')</script>\x00\xff",
        ),
    )
    return _more(bank, company.id, invoice.id, draft.id, quote.id, webhook, failed.id)


def _traps(session: Session, company: str, connection: str) -> dict[str, str]:
    """One of each of what the pages beside invoices show."""
    contact = companies.add_contact(session, company, {"name": CANARY})
    companies.set_consent(
        session, contact.id, {"channel": "sms", "given": True, "how": CANARY}
    )
    credit = NewCreditNote(company_id=company, amount=Money(100, "EUR"), reason=CANARY)
    note = credit_notes.create(session, credit)
    product = catalogue.create(
        session,
        Product,
        {
            "code": CANARY,
            "name": CANARY,
            "description": CANARY,
            "unit_price": "5",
            "currency": "EUR",
        },
    )
    at: dict[str, Any] = {
        "provider": "bank",
        "connection_id": connection,
        "as_of": now(),
    }
    told = {
        "kind": CANARY,
        "amount": CANARY,
        "currency": "EUR",
        "payment": CANARY,
    }
    payout = Payout(
        id=new_id("pot"),
        reference=CANARY,
        amount_minor=900,
        currency="EUR",
        state=CANARY,
        url="javascript:alert(1)",
        lines=[told],
        **at,
    )
    dispute = Movement(
        kind="dispute",
        reference=CANARY,
        payment_reference="?",
        amount_minor=100,
        currency="EUR",
        state="open",
        since=now(),
        reason=CANARY,
        url="javascript:alert(1)",
        **at,
    )
    mandate = Mandate(
        company_id=company,
        reference=CANARY,
        scheme=CANARY,
        reason=CANARY,
        state="active",
        url="javascript:alert(1)",
        **at,
    )
    ticket = Ticket(company_id=company, title=CANARY, number=CANARY, priority=CANARY)
    device = Device(company_id=company, name=CANARY, kind=CANARY, serial_number=CANARY)
    worked = TimeEntry(
        company_id=company,
        person=CANARY,
        description=CANARY,
        started_at=now(),
        minutes=90,
        currency="EUR",
    )
    session.add_all([payout, dispute, mandate, ticket, device, worked])
    session.flush()
    return {
        "contact": contact.id,
        "credit_note": note.id,
        "product": product.id,
        "payout": payout.id,
    }


def _more(
    bank: Bank,
    company: str,
    invoice: str,
    draft: str,
    quote: str,
    webhook: str,
    failed: str,
) -> Things:
    from sqlalchemy import select

    from hub.core.ledger import payments
    from hub.core.models import InboundWebhook, Payment

    hub = bank.hub
    with hub.write() as session:
        found = session.scalars(select(Payment).order_by(Payment.reference)).all()
        row = session.get_one(InboundWebhook, failed)
        row.state, row.error = "failed", CANARY
        kept = session.scalars(select(InboundWebhook.id)).all()
        payments.assign(session, found[0].id, invoice)
        found[0].payer = found[1].payer = CANARY
    with hub.write() as session:
        told = session.scalars(select(Event).order_by(Event.id.desc())).first()
        delivery = session.scalars(select(Delivery)).first()
        assert told is not None and delivery is not None
        dead = Delivery(
            id=new_id("dlv"),
            event_id=told.id,
            connection_id=bank.connection.id,
            hook="on_payment_received",
            subject=told.subject,
            state="dead",
            reason=CANARY,
            created_at=now() - timedelta(hours=1),
        )
        session.add(dead)
        session.flush()
        session.add(
            Attempt(
                delivery_id=dead.id,
                number=1,
                claim="c",
                worker="w",
                started_at=now(),
                outcome="rejected",
                error=CANARY,
            )
        )
        call = ApiCall(
            id=new_id("api"),
            plugin="bank",
            connection_id=bank.connection.id,
            delivery_id=dead.id,
            method="POST",
            url=f"https://bank.example/{CANARY}",
            status=500,
            error=CANARY,
            duration_ms=12,
            request_size=1,
            response_size=1,
            request_excerpt=CANARY,
            response_excerpt=CANARY,
            created_at=now(),
        )
        session.add(call)
        traps = _traps(session, company, bank.connection.id)
    other = next(id for id in kept if id != failed)
    return Things(
        company=company,
        invoice=invoice,
        draft=draft,
        payment=found[0].id,
        unmatched=found[1].id,
        quote=quote,
        webhook=webhook or other,
        failed_webhook=failed,
        event=told.id,
        delivery=delivery.id,
        dead=dead.id,
        call=call.id,
        **traps,
    )

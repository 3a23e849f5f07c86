"""What outgoing webhooks carry, told over the API, and what the ledger publishes."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from jsonschema import Draft202012Validator
from sqlalchemy import select

from hub.boot import Hub
from hub.core.emit import emit
from hub.core.ledger import companies, invoices, overdue, quotes
from hub.core.models import Connection, Event
from hub.sdk.clock import iso
from hub.sdk.event_schemas import TYPES, VERSION, payload_schema
from hub.sdk.facts import Match
from tests.api.client import Caller, caller, on_sqlite
from tests.parts.ledger import (
    add_company,
    add_invoice,
    at,
    chargeback,
    dispute,
    failed,
    lines,
    received,
    refund,
    tell,
)


@on_sqlite
@pytest.mark.parametrize("role", ["admin", "billing", "ingest"])
def test_every_role_reads_them(role: str, app: Flask, hub: Hub) -> None:
    reader = caller(app, hub, role)

    items = reader.get("/event-schemas").get_json()["items"]

    assert list(TYPES) == [item["type"] for item in items]
    for item in items:
        Draft202012Validator.check_schema(item["schema"])
        assert VERSION == item["version"]


@on_sqlite
def test_one_of_them(billing: Caller) -> None:
    found = billing.get("/event-schemas/payment.received")

    assert payload_schema("payment.received") == found.get_json()["schema"]
    assert 404 == billing.get("/event-schemas/payment.imagined").status_code


def test_what_the_ledger_publishes_is_as_the_schemas_say(
    hub: Hub, till: Connection
) -> None:
    with time_machine.travel(at(0), tick=False):
        _money(hub, till)
        _papers(hub)

    published = _published(hub)

    wrong = [
        f"{event.type}: {error.message}"
        for event in published
        for error in Draft202012Validator(
            payload_schema(event.type if event.type in TYPES else "custom.*")
        ).iter_errors(_payload(event))
    ]
    assert not wrong
    assert {
        *("payment.received", "payment.failed", "payment.refunded"),
        *("payment.disputed", "invoice.created", "invoice.updated", "invoice.sent"),
        *("invoice.paid", "invoice.overdue", "invoice.anomaly", "quote.accepted"),
        *("quote.declined", "company.changed", "alert.raised", "custom.backup"),
    } <= {event.type for event in published}


def _money(hub: Hub, till: Connection) -> None:
    for number, reference in enumerate(("P-1", "P-2"), start=1):
        add_invoice(hub)
        match = Match(invoice_number=f"INV-{number:06}")
        tell(hub, till, received(1, id=f"r{number}", reference=reference, match=match))
    tell(hub, till, refund(10), dispute(15), chargeback(20))
    tell(hub, till, failed(30, id="f2", reference="P-2"))


def _papers(hub: Hub) -> None:
    company = add_company(hub)
    today = at(0).date()
    late = add_invoice(
        hub,
        company=company,
        issue_date=today - timedelta(days=40),
        due_date=today - timedelta(days=10),
    )
    overdue.scan(hub)
    with hub.write() as session:
        companies.update(session, company.id, {"phone": "+493012345678"})
        invoices.mark_sent(session, late.id)
        invoices.void(session, late.id)
        for decide in (quotes.accept, quotes.decline):
            new = quotes.NewQuote(company_id=company.id, title="T", lines=lines("9.00"))
            decide(session, quotes.create(session, new).id, by="Ada")
        anomaly = {"invoice_id": late.id, "score": "0.9", "reason": "High."}
        emit(session, "invoice.anomaly", anomaly)
        emit(session, "alert.raised", {"title": "Disk", "company_id": company.id})
        emit(session, "custom.backup", {"anything": [1, None]})


def _published(hub: Hub) -> list[Event]:
    with hub.read() as session:
        return list(session.scalars(select(Event)))


def _payload(event: Event) -> dict[str, object]:
    return {
        "type": event.type,
        "id": str(event.id),
        "timestamp": iso(event.occurred_at),
        "version": VERSION,
        "subject": event.subject,
        "url": event.url,
        "data": event.data,
    }

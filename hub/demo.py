"""Demo data: an MSP with clients, invoices and connections to the simulators."""

import json
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import connections, record
from hub.core.ledger import companies, invoices, overdue, payments, quotes
from hub.core.models import Company, Connection, User
from hub.core.people import accounts
from hub.sdk import clock
from hub.sdk.facts import PaymentReceived
from hub.sdk.money import Money

EMAIL = "admin@example.com"
PASSWORD = "demo-password"  # noqa: S105 — of the demo, printed at its start

_COMPANIES: tuple[Mapping[str, Any], ...] = (
    {
        "name": "Smith & Sons Joinery",
        "currency": "EUR",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "email": "accounts@smith-sons.example",
        "sms_notifications_enabled": True,
    },
    {
        "name": "Northwind Legal",
        "currency": "GBP",
        "country": "GB",
        "time_zone": "Europe/London",
        "email": "ap@northwind.example",
        "sms_notifications_enabled": True,
    },
    {
        "name": "Harbour Dental",
        "currency": "EUR",
        "country": "NL",
        "time_zone": "Europe/Amsterdam",
        "email": "office@harbour-dental.example",
    },
    {
        "name": "Kōbe Logistics",
        "currency": "JPY",
        "country": "JP",
        "time_zone": "Asia/Tokyo",
        "email": "billing@kobe-logistics.example",
    },
)
# How each company's contact is reached, and what they agreed to. The numbers are of
# ranges that are kept free for stories.
_REACHED: tuple[tuple[str | None, tuple[str, ...]], ...] = (
    ("+4915228817386", ("sms", "email")),
    ("+447700900123", ("sms", "email")),
    (None, ("email",)),
    (None, ()),
)
# Company, days since the issue date, whether it is paid, and the lines.
_INVOICES: tuple[tuple[int, int, bool, tuple[tuple[str, str, str], ...]], ...] = (
    (0, 65, True, (("Managed workstations", "22", "38.00"),)),
    (0, 33, True, (("Managed workstations", "23", "38.00"),)),
    (0, 3, False, (("Managed workstations", "24", "38.00"), ("Backup", "2", "60.00"))),
    (1, 50, False, (("Managed IT support", "1", "640.00"),)),
    (1, 4, False, (("Managed IT support", "1", "640.00"), ("Laptop", "2", "899.00"))),
    (2, 2, False, (("Practice servers", "3", "145.00"), ("On-site hour", "4", "85"))),
    (3, 5, False, (("Monitoring", "40", "1300"),)),
)
_TAX = "20"


def seed(hub: Hub, simulators: str) -> None:
    """Make the demo's user, connections and ledger; only what isn't there yet.

    `simulators` is where they are served: it may be another port than last time.
    """
    settings = _simulated_settings(hub, simulators)
    with hub.write() as session:
        if session.scalar(select(User.id).where(User.email == EMAIL)) is None:
            accounts.create_user(
                session, EMAIL, "admin", name="Demo admin", password=PASSWORD
            )
        for plugin, values in settings.items():
            _connect(session, plugin, values)
        empty = session.scalar(select(Company.id).limit(1)) is None
    if empty:
        with hub.write() as session:
            _ledger(session)
            _payment_without_invoice(hub, session)
        overdue.scan(hub)


def _simulated_settings(hub: Hub, simulators: str) -> dict[str, dict[str, str]]:
    """Ask each simulator how a connection finds it."""
    found = {}
    for plugin in hub.plugins.all():
        if "simulator" in plugin.hooks:
            url = f"{simulators}/{plugin.name}/_sim/settings"
            with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 — ours
                found[plugin.name] = json.load(reply)["settings"]
    return found


def _connect(session: Session, plugin: str, values: dict[str, str]) -> None:
    slug = select(Connection.id).where(Connection.slug == plugin)
    if session.scalar(slug) is None:
        connections.add(session, plugin, settings=values)
    else:
        connections.set_settings(session, plugin, values)


def _ledger(session: Session) -> None:
    clients = [companies.create(session, values) for values in _COMPANIES]
    for client, (phone, agreed) in zip(clients, _REACHED, strict=True):
        values = {"name": "Accounts", "email": client.email, "phone": phone}
        contact = companies.add_contact(session, client.id, values)
        for channel in agreed:
            consent = {"channel": channel, "given": True, "how": "order form"}
            companies.set_consent(session, contact.id, consent, actor="demo")
    today = invoices.today(session)
    for number, age, paid, lines in _INVOICES:
        issued = today - timedelta(days=age)
        invoice = invoices.create(
            session,
            invoices.NewInvoice(
                company_id=clients[number].id,
                issue_date=issued,
                due_date=issued + timedelta(days=30),
                lines=[_line(*line) for line in lines],
            ),
        )
        if paid:
            money = Money(invoice.total_minor, invoice.currency)
            payments.record_payment(
                session,
                invoice.id,
                payments.NewPayment(amount=money, method="bank transfer"),
                actor="demo",
            )
    quotes.create(
        session,
        quotes.NewQuote(
            company_id=clients[2].id,
            title="Firewall renewal",
            lines=[_line("Firewall, three years", "1", "2400.00")],
            valid_until=today + timedelta(days=21),
        ),
    )


def _payment_without_invoice(hub: Hub, session: Session) -> None:
    """Money whose payer named no invoice: it waits for a person."""
    plugins = [
        each.name
        for each in hub.plugins.all()
        if each.provider and each.provider.category == "payment"
    ]
    connection = session.scalar(
        select(Connection).where(Connection.plugin.in_(plugins)).limit(1)
    )
    if connection is not None:
        fact = PaymentReceived(
            id="demo-without-invoice",
            as_of=clock.now() - timedelta(hours=3),
            reference="DEMO-7Q2",
            amount=Money(18_000, "EUR"),
            payer="Harbour Dental",
        )
        record.record(session, connection, fact)


def _line(description: str, quantity: str, unit_price: str) -> dict[str, str]:
    return {
        "description": description,
        "quantity": quantity,
        "unit_price": unit_price,
        "tax_rate": _TAX,
    }

"""Messages in words: what they say, of hostile names too, and that they always end."""

from typing import Any

import pytest
import time_machine

from hub.boot import Hub
from hub.core.ledger import companies
from hub.core.models import Company, Delivery, Event, Invoice, new_id
from hub.core.policy import rendering
from hub.sdk import clock
from hub.sdk.errors import InvalidError
from tests.core.policy.plugins import add_contact, cast, connected
from tests.parts.ledger import add_company, add_invoice, all_of

TODAY = clock.parse("2026-03-21T10:00:00Z")
INVOICE = {"due_date": "2026-03-14", "issue_date": "2026-02-12"}


@pytest.fixture(autouse=True)
def _on_that_day():
    with time_machine.travel(TODAY, tick=False):
        yield


class Desk:
    """One client with an invoice, a contact, and a connection of each reach."""

    def __init__(self, hub: Hub, name: str = "Smith & Co", contact: str = "Ana Lima"):
        cast(hub)
        self.hub = hub
        phone, mail = connected(hub, "phone", "mail")
        self.connections = {"phone": phone.id, "email": mail.id}
        self.company = add_company(hub, name)
        self.invoice = add_invoice(hub, "1200.00", self.company, **INVOICE)
        self.contact = add_contact(
            hub, self.company.id, name=contact, email="ana@example.com"
        )

    def delivery(self, reach: str, kind: str, **values: Any) -> Delivery:
        """A delivery of this kind, by hand, as it is claimed."""
        about: dict[str, Any] = {
            "id": new_id("dlv"),
            "connection_id": self.connections[reach],
            "hook": "send_message",
            "target": "+491710000000",
            "subject": f"invoice:{self.invoice.id}",
            "audience": "contact",
            "kind": kind,
            "company_id": self.company.id,
            "contact_id": self.contact,
            "created_at": clock.now(),
        }
        with self.hub.write() as session:
            row = Delivery(**{**about, **values})
            session.add(row)
        return row

    def render(
        self, delivery: Delivery, event: Event | None = None
    ) -> rendering.Message:
        with self.hub.write() as session:
            row = session.get_one(Delivery, delivery.id)
            return rendering.render(session, row, event)

    def told(self, reach: str, kind: str, **values: Any) -> rendering.Message:
        return self.render(self.delivery(reach, kind, **values))

    def event(self, type: str, **data: Any) -> Event:
        return Event(
            id=7,
            type=type,
            subject=f"invoice:{self.invoice.id}",
            key="x",
            data=data,
            url="https://hub.example/invoices/inv_1",
            occurred_at=TODAY,
            created_at=TODAY,
        )


def test_a_reminder_by_mail_says_what_is_due_and_where_to_pay(hub: Hub) -> None:
    said = Desk(hub).told("email", "invoice.overdue")

    number = all_of(hub, Invoice)[0].number
    assert f"Reminder: invoice {number} was due on 14 March 2026" == said["subject"]
    assert said["text"].startswith("Hello Ana Lima,\n\nwe have not yet received")
    assert "It was due on 14 March 2026, 7 days ago." in said["text"]
    assert "To be paid: 1,200.00 EUR" in said["text"]
    assert said["link"].startswith(hub.url("/pay/")) and said["link"] in said["text"]
    assert f"See and pay invoice {number}" == said["label"]
    assert said["unsubscribe_url"].startswith(hub.url("/unsubscribe/"))


def test_the_first_text_to_a_number_says_how_to_opt_out(hub: Hub) -> None:
    desk = Desk(hub)

    first = desk.delivery("phone", "invoice.overdue")
    assert desk.render(first)["text"].endswith("\nReply STOP to opt out")
    with hub.write() as session:
        session.get_one(Delivery, first.id).sent_at = clock.now()

    assert "STOP" not in desk.told("phone", "invoice.overdue")["text"]
    other = desk.told("phone", "invoice.overdue", target="+491710000001")
    assert other["text"].endswith("\nReply STOP to opt out")


def test_what_is_written_already_stays_as_it_is(hub: Hub) -> None:
    """A retry says the same."""
    kept = {"text": "as before", "subject": ""}
    desk = Desk(hub)

    assert kept == desk.told("phone", "invoice.overdue", message=kept)


def test_a_receipt_says_what_was_paid_not_what_the_invoice_was(hub: Hub) -> None:
    desk = Desk(hub)
    event = desk.event(
        "payment.received",
        amount="500.00",
        currency="EUR",
        invoice_id=desk.invoice.id,
        method="card",
    )
    event.subject = "payment:pay_1"

    said = desk.render(desk.delivery("email", "payment.received"), event)

    assert (
        f"We received 500.00 EUR for invoice {desk.invoice.number}" == said["subject"]
    )
    assert "On 21 March 2026 we received 500.00 EUR" in said["text"]
    assert "Still to be paid: 1,200.00 EUR" in said["text"]


def test_a_statement_lists_what_is_open(hub: Hub) -> None:
    desk = Desk(hub)
    add_invoice(hub, "30.00", desk.company, due_date="2026-04-02")
    company = f"company:{desk.company.id}"

    said = desk.told("email", "statement", subject=company)

    assert (
        f"{desk.invoice.number}, due 14 March 2026: 1,200.00 EUR\n"
        "INV-000002, due 2 April 2026: 30.00 EUR\n\n"
        "To be paid in all: 1,230.00 EUR\nOf that overdue: 1,200.00 EUR\n"
    ) in said["text"]
    assert "See what is open" == said["label"]


def test_a_long_statement_is_cut_where_it_says_so(hub: Hub) -> None:
    desk = Desk(hub)
    with hub.write() as session:
        session.add_all(
            Invoice(
                number=f"X-{n:03}",
                company_id=desk.company.id,
                currency="EUR",
                issue_date=desk.invoice.issue_date,
                due_date=desk.invoice.due_date,
                state="open",
                open_minor=100,
            )
            for n in range(70)
        )

    text = desk.told("email", "statement")["text"]

    assert "and 12 more\n\nTo be paid in all: 1,270.00 EUR" in text
    assert 20_000 > len(text)


def test_an_old_link_lasts_on_when_it_is_sent(hub: Hub) -> None:
    desk = Desk(hub)
    first = desk.told("email", "invoice.overdue")["link"]

    with time_machine.travel("2026-06-15T10:00:00Z", tick=False):
        assert first == desk.told("email", "invoice.overdue")["link"]
    with time_machine.travel("2026-07-01T10:00:00Z", tick=False):
        assert first == desk.told("email", "invoice.overdue")["link"]


def test_an_invoice_of_another_client_is_never_told(hub: Hub) -> None:
    desk = Desk(hub)
    other = add_invoice(hub, "55.00")

    said = desk.told("email", "invoice.overdue", subject=f"invoice:{other.id}")

    assert other.number not in str(said)
    assert "55.00" not in str(said)


def test_staff_read_what_notifications_say(hub: Hub) -> None:
    desk = Desk(hub)
    event = desk.event(
        "invoice.overdue",
        number="INV-1",
        days_overdue=7,
        open_amount="1200.00",
        currency="EUR",
        company={"id": "com_1", "name": "Smith\r\nBcc: all@example.com"},
    )
    phone = desk.delivery("phone", "invoice.overdue", audience="staff")
    mail = desk.delivery("email", "invoice.overdue", audience="staff")

    assert (
        "Your IT provider: Invoice INV-1 is 7 days overdue. Smith Bcc: all@example.com"
        " owes 1,200.00 EUR. https://hub.example/invoices/inv_1"
    ) == desk.render(phone, event)["text"]
    said = desk.render(mail, event)
    assert "Invoice INV-1 is 7 days overdue" == said["subject"]
    assert event.url == said["link"]
    assert "" == said["unsubscribe_url"]


def test_staff_read_of_kinds_that_have_no_words(hub: Hub) -> None:
    desk = Desk(hub)
    event = desk.event("custom.backup", number="7", company={"name": "Smith"})
    mail = desk.delivery("email", "custom.backup", audience="staff")

    assert "custom.backup: 7: Smith" == desk.render(mail, event)["subject"]


def test_a_message_for_no_client_is_refused(hub: Hub) -> None:
    with pytest.raises(InvalidError, match="which client"):
        Desk(hub).told("email", "invoice.overdue", company_id=None)


def test_a_removed_contact_is_greeted_without_a_name(hub: Hub) -> None:
    desk = Desk(hub)
    with hub.write() as session:
        companies.remove_contact(session, desk.contact)

    assert desk.told("email", "invoice.sent")["text"].startswith("Hello,\n\nhere is")


def test_a_name_is_no_template(hub: Hub) -> None:
    desk = Desk(hub, "{{ 7*7 }}{% for x in y %}")

    assert "{{ 7*7 }}{% for x in y %}" in desk.told("email", "invoice.sent")["text"]
    assert 1 == len(all_of(hub, Company))


def test_kinds_without_a_text_are_refused_in_words(hub: Hub) -> None:
    """The screen shows the error; a client must never get an empty message."""
    with pytest.raises(InvalidError, match="no words for alert"):
        Desk(hub).told("phone", "alert.raised")

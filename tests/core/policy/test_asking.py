"""Reminders, statements and free messages that a person asks for."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import update

from hub.boot import Hub
from hub.core import messages
from hub.core.ledger import companies
from hub.core.models import Company, Delivery, Invoice
from hub.core.policy import asking
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from hub.sdk.events import Message
from tests.core.policy.plugins import add_contact, cast, connected
from tests.parts.ledger import add_company, add_invoice, all_of

ME, NUMBER, MAIL = "user:usr_1", "+4930123456", "kim@example.com"


@pytest.fixture
def client(hub: Hub) -> Company:
    """Who agreed to texts and e-mail."""
    cast(hub)
    connected(hub, "phone", "mail", "chat")
    company = add_company(hub, "Acme")
    with hub.write() as session:
        values = {"sms_notifications_enabled": True, "country": "DE"}
        companies.update(session, company.id, values)
    add_contact(hub, company.id, "sms", "email", phone=NUMBER, email=MAIL)
    return company


@pytest.fixture
def invoice(hub: Hub, client: Company) -> Invoice:
    return add_invoice(hub, company=client)


def remind(hub: Hub, id: str, key: str = "") -> list[Delivery]:
    with hub.write() as session:
        return list(asking.remind(session, id, ME, key=key))


def statement(hub: Hub, id: str, key: str = "") -> list[Delivery]:
    with hub.write() as session:
        return list(asking.statement(session, id, ME, key=key))


def send(
    hub: Hub, slug: str, to: str | None, company_id: str | None = None
) -> Delivery:
    with hub.write() as session:
        message = Message(text="Hello", to=to)
        return messages.send(session, slug, message, ME, company_id=company_id)


def test_a_reminder_goes_every_way_they_agreed_to(hub: Hub, invoice: Invoice) -> None:
    made = remind(hub, invoice.id)

    assert {NUMBER, MAIL} == {each.target for each in made}
    for each in made:
        about = (each.state, each.audience, each.kind, each.subject, each.event_id)
        kind, subject = "invoice.overdue", f"invoice:{invoice.id}"
        assert ("pending", "contact", kind, subject, None) == about
        assert invoice.company_id == each.company_id
        assert each.contact_id is not None


def test_pressed_twice_is_asked_once(hub: Hub, invoice: Invoice) -> None:
    """Also over the change of a minute, and by two webhooks of one button."""
    with time_machine.travel(datetime(2026, 6, 1, 9, 0, 58, tzinfo=UTC)) as traveller:
        first = remind(hub, invoice.id)
        traveller.shift(timedelta(seconds=4))
        again = remind(hub, invoice.id)
        traveller.shift(timedelta(seconds=60))
        later = remind(hub, invoice.id)
        button = [remind(hub, invoice.id, "button 1") for _ in range(2)]
        other = remind(hub, invoice.id, "button 2")

    ids = [[each.id for each in made] for made in (first, again, later, other)]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])
    assert [each.id for each in button[0]] == [each.id for each in button[1]]
    assert not {each.id for each in button[0]} & set(ids[3])
    by_hand = [each for each in all_of(hub, Delivery) if each.event_id is None]
    assert 8 == len(by_hand)


def test_where_nothing_can_be_sent_it_says_why(hub: Hub) -> None:
    cast(hub)
    connected(hub, "phone", "mail")
    made = remind(hub, add_invoice(hub).id)

    assert {"skipped"} == {each.state for each in made}
    assert {"policy", "no consent"} == {each.reason for each in made}
    assert all(each.explanation.startswith("Not sent: ") for each in made)


@pytest.mark.parametrize("state", ["paid", "void", "draft"])
def test_nobody_is_reminded_of_what_is_not_owed(
    hub: Hub, invoice: Invoice, state: str
) -> None:
    with hub.write() as session:
        session.execute(update(Invoice).values(state=state))

    with pytest.raises(ConflictError):
        remind(hub, invoice.id)
    with pytest.raises(ConflictError):
        statement(hub, invoice.company_id)


def test_what_is_not_there_is_not_found(hub: Hub, client: Company) -> None:
    with pytest.raises(NotFoundError):
        remind(hub, "inv_none")
    with pytest.raises(NotFoundError):
        statement(hub, "com_none")


def test_without_a_connection_it_says_what_to_do(hub: Hub) -> None:
    with pytest.raises(ConflictError, match="add a connection"):
        remind(hub, add_invoice(hub).id)


def test_a_statement_goes_by_mail_alone(hub: Hub, invoice: Invoice) -> None:
    (made,) = statement(hub, invoice.company_id)
    (again,) = statement(hub, invoice.company_id)

    assert (MAIL, "statement") == (made.target, made.kind)
    assert made.id == again.id


@pytest.mark.parametrize(
    ("slug", "to", "company", "kept"),
    [
        ("phone", "+49 (30) 123-456", False, NUMBER),
        ("phone", "030 123456", True, NUMBER),
        ("phone", "+44 20 7946 0000", True, "+442079460000"),
        ("mail", " kim@example.com ", False, MAIL),
        ("chat", "#ops", False, "#ops"),
        ("chat", None, False, ""),
    ],
)
def test_an_address_is_kept_in_its_one_form(
    hub: Hub, client: Company, slug: str, to: str | None, company: bool, kept: str
) -> None:
    assert kept == send(hub, slug, to, client.id if company else None).target


@pytest.mark.parametrize(
    ("slug", "to"),
    [
        *(("phone", each) for each in ("", None, "030 123456", "kim", "+1", MAIL)),
        *(("mail", each) for each in ("", None, "kim", "a b@c", NUMBER, "x@")),
    ],
)
def test_a_wrong_address_is_refused_with_how_to_write_it(
    hub: Hub, client: Company, slug: str, to: str | None
) -> None:
    with pytest.raises(InvalidError) as refused:
        send(hub, slug, to)

    assert ["to"] == list(refused.value.fields)


def test_a_contacts_number_is_the_contacts_and_a_strangers_nobodys(
    hub: Hub, client: Company
) -> None:
    theirs, mail = send(hub, "phone", NUMBER), send(hub, "mail", "KIM@example.com")
    strange = send(hub, "phone", "+4930999999")

    for each in (theirs, mail):
        assert ("contact", client.id) == (each.audience, each.company_id)
        assert each.contact_id is not None
    assert ("channel", None) == (strange.audience, strange.company_id)

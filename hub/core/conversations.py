"""What is said about messages and in reply to them, noted in the hub.

After record: a fact of this kind moves no money, so nothing is folded. Hearing one
again changes nothing, and neither does the order in which they come (ROAD 2, 3).
"""

from decimal import Decimal, InvalidOperation
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core import audit
from hub.core.ledger.settling import Booked
from hub.core.models import (
    Company,
    Connection,
    Contact,
    Delivery,
    FactRow,
    Invoice,
    SentMessage,
    new_id,
)
from hub.core.notify import notify_staff
from hub.core.policy import asking, blocks
from hub.core.rows import insert_new
from hub.jobs import ring_after
from hub.sdk.clock import now
from hub.sdk.errors import UserError
from hub.sdk.fact_data import from_data
from hub.sdk.facts import (
    ActionTaken,
    ConsentSaid,
    ConversationFact,
    MessageReceived,
    MessageStatus,
)

# In this order, whatever the order of arrival: a later word never takes back an
# earlier one of higher rank. What arrived has arrived.
STATES: Final = (
    *("accepted", "queued", "sending", "sent"),
    *("canceled", "failed", "undelivered", "delivered"),
)
_LOST: Final = ("failed", "undelivered")
_UNCHANGED: Final = Booked("unchanged")
_LONGEST: Final = 1000
_DIGITS: Final = 6


def hear(
    session: Session, connection: Connection, fact: ConversationFact, row: FactRow
) -> Booked:
    """Note one fact in its own transaction's ledger; says what became of it."""
    match fact:
        case MessageStatus():
            return _status(session, connection, fact)
        case ConsentSaid():
            return _consent(session, connection, row)
        case MessageReceived():
            return _received(session, connection, fact)
        case ActionTaken():
            return _action(session, connection, fact)
    return _UNCHANGED


def settle_doubt(session: Session, delivery: Delivery, reference: str) -> bool:
    """The provider speaks of a message that was in doubt: it was made."""
    if delivery.state != "in_doubt":
        return False
    delivery.state, delivery.reason = "delivered", ""
    delivery.provider_reference, delivery.finished_at = reference, now()
    ring_after(session, "deliver")  # what stood behind it
    return True


def _status(session: Session, connection: Connection, fact: MessageStatus) -> Booked:
    message = _message(session, connection, fact)
    delivery = _delivery(session, connection, fact, message)
    was = message.state
    _update(message, fact)
    if delivery is not None:
        message.delivery_id = delivery.id
        settle_doubt(session, delivery, fact.reference)
    if message.state in _LOST and was not in _LOST:
        _tell_lost(session, message, delivery)
    subject = f"delivery:{delivery.id}" if delivery else None
    return Booked("recorded", subject)


def _message(
    session: Session, connection: Connection, fact: MessageStatus
) -> SentMessage:
    """The row of this message, locked; a callback may come before our own answer."""
    new = {
        "id": new_id("msg"),
        "connection_id": connection.id,
        "reference": fact.reference,
        "address": fact.address,
        "state": STATES[0],
        "error_code": "",
        "error": "",
        "currency": "",
        "updated_at": now(),
    }
    unique = ("connection_id", "reference")
    insert_new(session, SentMessage, [new], unique=unique)
    return session.scalars(
        select(SentMessage)
        .where(
            SentMessage.connection_id == connection.id,
            SentMessage.reference == fact.reference,
        )
        .with_for_update()
    ).one()


def _delivery(
    session: Session,
    connection: Connection,
    fact: MessageStatus,
    message: SentMessage,
) -> Delivery | None:
    """The delivery it is about: by our own id, which the provider gave back, else by
    the provider's. Another connection's is none of its business."""
    ours = Delivery.connection_id == connection.id
    named = fact.delivery or message.delivery_id
    which = (
        Delivery.id == named if named else Delivery.provider_reference == fact.reference
    )
    return session.scalars(
        select(Delivery).where(ours, which).limit(1).with_for_update()
    ).first()


def _update(message: SentMessage, fact: MessageStatus) -> None:
    if STATES.index(fact.state) >= STATES.index(message.state):
        message.state = fact.state
        message.error_code = fact.error_code or message.error_code
        message.error = fact.error or message.error
    if message.state not in _LOST:
        message.error_code = message.error = ""
    message.address = message.address or fact.address
    message.segments = _count(fact.segments) or message.segments
    if fact.price:
        message.price, message.currency = _price(fact.price), fact.currency
    message.updated_at = now()


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < _DIGITS else None


def _price(text: str) -> Decimal | None:
    try:
        price = Decimal(text)
    except InvalidOperation:
        return None
    return abs(price) if price.is_finite() else None


def _tell_lost(
    session: Session, message: SentMessage, delivery: Delivery | None
) -> None:
    company = _company(session, delivery.company_id if delivery else None)
    whom = company.name if company else message.address or "a client"
    notify_staff(
        session,
        "message.undelivered",
        {"message_id": message.id, "state": message.state},
        title=f"A message to {whom} did not arrive",
        body=message.error or "The provider gave no reason.",
        url=hub_of(session).url(f"/deliveries/{delivery.id}" if delivery else "/"),
        key=f"message.undelivered:{message.id}",
    )


def _consent(session: Session, connection: Connection, row: FactRow) -> Booked:
    """The newest word of all that came from this address to this sender counts."""
    rows = session.scalars(select(FactRow).where(FactRow.movement == row.movement))
    said = [from_data(each.kind, each.data) for each in rows]
    words = [each for each in said if isinstance(each, ConsentSaid)]
    last = max(words, key=lambda word: (word.as_of, word.says == "stop", word.id))
    known = blocks.current(session, connection.id, last.sender, last.address)
    if last.says == "stop":
        blocks.block(
            session,
            connection_id=connection.id,
            sender=last.sender,
            address=last.address,
            kind="opt_out",
            how=last.how or "STOP",
            at=last.as_of,
        )
    elif known is not None and known.since <= last.as_of:
        # A refusal since then (its STOP never came here) is the newer word.
        blocks.lift(session, known, actor=audit.HUB)
    contact = _contact(session, last.address)
    return Booked("recorded", f"company:{contact.company_id}" if contact else None)


def _received(
    session: Session, connection: Connection, fact: MessageReceived
) -> Booked:
    contact = _contact(session, fact.address)
    company = _company(session, contact.company_id if contact else None)
    whom = f"{contact.name} of {company.name}" if contact and company else ""
    page = f"/companies/{company.id}" if company else f"/connections/{connection.slug}"
    notify_staff(
        session,
        "message.received",
        {
            "connection": connection.slug,
            "address": fact.address,
            "contact_id": contact.id if contact else None,
            "company_id": company.id if company else None,
        },
        title=f"Message from {whom or fact.address}",
        body=fact.text[:_LONGEST],
        url=hub_of(session).url(page if company else f"/settings{page}"),
        key=f"message.received:{connection.id}:{fact.id}",
    )
    return Booked("recorded", f"company:{company.id}" if company else None)


def _action(session: Session, connection: Connection, fact: ActionTaken) -> Booked:
    kind, _, id = fact.subject.partition(":")
    invoice = session.get(Invoice, id) if kind == "invoice" else None
    if invoice is None:
        return _UNCHANGED
    actor = fact.by[:_LONGEST]
    if fact.action == "remind":
        _remind(session, connection, fact, invoice, actor)
    else:
        _acknowledged(session, connection, fact, invoice)
        audit.record(session, actor, "invoice.acknowledged", fact.subject)
    return Booked("recorded", fact.subject)


def _remind(
    session: Session,
    connection: Connection,
    fact: ActionTaken,
    invoice: Invoice,
    actor: str,
) -> None:
    key = f"{connection.id}:{fact.id}"
    try:
        asking.remind(session, invoice.id, actor, key=key)
    except UserError as error:
        notify_staff(
            session,
            "reminder.refused",
            {"invoice_id": invoice.id, "number": invoice.number},
            title=f"No reminder of invoice {invoice.number} was sent",
            body=str(error),
            url=hub_of(session).url(f"/invoices/{invoice.id}"),
            key=f"reminder.refused:{key}",
        )


def _acknowledged(
    session: Session, connection: Connection, fact: ActionTaken, invoice: Invoice
) -> None:
    notify_staff(
        session,
        "invoice.acknowledged",
        {"invoice_id": invoice.id, "number": invoice.number},
        title=f"Somebody looks after invoice {invoice.number}",
        body=f"{fact.by} said so in {connection.slug}.",
        url=hub_of(session).url(f"/invoices/{invoice.id}"),
        key=f"invoice.acknowledged:{connection.id}:{fact.id}",
    )


def _contact(session: Session, address: str) -> Contact | None:
    """Who writes from there: the newest contact with this number or address."""
    given = or_(Contact.phone == address, func.lower(Contact.email) == address.lower())
    return session.scalars(
        select(Contact).where(given).order_by(Contact.id.desc()).limit(1)
    ).first()


def _company(session: Session, company_id: str | None) -> Company | None:
    return session.get(Company, company_id) if company_id else None

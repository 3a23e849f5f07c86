"""What a person asks to be sent to a client: a reminder, a statement, a free text.

The same rows as an event's, and the same screen at the claim: whoever presses the
button can't text a client who said STOP, or at night, or twice a day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from email.errors import MessageError
from email.headerregistry import Address
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.core import audit
from hub.core.models import Company, Contact, Delivery, Invoice, same_id
from hub.core.policy import plan, recipients
from hub.core.policy.recipients import Client
from hub.core.rows import insert_new
from hub.jobs import ring_after
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from hub.sdk.phones import HINT, e164

REMINDER, STATEMENT = "invoice.overdue", "statement"
_UNPAID = ("open", "partially_paid")
_EMAIL = "Write an e-mail address, as kim@example.com."
_WINDOW = timedelta(minutes=1)


@dataclass(frozen=True)
class _Asked:
    """What is asked for; `key` makes it one however often it is asked."""

    kind: str
    subject: str
    key: str
    reaches: tuple[str, ...]


def remind(
    session: Session, invoice_id: str, actor: str, *, key: str = ""
) -> Sequence[Delivery]:
    """Remind a client of an unpaid invoice, by every way they agreed to; returns what
    was decided, also where nothing is sent. Asked again with the same `key`, or
    without one in the same minute, it is the same reminder."""
    invoice = session.get(Invoice, invoice_id)
    if invoice is None:
        raise NotFoundError(f"There is no invoice {invoice_id}.")
    if invoice.state not in _UNPAID:
        raise ConflictError(f"Invoice {invoice.number} is not open: nothing is owed.")
    subject = f"invoice:{invoice.id}"
    asked = _Asked(REMINDER, subject, key, ("phone", "email"))
    made = _send(session, invoice.company_id, asked)
    audit.record(session, actor, "reminder.asked", subject, deliveries=len(made))
    return made


def statement(
    session: Session, company_id: str, actor: str, *, key: str = ""
) -> Sequence[Delivery]:
    """Send a client the list of what is open, by e-mail; as `remind` otherwise."""
    company = session.get(Company, company_id)
    if company is None:
        raise NotFoundError(f"There is no company {company_id}.")
    unpaid = select(Invoice.id).where(
        Invoice.company_id == company_id, Invoice.state.in_(_UNPAID)
    )
    if session.scalar(unpaid.limit(1)) is None:
        raise ConflictError(f"{company.name} has no open invoice.")
    subject = f"company:{company.id}"
    asked = _Asked(STATEMENT, subject, key, ("email",))
    made = _send(session, company.id, asked)
    audit.record(session, actor, "statement.asked", subject, deliveries=len(made))
    return made


def address(reach: str, to: str | None, country: str | None = None) -> str:
    """Check whom a free message is for; returns the address in its one form. A number
    may be written as in its `country`, where that is known."""
    if not to or not to.strip():
        thing = "phone number" if reach == "phone" else "e-mail address"
        raise InvalidError(f"Say to which {thing} it goes.", {"to": ["Missing."]})
    try:
        if reach == "phone":
            return e164(to, country)
        return Address(addr_spec=to.strip()).addr_spec
    except (ValueError, IndexError, MessageError):
        said = HINT if reach == "phone" else _EMAIL
        raise InvalidError(said, {"to": [said]}) from None


def addressee(session: Session, reach: str, to: str) -> Contact | None:
    """The contact a free message to this address is for: the policy holds for them."""
    column: Any = Contact.phone if reach == "phone" else func.lower(Contact.email)
    wanted = to if reach == "phone" else to.lower()
    found = session.scalars(select(Contact).where(column == wanted)).all()
    channel = "sms" if reach == "phone" else "email"
    clients = recipients.clients(session, {each.company_id for each in found})
    agreed = {
        contact.id
        for client in clients.values()
        for contact in client.contacts
        if channel in contact.agreed
    }
    first = sorted(found, key=lambda each: (each.id not in agreed, each.id))
    return next(iter(first), None)


def _send(session: Session, company_id: str, asked: _Asked) -> Sequence[Delivery]:
    listeners = [
        each
        for each in plan.listeners(session)
        if each.provider.reach in asked.reaches and plan.SEND in each.hooks
    ]
    if not listeners:
        raise ConflictError(
            "Nothing can be sent to clients yet: add a connection that sends texts or"
            " e-mail under Settings."
        )
    client = recipients.clients(session, [company_id])[company_id]
    if not asked.key:
        known = _just_asked(session, asked)
        if known:
            return known
        asked = replace(asked, key=f"{now():%Y-%m-%dT%H:%M}")
    rows = [row for each in listeners for row in _rows(client, each, asked)]
    insert_new(session, Delivery, rows, unique=("id",))
    ring_after(session, "deliver")
    ids = [row["id"] for row in rows]
    found = select(Delivery).where(Delivery.id.in_(ids)).order_by(Delivery.id)
    return session.scalars(found).all()


def _rows(
    client: Client, listener: plan.Listener, asked: _Asked
) -> Iterator[dict[str, Any]]:
    reached, reason, why = plan.reached_of(client, listener.provider.reach)
    moment = now()
    base = {
        "connection_id": listener.connection_id,
        "hook": plan.SEND,
        "target": "",
        "subject": asked.subject,
        "audience": "contact",
        "kind": asked.kind,
        "company_id": client.id,
        "contact_id": None,
        "created_at": moment,
        "state": "pending",
        "reason": "",
        "explanation": "",
        "next_attempt_at": moment,
        "finished_at": None,
    }
    for contact_id, to in reached:
        id = _id(asked, listener.connection_id, to)
        yield base | {"id": id, "target": to, "contact_id": contact_id}
    if not reached:
        over = {"state": "skipped", "next_attempt_at": None, "finished_at": moment}
        id = _id(asked, listener.connection_id, "")
        yield base | over | {"id": id, "reason": reason, "explanation": why}


def _id(asked: _Asked, connection_id: str, to: str) -> str:
    """The same for the same: its unique key is what makes asking twice harmless."""
    parts = (asked.kind, asked.subject, asked.key, connection_id, to)
    return same_id("dlv", *parts)


def _just_asked(session: Session, asked: _Asked) -> Sequence[Delivery]:
    """What was asked by hand within the minute, if anything."""
    return session.scalars(
        select(Delivery)
        .where(
            Delivery.subject == asked.subject,
            Delivery.kind == asked.kind,
            Delivery.event_id.is_(None),
            Delivery.replay_of.is_(None),
            Delivery.created_at > now() - _WINDOW,
        )
        .order_by(Delivery.id)
    ).all()

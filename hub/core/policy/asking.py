"""What a person asks to be sent to a client: a reminder, a statement, a free text.

The same rows as an event's, and the same screen at the claim: whoever presses the
button can't text a client who said STOP, or at night, or twice a day.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import phonenumbers
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.core import audit
from hub.core.ledger import checks, companies, invoices
from hub.core.models import Contact, Delivery, Invoice
from hub.core.policy import plan, recipients
from hub.core.policy.recipients import Client
from hub.core.rows import insert_new
from hub.jobs import ring_after
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError

REMINDER, STATEMENT = "invoice.overdue", "statement"
_UNPAID = ("open", "partially_paid")
_PHONE = "Write the number with its country code, as +49 30 123456."


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
    invoice = invoices.get(session, invoice_id)
    if invoice.state not in _UNPAID:
        raise ConflictError(f"Invoice {invoice.number} is not open: nothing is owed.")
    subject = f"invoice:{invoice.id}"
    asked = _Asked(REMINDER, subject, key or _minute(), ("phone", "email"))
    made = _send(session, invoice.company_id, asked)
    audit.record(session, actor, "reminder.asked", subject, deliveries=len(made))
    return made


def statement(
    session: Session, company_id: str, actor: str, *, key: str = ""
) -> Sequence[Delivery]:
    """Send a client the list of what is open, by e-mail; as `remind` otherwise."""
    company = companies.get(session, company_id)
    unpaid = select(Invoice.id).where(
        Invoice.company_id == company_id, Invoice.state.in_(_UNPAID)
    )
    if session.scalar(unpaid.limit(1)) is None:
        raise ConflictError(f"{company.name} has no open invoice.")
    subject = f"company:{company.id}"
    asked = _Asked(STATEMENT, subject, key or _minute(), ("email",))
    made = _send(session, company.id, asked)
    audit.record(session, actor, "statement.asked", subject, deliveries=len(made))
    return made


def address(reach: str, to: str | None) -> str:
    """Check whom a free message is for; returns the address in its one form."""
    if not to or not to.strip():
        thing = "phone number" if reach == "phone" else "e-mail address"
        raise InvalidError(f"Say to which {thing} it goes.", {"to": ["Missing."]})
    if reach == "phone":
        return _number(to)
    try:
        return str(checks.email(to.strip()))
    except ValueError as error:
        raise InvalidError(str(error), {"to": [str(error)]}) from error


def addressee(session: Session, reach: str, to: str) -> Contact | None:
    """The contact a free message to this address is for: the policy holds for them."""
    column: Any = Contact.phone if reach == "phone" else func.lower(Contact.email)
    wanted = to if reach == "phone" else to.lower()
    found = session.scalars(select(Contact).where(column == wanted)).all()
    channel = "sms" if reach == "phone" else "email"
    agreed = [
        each for each in found if companies.has_consent(session, each.id, channel)
    ]
    return next(iter([*agreed, *found]), None)


def _number(to: str) -> str:
    try:
        number = phonenumbers.parse(to, None)
    except phonenumbers.NumberParseException:
        raise InvalidError(_PHONE, {"to": [_PHONE]}) from None
    if not phonenumbers.is_possible_number(number):
        raise InvalidError(_PHONE, {"to": [_PHONE]})
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


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
    return "dlv_" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:26]


def _minute() -> str:
    return f"{now():%Y-%m-%dT%H:%M}"

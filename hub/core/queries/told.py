"""Who was told what, and what became of it: for pages beside events and clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, selectinload

from hub.core.models import (
    AddressBlock,
    Contact,
    Delivery,
    Digest,
    Payment,
    SentMessage,
    User,
)

NEWEST = 10
_BLOCKS = 20


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """What is known of some deliveries beside their rows, by the delivery's id.

    `digests` and `people` (names of contacts and staff) go by their own ids.
    """

    messages: Mapping[str, SentMessage]
    digests: Mapping[str, Digest]
    people: Mapping[str, str]


def outcomes(session: Session, deliveries: Sequence[Delivery]) -> Outcomes:
    """What providers said of these messages, the digests that took them, names."""
    ids = [row.id for row in deliveries]
    messages = session.scalars(
        select(SentMessage)
        .where(SentMessage.delivery_id.in_(ids))
        .order_by(SentMessage.updated_at)
    )
    taken = {row.digest_id for row in deliveries if row.digest_id}
    digests = session.scalars(select(Digest).where(Digest.id.in_(taken)))
    return Outcomes(
        messages={row.delivery_id or "": row for row in messages},
        digests={row.id: row for row in digests},
        people=_people(session, deliveries),
    )


def to_client(
    session: Session, company_id: str, *, limit: int = NEWEST
) -> Sequence[Delivery]:
    """What a client's contacts were sent, or not; the newest first."""
    wanted = _to_contacts(company_id).limit(limit)
    return session.scalars(wanted).all()


def about_invoice(
    session: Session, company_id: str, invoice_id: str, *, limit: int = NEWEST
) -> Sequence[Delivery]:
    """What the client was sent about one invoice and its payments, or not."""
    paid = select("payment:" + Payment.id).where(Payment.invoice_id == invoice_id)
    about = or_(Delivery.subject == f"invoice:{invoice_id}", Delivery.subject.in_(paid))
    wanted = _to_contacts(company_id).where(about).limit(limit)
    return session.scalars(wanted).all()


def in_digest(session: Session, delivery_id: str) -> Sequence[Delivery]:
    """The deliveries that this digest's delivery tells in their place."""
    wanted = (
        select(Delivery)
        .options(selectinload(Delivery.event))
        .join(Digest, Digest.id == Delivery.digest_id)
        .where(Digest.delivery_id == delivery_id, Delivery.id != delivery_id)
        .order_by(Delivery.position, Delivery.id)
        .limit(100)
    )
    return session.scalars(wanted).all()


def blocks(session: Session, contact: Contact) -> Sequence[AddressBlock]:
    """What was said about a contact's number and address: those in force first."""
    known = [each for each in (contact.phone, contact.email) if each]
    folded = {*known, *(each.lower() for each in known)}
    return session.scalars(
        select(AddressBlock)
        .where(AddressBlock.address.in_(folded))
        .order_by(AddressBlock.ended_at.isnot(None), AddressBlock.since.desc())
        .limit(_BLOCKS)
    ).all()


def _to_contacts(company_id: str) -> Select[Any]:
    return (
        select(Delivery)
        .options(selectinload(Delivery.event))
        .where(Delivery.company_id == company_id, Delivery.audience == "contact")
        .order_by(Delivery.created_at.desc(), Delivery.id.desc())
    )


def _people(session: Session, deliveries: Sequence[Delivery]) -> dict[str, str]:
    contacts = {row.contact_id for row in deliveries if row.contact_id}
    users = {row.user_id for row in deliveries if row.user_id}
    found = {
        id: name
        for id, name in session.execute(
            select(Contact.id, Contact.name).where(Contact.id.in_(contacts))
        )
    }
    staff = session.execute(
        select(User.id, User.name, User.email).where(User.id.in_(users))
    )
    return found | {id: name or email for id, name, email in staff}

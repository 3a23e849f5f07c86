"""What the holder of a link sees: what the link is for, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from hub.core.models import (
    Allocation,
    Charge,
    Company,
    CreditNote,
    Invoice,
    Mandate,
    MandateRequest,
    Payment,
    PortalLink,
    Quote,
)
from hub.sdk.errors import NotFoundError

_OPEN = ("open", "partially_paid")
_MOST = 200


@dataclass(frozen=True, kw_only=True)
class Money:
    """What came in for an invoice, oldest first."""

    payments: Sequence[Payment]
    credits: Sequence[tuple[Allocation, CreditNote]]


def kind_of(link: PortalLink) -> str:
    """What a link is for: invoice, quote, company."""
    return link.subject.partition(":")[0]


def id_of(link: PortalLink) -> str:
    """The id of what a link is for."""
    return link.subject.partition(":")[2]


def invoice(session: Session, link: PortalLink, id: str = "") -> Invoice:
    """The link's invoice, or the one of its company with this id."""
    if kind_of(link) == "invoice":
        id = id or id_of(link)
    found = session.get(Invoice, id)
    if found is None or found.state == "draft" or not _covers(link, found):
        raise NotFoundError("This link opens no such invoice.")
    return found


def quote(session: Session, link: PortalLink) -> Quote:
    """The link's quote."""
    found = session.get(Quote, id_of(link)) if kind_of(link) == "quote" else None
    if found is None:
        raise NotFoundError("This link opens no quote.")
    return found


def company(session: Session, link: PortalLink) -> Company:
    """The company whose open invoices the link shows."""
    found = session.get(Company, id_of(link)) if kind_of(link) == "company" else None
    if found is None:
        raise NotFoundError("This link opens no list of invoices.")
    return found


def open_invoices(session: Session, company_id: str) -> Sequence[Invoice]:
    """What a company has to pay, due first before others."""
    return session.scalars(
        select(Invoice)
        .where(Invoice.company_id == company_id, Invoice.state.in_(_OPEN))
        .order_by(Invoice.due_date, Invoice.id)
        .limit(_MOST)
    ).all()


def charge(session: Session, link: PortalLink, id: str) -> Charge | None:
    """The attempt with this id, if it is about an invoice that the link shows."""
    found = session.get(Charge, id) if id else None
    owner = session.get(Invoice, found.invoice_id) if found else None
    return found if owner is not None and _covers(link, owner) else None


def mandate_request(
    session: Session, link: PortalLink, id: str
) -> MandateRequest | None:
    """The way to a direct debit with this id, if it is of the link's company."""
    found = session.get(MandateRequest, id) if id else None
    return found if found and found.company_id == company_id(session, link) else None


def company_id(session: Session, link: PortalLink) -> str:
    """The company whose things the link shows."""
    if kind_of(link) == "company":
        return id_of(link)
    kind: type[Any] = Invoice if kind_of(link) == "invoice" else Quote
    owner = session.get(kind, id_of(link))
    return owner.company_id if owner else ""


def can_be_collected(session: Session, company_id: str) -> bool:
    """True if the company has given a mandate that is good, or soon will be."""
    known = select(Mandate.id).where(
        Mandate.company_id == company_id, Mandate.state.in_(("active", "pending"))
    )
    return session.scalar(known.limit(1)) is not None


def money(session: Session, invoice_id: str) -> Money:
    """Payments of an invoice with their movements, and credit on it."""
    payments = session.scalars(
        select(Payment)
        .options(selectinload(Payment.movements))
        .where(Payment.invoice_id == invoice_id)
        .order_by(Payment.created_at)
        .limit(_MOST)
    ).all()
    credits = session.execute(
        select(Allocation, CreditNote)
        .join(CreditNote, CreditNote.id == Allocation.credit_note_id)
        .where(Allocation.invoice_id == invoice_id, CreditNote.voided_at.is_(None))
        .order_by(Allocation.id)
        .limit(_MOST)
    ).all()
    return Money(payments=payments, credits=[(a, note) for a, note in credits])


def _covers(link: PortalLink, found: Invoice) -> bool:
    return link.subject in (f"invoice:{found.id}", f"company:{found.company_id}")

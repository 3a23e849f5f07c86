"""What the page of a company shows beside the company itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.core.models import (
    Company,
    CreditNote,
    Device,
    Invoice,
    Mandate,
    Payment,
    Quote,
    Ticket,
)

_MOST = 25
_OWED = ("open", "partially_paid")


@dataclass(frozen=True, kw_only=True)
class CompanyDetail:
    """A company's newest of everything, and what it owes: (currency, minor)."""

    owed: Sequence[tuple[str, int]]
    invoices: Sequence[Invoice]
    quotes: Sequence[Quote]
    payments: Sequence[Payment]
    credit_notes: Sequence[CreditNote]
    mandates: Sequence[Mandate]
    devices: Sequence[Device]
    tickets: Sequence[Ticket]


def of_company(session: Session, company: Company) -> CompanyDetail:
    """Read all that belongs to a company, the newest first."""

    def newest(model: Any) -> Sequence[Any]:
        return session.scalars(
            select(model)
            .where(model.company_id == company.id)
            .order_by(model.created_at.desc(), model.id.desc())
            .limit(_MOST)
        ).all()

    payments = session.scalars(
        select(Payment)
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .where(Invoice.company_id == company.id)
        .order_by(Payment.created_at.desc(), Payment.id.desc())
        .limit(_MOST)
    ).all()
    return CompanyDetail(
        owed=owed(session, company.id),
        invoices=newest(Invoice),
        quotes=newest(Quote),
        payments=payments,
        credit_notes=newest(CreditNote),
        mandates=newest(Mandate),
        devices=newest(Device),
        tickets=newest(Ticket),
    )


def owed(session: Session, company_id: str) -> Sequence[tuple[str, int]]:
    """What is open on a company's invoices, by currency."""
    found = session.execute(
        select(Invoice.currency, func.sum(Invoice.open_minor))
        .where(Invoice.company_id == company_id, Invoice.state.in_(_OWED))
        .group_by(Invoice.currency)
        .order_by(Invoice.currency)
    )
    return [(currency, int(minor)) for currency, minor in found]


def creditable(session: Session, company_id: str) -> Sequence[Invoice]:
    """A company's invoices on which something is open, those due first before."""
    return session.scalars(
        select(Invoice)
        .where(Invoice.company_id == company_id, Invoice.state.in_(_OWED))
        .order_by(Invoice.due_date, Invoice.id)
        .limit(200)
    ).all()


def invoice_numbers(session: Session, ids: Sequence[str]) -> Mapping[str, str]:
    """The numbers of these invoices, by id."""
    found = select(Invoice.id, Invoice.number).where(Invoice.id.in_(ids))
    return {id: number for id, number in session.execute(found)} if ids else {}


def name(session: Session, company_id: str | None) -> str:
    """A company's name, "" if there is none."""
    found = session.get(Company, company_id) if company_id else None
    return found.name if found else ""

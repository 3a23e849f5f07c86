"""What the pages of invoices, payments and companies show beside the row itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from hub.core.models import (
    Allocation,
    AuditEntry,
    Company,
    CreditNote,
    Event,
    FactRow,
    Invoice,
    Payment,
    Payout,
)
from hub.core.queries import trail

_MOST = 50


@dataclass(frozen=True, kw_only=True)
class InvoiceDetail:
    """Money on an invoice and what happened to it."""

    payments: Sequence[Payment]
    credits: Sequence[tuple[Allocation, CreditNote]]
    history: Sequence[Event]
    changes: Sequence[AuditEntry]


@dataclass(frozen=True, kw_only=True)
class PaymentDetail:
    """Where a payment belongs and what was heard of it."""

    invoice: Invoice | None
    facts: Sequence[FactRow]
    history: Sequence[Event]


def of_invoice(session: Session, invoice: Invoice) -> InvoiceDetail:
    """Money, credit and history of an invoice."""
    payments = session.scalars(
        select(Payment)
        .options(selectinload(Payment.movements))
        .where(Payment.invoice_id == invoice.id)
        .order_by(Payment.created_at)
    ).all()
    credits = session.execute(
        select(Allocation, CreditNote)
        .join(CreditNote, CreditNote.id == Allocation.credit_note_id)
        .where(Allocation.invoice_id == invoice.id)
        .order_by(Allocation.id)
    ).all()
    subjects = [f"invoice:{invoice.id}", *(f"payment:{p.id}" for p in payments)]
    return InvoiceDetail(
        payments=payments,
        credits=[(allocation, note) for allocation, note in credits],
        history=trail.about(session, subjects),
        changes=changes(session, f"invoice:{invoice.id}"),
    )


def of_payment(session: Session, payment: Payment) -> PaymentDetail:
    """Invoice, facts and history of a payment."""
    subject = f"payment:{payment.id}"
    facts = session.scalars(
        select(FactRow)
        .where(FactRow.subject == subject)
        .order_by(FactRow.as_of, FactRow.id)
        .limit(_MOST)
    ).all()
    invoice = session.get(
        Invoice,
        payment.invoice_id or "",
        options=[selectinload(Invoice.company)],
    )
    return PaymentDetail(
        invoice=invoice, facts=facts, history=trail.about(session, [subject])
    )


def candidates(session: Session, payment: Payment) -> Sequence[Invoice]:
    """Invoices to which a person may assign this money, the best fit first."""
    found = session.scalars(
        select(Invoice)
        .options(selectinload(Invoice.company))
        .where(
            Invoice.state.in_(("open", "partially_paid")),
            Invoice.currency == payment.currency,
        )
        .order_by(Invoice.due_date, Invoice.id)
        .limit(200)
    ).all()

    def misfit(invoice: Invoice) -> tuple[bool, bool]:
        named = (payment.match_invoice_number or "").strip().lower()
        return (
            invoice.number.lower() != named,
            invoice.open_minor != payment.amount_minor,
        )

    return sorted(found, key=misfit)


def of_payout(session: Session, payout: Payout) -> dict[str, str]:
    """The ids of the payments that a payout's lines name, by their reference."""
    told = {str(line.get("payment") or "") for line in payout.lines} - {""}
    found = session.execute(
        select(Payment.reference, Payment.id).where(
            Payment.provider == payout.provider, Payment.reference.in_(told)
        )
    )
    return {reference: id for reference, id in found}


def company_names(session: Session) -> dict[str, str]:
    """All companies by id, in the order of their names."""
    found = session.execute(select(Company.id, Company.name).order_by(Company.name))
    return {id: name for id, name in found}


def changes(session: Session, subject: str) -> Sequence[AuditEntry]:
    """Who changed a thing, newest first."""
    return session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject == subject)
        .order_by(AuditEntry.created_at.desc())
        .limit(_MOST)
    ).all()

"""Invoices: create, issue, change, send, void."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.ledger.amounts import check_currency, price
from hub.core.ledger.anomaly import watch
from hub.core.ledger.balance import Cause, refresh
from hub.core.ledger.locks import invoice_name, lock_invoices, lock_names
from hub.core.ledger.matching import match_waiting_for_invoice
from hub.core.ledger.numbers import check_number, next_number
from hub.core.ledger.snapshots import invoice_data
from hub.core.models import (
    Allocation,
    Charge,
    Company,
    CreditNote,
    Invoice,
    InvoiceLine,
    Payment,
    new_id,
)
from hub.core.publish import publish
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError

TERMS = timedelta(days=30)
Lines = Sequence[Mapping[str, Any]]

_DRAFT_FIELDS = frozenset({"number", "currency", "issue_date", "lines"})
_SAFE_FIELDS = frozenset({"due_date", "reference", "notes"})


@dataclass(frozen=True, kw_only=True)
class NewInvoice:
    """What an invoice is made from. Left out: the next number, the company's
    currency, today, 30 days. `lines` as hub.core.ledger.amounts.price takes them."""

    company_id: str
    lines: Lines
    state: Literal["draft", "open"] = "open"
    number: str | None = None
    currency: str | None = None
    issue_date: date | None = None
    due_date: date | None = None
    reference: str = ""
    notes: str = ""


def get(session: Session, invoice_id: str) -> Invoice:
    """Return the invoice; NotFoundError if there is none."""
    found = session.get(Invoice, invoice_id)
    if found is None:
        raise NotFoundError(f"There is no invoice {invoice_id}.")
    return found


def by_number(session: Session, number: str) -> Invoice:
    """Return the invoice of this number; NotFoundError if there is none."""
    found = session.scalar(select(Invoice).where(Invoice.number == number))
    if found is None:
        raise NotFoundError(f"There is no invoice with the number {number}.")
    return found


def create(
    session: Session, new: NewInvoice, *, origin_id: str | None = None
) -> Invoice:
    """Create an invoice, open at once unless it is to be a draft. `origin_id` is
    the connection it was read from, if it was."""
    company = session.get(Company, new.company_id)
    if company is None:
        text = f"There is no company {new.company_id}."
        raise InvalidError(text, {"company_id": [text]})
    if new.state not in ("draft", "open"):
        text = "An invoice is created as draft or open."
        raise InvalidError(text, {"state": [text]})
    issued_on = new.issue_date or today(session)
    invoice = Invoice(
        id=new_id("inv"),
        number=_number(session, new.number),
        company_id=company.id,
        currency=check_currency(new.currency or company.currency),
        issue_date=issued_on,
        due_date=_due(new.due_date, issued_on),
        reference=new.reference,
        notes=new.notes,
    )
    invoice.company = company
    _set_lines(invoice, new.lines)
    session.add(invoice)
    if new.state == "open":
        _issue(session, invoice, origin_id)
    else:
        refresh(session, invoice, _cause("draft"))
    match_waiting_for_invoice(session, invoice)
    return invoice


def issue(session: Session, invoice_id: str) -> Invoice:
    """Make a draft an open invoice; ConflictError if it is none."""
    invoice = _locked(session, invoice_id)
    if invoice.state != "draft":
        raise ConflictError(
            f"Invoice {invoice.number} is {invoice.state}: only a draft can be issued."
        )
    _issue(session, invoice, None)
    return invoice


def update(
    session: Session,
    invoice_id: str,
    changes: Mapping[str, Any],
    *,
    origin_id: str | None = None,
) -> Invoice:
    """Change a draft's number, currency, dates and lines, or what is safe later:
    due date, reference, notes. What changes nothing publishes nothing."""
    invoice = _locked(session, invoice_id)
    _check_fields(invoice, changes)
    before = _content(invoice)
    _apply(session, invoice, changes)
    if _content(invoice) == before:
        return invoice
    refresh(session, invoice, _cause("update"))
    if "number" in changes:
        match_waiting_for_invoice(session, invoice)
    _publish_updated(session, invoice, origin_id)
    return invoice


def mark_sent(
    session: Session, invoice_id: str, *, origin_id: str | None = None
) -> Invoice:
    """Note that the client got the invoice; sending it again is no news."""
    invoice = _locked(session, invoice_id)
    if invoice.state in ("draft", "void"):
        raise ConflictError(
            f"Invoice {invoice.number} is {invoice.state}: it can't be sent."
        )
    if invoice.sent_at is None:
        invoice.sent_at = now()
        _publish(session, "invoice.sent", invoice, origin_id)
    return invoice


def void(session: Session, invoice_id: str) -> Invoice:
    """Void an invoice; ConflictError while money or credit stands on it, or a
    client may be paying it right now."""
    invoice = _locked(session, invoice_id)
    if invoice.state == "void":
        return invoice
    _check_voidable(session, invoice)
    was_draft = invoice.issued_at is None
    invoice.voided_at = now()
    refresh(session, invoice, _cause("void"))
    if not was_draft:
        _publish_updated(session, invoice, None)
    return invoice


def today(session: Session) -> date:
    """Today where the installation is (HUB_TIME_ZONE)."""
    return now().astimezone(hub_of(session).settings.time_zone).date()


def _locked(session: Session, invoice_id: str) -> Invoice:
    found = lock_invoices(session, [invoice_id])
    if not found:
        raise NotFoundError(f"There is no invoice {invoice_id}.")
    return found[invoice_id]


def _number(session: Session, given: str | None) -> str:
    """Hold the number's name before looking: a payment that names it may be on its
    way in another transaction (ROAD 6)."""
    if given is None:
        number = next_number(session, Invoice)
        lock_names(session, [invoice_name(number)])
        return number
    lock_names(session, [invoice_name(given.strip())])
    return check_number(session, Invoice, given)


def _due(given: date | None, issued_on: date) -> date:
    due = given or issued_on + TERMS
    if due < issued_on:
        text = "It can't be due before it is issued."
        raise InvalidError(text, {"due_date": [text]})
    return due


def _set_lines(invoice: Invoice, lines: Lines) -> None:
    priced = price(lines, invoice.currency)
    invoice.lines = [
        InvoiceLine(position=position, **vars(line))
        for position, line in enumerate(priced.lines)
    ]
    invoice.net_minor, invoice.tax_minor = priced.net_minor, priced.tax_minor
    invoice.total_minor = priced.total_minor


def _issue(session: Session, invoice: Invoice, origin_id: str | None) -> None:
    if not invoice.lines:
        text = "An invoice needs a line before it is issued."
        raise InvalidError(text, {"lines": [text]})
    invoice.issued_at = now()
    refresh(session, invoice, _cause("issue"))
    _publish(session, "invoice.created", invoice, origin_id)
    watch(session, invoice)


def _check_fields(invoice: Invoice, changes: Mapping[str, Any]) -> None:
    unknown = changes.keys() - _DRAFT_FIELDS - _SAFE_FIELDS
    if unknown:
        raise InvalidError(
            f"These can't be changed: {', '.join(sorted(unknown))}.",
            {name: ["It can't be changed."] for name in unknown},
        )
    if invoice.state == "void":
        raise ConflictError(f"Invoice {invoice.number} is void: make a new one.")
    fixed = changes.keys() & _DRAFT_FIELDS
    if fixed and invoice.state != "draft":
        raise ConflictError(
            f"Invoice {invoice.number} is {invoice.state}: only a draft's"
            f" {', '.join(sorted(fixed))} can be changed. Void it or write a credit"
            " note."
        )


def _apply(session: Session, invoice: Invoice, changes: Mapping[str, Any]) -> None:
    if "number" in changes:
        lock_names(session, [invoice_name(str(changes["number"]).strip())])
        invoice.number = check_number(
            session, Invoice, str(changes["number"]), but=invoice.id
        )
    invoice.currency = check_currency(changes.get("currency", invoice.currency))
    if "lines" in changes or "currency" in changes:
        _set_lines(invoice, changes.get("lines", _given(invoice)))
    invoice.issue_date = changes.get("issue_date", invoice.issue_date)
    invoice.due_date = _due(
        changes.get("due_date", invoice.due_date), invoice.issue_date
    )
    invoice.reference = changes.get("reference", invoice.reference)
    invoice.notes = changes.get("notes", invoice.notes)


_LINE_FIELDS = ("description", "quantity", "unit_price", "tax_rate", "product_code")


def _given(invoice: Invoice) -> list[dict[str, Any]]:
    return [
        {name: getattr(line, name) for name in _LINE_FIELDS} for line in invoice.lines
    ]


def _content(invoice: Invoice) -> tuple[object, ...]:
    head = (
        invoice.number,
        invoice.currency,
        invoice.issue_date,
        invoice.due_date,
        invoice.reference,
        invoice.notes,
    )
    return (*head, _given(invoice))


def _check_voidable(session: Session, invoice: Invoice) -> None:
    money = select(func.count()).where(
        Payment.invoice_id == invoice.id,
        Payment.state.in_(("pending", "confirmed", "paid_out")),
    )
    if invoice.paid_minor or session.scalar(money):
        raise ConflictError(
            f"Money stands on invoice {invoice.number}: refund or reassign it first."
        )
    credit = (
        select(func.count())
        .select_from(Allocation)
        .join(CreditNote, CreditNote.id == Allocation.credit_note_id)
        .where(Allocation.invoice_id == invoice.id, CreditNote.voided_at.is_(None))
    )
    if session.scalar(credit):
        raise ConflictError(
            f"A credit note is allocated to invoice {invoice.number}: void that first."
        )
    charge = select(func.count()).where(
        Charge.invoice_id == invoice.id, Charge.state == "open"
    )
    if session.scalar(charge):
        raise ConflictError(
            f"A checkout for invoice {invoice.number} is open: wait for it to end."
        )


def _cause(movement: str) -> Cause:
    return Cause(movement=movement, occurred_at=now())


def _publish(
    session: Session, type: str, invoice: Invoice, origin_id: str | None
) -> None:
    publish(
        session,
        type,
        subject=f"invoice:{invoice.id}",
        key=f"{type}:{invoice.id}",
        data=invoice_data(invoice),
        origin_id=origin_id,
    )


def _publish_updated(session: Session, invoice: Invoice, origin_id: str | None) -> None:
    """Each change is one of its own; drafts were never published."""
    if invoice.issued_at is None:
        return
    publish(
        session,
        "invoice.updated",
        subject=f"invoice:{invoice.id}",
        key=f"invoice.updated:{invoice.id}:{new_id('upd')}",
        data=invoice_data(invoice),
        origin_id=origin_id,
    )

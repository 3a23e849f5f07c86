"""Credit notes, and what of them is set against which invoice."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from hub.core import audit
from hub.core.ledger import companies, invoices
from hub.core.ledger.amounts import check_currency
from hub.core.ledger.balance import Cause, refresh
from hub.core.ledger.locks import lock_invoices
from hub.core.ledger.numbers import check_number, next_number
from hub.core.models import Allocation, CreditNote, Invoice, new_id
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from hub.sdk.money import Money


@dataclass(frozen=True, kw_only=True)
class NewCreditNote:
    """What a credit note is made from; left out: the next number, today."""

    company_id: str
    amount: Money
    number: str | None = None
    issue_date: date | None = None
    reason: str = ""


def get(session: Session, credit_note_id: str) -> CreditNote:
    """Return the credit note; NotFoundError if there is none."""
    found = session.get(CreditNote, credit_note_id)
    if found is None:
        raise NotFoundError(f"There is no credit note {credit_note_id}.")
    return found


def create(
    session: Session, new: NewCreditNote, *, actor: str = audit.HUB
) -> CreditNote:
    """Create an open credit note."""
    company = companies.get(session, new.company_id)
    check_currency(new.amount.currency)
    _check_positive(new.amount)
    note = CreditNote(
        id=new_id("crn"),
        number=(
            next_number(session, CreditNote)
            if new.number is None
            else check_number(session, CreditNote, new.number)
        ),
        company_id=company.id,
        currency=new.amount.currency,
        amount_minor=new.amount.minor,
        issue_date=new.issue_date or invoices.today(session),
        reason=new.reason,
    )
    session.add(note)
    session.flush()
    audit.record(session, actor, "credit_note.created", f"credit_note:{note.id}")
    return note


def left(note: CreditNote) -> Money:
    """What of the credit note is not allocated yet."""
    used = sum(allocation.amount_minor for allocation in note.allocations)
    return Money(note.amount_minor - used, note.currency)


def allocate(
    session: Session,
    credit_note_id: str,
    invoice_id: str,
    amount: Money | None = None,
    *,
    actor: str = audit.HUB,
) -> Allocation:
    """Set a credit note, or `amount` of it, against an invoice of the same company
    and currency; without an amount as much as both allow."""
    invoice = lock_invoices(session, [invoice_id]).get(invoice_id)
    if invoice is None:
        raise NotFoundError(f"There is no invoice {invoice_id}.")
    note = _locked(session, credit_note_id)
    if amount is None:
        amount = Money(min(left(note).minor, invoice.open_minor), note.currency)
    _check(note, invoice, amount)
    allocation = _add(note, invoice, amount)
    session.flush()
    note.state = "open" if left(note).minor else "allocated"
    _refresh(session, invoice, f"credit:{note.id}:{allocation.amount_minor}")
    subject = f"credit_note:{note.id}"
    audit.record(
        session,
        actor,
        "credit_note.allocated",
        subject,
        invoice=invoice.id,
        amount=str(amount),
    )
    return allocation


def void(
    session: Session, credit_note_id: str, *, actor: str = audit.HUB
) -> CreditNote:
    """Void a credit note; the invoices it was set against are open again."""
    note = get(session, credit_note_id)
    ids = [allocation.invoice_id for allocation in note.allocations]
    touched = lock_invoices(session, ids)
    note = _locked(session, credit_note_id)
    if note.state == "void":
        return note
    if {allocation.invoice_id for allocation in note.allocations} - touched.keys():
        raise ConflictError("The credit note was just allocated: try again.")
    note.state, note.voided_at = "void", now()
    for invoice in touched.values():
        _refresh(session, invoice, f"credit:{note.id}:void")
    audit.record(session, actor, "credit_note.voided", f"credit_note:{note.id}")
    return note


def _locked(session: Session, credit_note_id: str) -> CreditNote:
    note = get(session, credit_note_id)
    session.refresh(note, with_for_update=True)
    session.expire(note, ["allocations"])
    return note


def _check(note: CreditNote, invoice: Invoice, amount: Money) -> None:
    if note.state == "void":
        raise ConflictError(f"Credit note {note.number} is void.")
    if invoice.company_id != note.company_id:
        raise ConflictError("Invoice and credit note belong to different companies.")
    if amount.currency != note.currency or invoice.currency != note.currency:
        raise ConflictError("Invoice, credit note and amount need the same currency.")
    if invoice.state not in ("open", "partially_paid"):
        raise ConflictError(
            f"Invoice {invoice.number} is {invoice.state}: nothing of it is open."
        )
    if not left(note).minor:
        raise ConflictError(f"Nothing of credit note {note.number} is left.")
    _check_positive(amount)
    most = Money(min(left(note).minor, invoice.open_minor), note.currency)
    if amount.minor > most.minor:
        text = f"At most {most.format()} can be allocated."
        raise InvalidError(text, {"amount": [text]})


def _check_positive(amount: Money) -> None:
    if amount.minor <= 0:
        text = "It must be more than zero."
        raise InvalidError(text, {"amount": [text]})


def _add(note: CreditNote, invoice: Invoice, amount: Money) -> Allocation:
    for allocation in note.allocations:
        if allocation.invoice_id == invoice.id:
            allocation.amount_minor += amount.minor
            return allocation
    allocation = Allocation(invoice_id=invoice.id, amount_minor=amount.minor)
    note.allocations.append(allocation)
    return allocation


def _refresh(session: Session, invoice: Invoice, movement: str) -> None:
    refresh(session, invoice, Cause(movement=movement, occurred_at=now()))
    invoices.publish_updated(session, invoice)

"""Invoices: create, issue, change, send, void."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core import audit
from hub.core.ledger import checks
from hub.core.ledger.anomaly import watch
from hub.core.ledger.balance import Cause, refresh
from hub.core.ledger.invoice_fields import (
    HEAD,
    TERMS,
    Lines,
    change,
    check_changeable,
    check_due,
    set_lines,
)
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
    Payment,
    new_id,
)
from hub.core.publish import publish
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError


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
    session: Session,
    new: NewInvoice,
    *,
    actor: str = audit.HUB,
    origin_id: str | None = None,
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
    head = {name: getattr(new, name) for name in HEAD}
    given = checks.checked(HEAD, {k: v for k, v in head.items() if v is not None})
    issued_on = given.setdefault("issue_date", today(session))
    check_due(issued_on, given.setdefault("due_date", issued_on + TERMS))
    given.setdefault("currency", company.currency)
    given["number"] = _number(session, given.get("number"))
    invoice = Invoice(id=new_id("inv"), company_id=company.id, **given)
    invoice.company = company
    set_lines(invoice, new.lines)
    session.add(invoice)
    if new.state == "open":
        _issue(session, invoice, origin_id)
    else:
        refresh(session, invoice, _cause("draft"))
    match_waiting_for_invoice(session, invoice)
    _audit(session, actor, "created", invoice)
    return invoice


def issue(session: Session, invoice_id: str, *, actor: str = audit.HUB) -> Invoice:
    """Make a draft an open invoice; ConflictError if it is none."""
    invoice = _locked(session, invoice_id)
    if invoice.state != "draft":
        raise ConflictError(
            f"Invoice {invoice.number} is {invoice.state}: only a draft can be issued."
        )
    _issue(session, invoice, None)
    _audit(session, actor, "issued", invoice)
    return invoice


def update(
    session: Session,
    invoice_id: str,
    changes: Mapping[str, Any],
    *,
    actor: str = audit.HUB,
    origin_id: str | None = None,
) -> Invoice:
    """Change a draft's number, currency, dates and lines, or what is safe later:
    due date, reference, notes. What changes nothing publishes nothing."""
    invoice = _locked(session, invoice_id)
    check_changeable(invoice, set(changes))
    head = {name: changes[name] for name in changes if name != "lines"}
    given = checks.checked(HEAD, head)
    if given.get("number", invoice.number) != invoice.number:
        _check_renumberable(session, invoice)
        given["number"] = _number(session, given["number"], but=invoice.id)
    if "lines" in changes:
        given["lines"] = changes["lines"]
    if not change(invoice, given):
        return invoice
    refresh(session, invoice, _cause("update"))
    if "number" in changes:
        match_waiting_for_invoice(session, invoice)
    publish_updated(session, invoice, origin_id)
    _audit(session, actor, "changed", invoice, changed=sorted(changes))
    return invoice


def mark_sent(
    session: Session,
    invoice_id: str,
    *,
    actor: str = audit.HUB,
    origin_id: str | None = None,
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
        _audit(session, actor, "sent", invoice)
    return invoice


def void(session: Session, invoice_id: str, *, actor: str = audit.HUB) -> Invoice:
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
        publish_updated(session, invoice)
    _audit(session, actor, "voided", invoice)
    return invoice


def today(session: Session) -> date:
    """Today where the installation is (HUB_TIME_ZONE)."""
    return now().astimezone(hub_of(session).settings.time_zone).date()


def _locked(session: Session, invoice_id: str) -> Invoice:
    found = lock_invoices(session, [invoice_id])
    if not found:
        raise NotFoundError(f"There is no invoice {invoice_id}.")
    return found[invoice_id]


def _number(session: Session, given: str | None, but: str | None = None) -> str:
    """Hold the number's name before looking: a payment that names it may be on its
    way in another transaction (ROAD 6)."""
    number = given or next_number(session, Invoice)
    lock_names(session, [invoice_name(number)])
    return check_number(session, Invoice, number, but=but)


def _issue(session: Session, invoice: Invoice, origin_id: str | None) -> None:
    if not invoice.lines:
        text = "An invoice needs a line before it is issued."
        raise InvalidError(text, {"lines": [text]})
    invoice.issued_at = now()
    refresh(session, invoice, _cause("issue"))
    _publish(session, "invoice.created", invoice, origin_id)
    watch(session, invoice)


def _check_renumberable(session: Session, invoice: Invoice) -> None:
    """Money that named the number must go on finding its invoice."""
    money = select(func.count()).where(Payment.invoice_id == invoice.id)
    if session.scalar(money):
        raise ConflictError(
            f"Money came in for {invoice.number}: its number must stay as it is."
        )


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


def _audit(
    session: Session, actor: str, action: str, invoice: Invoice, **data: Any
) -> None:
    subject = f"invoice:{invoice.id}"
    audit.record(session, actor, f"invoice.{action}", subject, **data)


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


def publish_updated(
    session: Session, invoice: Invoice, origin_id: str | None = None
) -> None:
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

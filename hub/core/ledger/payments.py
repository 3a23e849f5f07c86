"""Payments by hand: money that no provider tells of, and a person's assignment."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core import audit
from hub.core.ledger.balance import Before, cause_of, settle, standing
from hub.core.ledger.locks import (
    lock_invoices,
    lock_names,
    lock_payments,
    payment_name,
)
from hub.core.ledger.matching import Found, attach
from hub.core.models import Invoice, Movement, Payment, new_id
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from hub.sdk.money import Money

MANUAL = "manual"


@dataclass(frozen=True, kw_only=True)
class NewPayment:
    """Money that came some other way: cash, cheque, bank transfer."""

    amount: Money
    method: str = ""
    reference: str = ""
    payer: str = ""
    received_at: datetime | None = None


def get(session: Session, payment_id: str) -> Payment:
    """Return the payment; NotFoundError if there is none."""
    found = session.get(Payment, payment_id)
    if found is None:
        raise NotFoundError(f"There is no payment {payment_id}.")
    return found


def record_payment(
    session: Session, invoice_id: str, new: NewPayment, *, actor: str = audit.HUB
) -> Payment:
    """Record money for an invoice by hand. A `reference` is taken once; money that
    is too much is refused here, as a person can still look at it."""
    invoice = _locked_invoice(session, invoice_id)
    _check(invoice, new.amount)
    id = new_id("pay")
    reference = new.reference.strip() or id
    lock_names(session, [payment_name(MANUAL, reference)])
    _check_new(session, reference)
    moment = new.received_at or now()
    payment = Payment(
        id=id,
        provider=MANUAL,
        reference=reference,
        invoice_id=invoice.id,
        assigned_by=actor,
        amount_minor=new.amount.minor,
        currency=new.amount.currency,
        method=new.method,
        payer=new.payer,
    )
    session.add(payment)
    session.flush()
    movement = _captured(payment, moment)
    session.add(movement)
    settle(session, payment, Before(), cause_of(movement))
    amount = new.amount.format()
    audit.record(session, actor, "payment.recorded", f"payment:{id}", amount=amount)
    return payment


def _captured(payment: Payment, moment: datetime) -> Movement:
    return Movement(
        provider=payment.provider,
        kind="capture",
        reference=payment.reference,
        payment_id=payment.id,
        payment_reference=payment.reference,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        state="done",
        as_of=moment,
        since=moment,
    )


def refund_by_hand(
    session: Session, payment: Payment, amount: Money, *, reference: str
) -> None:
    """Book that money recorded by hand was given back by hand. The caller holds the
    locks and has checked the amount."""
    before = standing(session, payment)
    moment = now()
    movement = Movement(
        provider=payment.provider,
        kind="refund",
        reference=reference,
        payment_id=payment.id,
        payment_reference=payment.reference,
        amount_minor=amount.minor,
        currency=amount.currency,
        state="done",
        as_of=moment,
        since=moment,
    )
    session.add(movement)
    settle(session, payment, before, cause_of(movement))


def assign(
    session: Session, payment_id: str, invoice_id: str, *, actor: str = audit.HUB
) -> Payment:
    """Assign money that needs a person to an invoice; this is final (ROAD 6)."""
    given = get(session, payment_id)
    lock_names(session, [payment_name(given.provider, given.reference)])
    session.refresh(given)
    invoices = lock_invoices(session, [invoice_id, given.invoice_id])
    if invoice_id not in invoices:
        raise NotFoundError(f"There is no invoice {invoice_id}.")
    payment = lock_payments(session, [payment_id])[payment_id]
    if payment.assigned_by and payment.invoice_id == invoice_id:
        return payment
    _check_assignable(payment)
    _check_target(invoices[invoice_id], payment)
    payment.assigned_by = actor
    attach(session, payment, Found(invoice_id=invoice_id))
    subject = f"payment:{payment.id}"
    audit.record(session, actor, "payment.assigned", subject, invoice=invoice_id)
    return payment


def _locked_invoice(session: Session, invoice_id: str) -> Invoice:
    found = lock_invoices(session, [invoice_id])
    if not found:
        raise NotFoundError(f"There is no invoice {invoice_id}.")
    return found[invoice_id]


def _check(invoice: Invoice, amount: Money) -> None:
    if amount.minor <= 0:
        text = "It must be more than zero."
        raise InvalidError(text, {"amount": [text]})
    if amount.currency != invoice.currency:
        text = f"Invoice {invoice.number} is in {invoice.currency}."
        raise InvalidError(text, {"currency": [text]})
    if invoice.state not in ("open", "partially_paid"):
        raise ConflictError(
            f"Invoice {invoice.number} is {invoice.state}: there is nothing to pay."
        )
    left = Money(invoice.open_minor, invoice.currency)
    if amount.minor > left.minor:
        text = f"Only {left.format()} of invoice {invoice.number} is open."
        raise InvalidError(text, {"amount": [text]})


def _check_new(session: Session, reference: str) -> None:
    known = select(Payment.id).where(
        Payment.provider == MANUAL, Payment.reference == reference
    )
    if session.scalar(known):
        raise ConflictError(f"A payment with the reference {reference} is recorded.")


def _check_assignable(payment: Payment) -> None:
    if payment.assigned_by:
        raise ConflictError("A person has assigned this payment; that is final.")
    if payment.invoice_id and not payment.attention:
        raise ConflictError("This payment belongs to an invoice already.")


def _check_target(invoice: Invoice, payment: Payment) -> None:
    if invoice.state in ("draft", "void"):
        raise ConflictError(
            f"Invoice {invoice.number} is {invoice.state}: choose another."
        )
    if invoice.currency != payment.currency:
        raise ConflictError(
            f"Invoice {invoice.number} is in {invoice.currency}, the payment in"
            f" {payment.currency}: choose another."
        )

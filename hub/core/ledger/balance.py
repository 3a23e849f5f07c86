"""Bring payments and invoices in line with their movements, and tell what changed.

Callers hold the locks (hub.core.ledger.locks) of all payments and invoices they
pass in.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.ledger.locks import lock_invoices
from hub.core.ledger.news import transitions
from hub.core.ledger.snapshots import invoice_data, news_data, payment_data
from hub.core.ledger.states import (
    CAPTURED,
    Counted,
    PaymentView,
    invoice_view,
    payment_view,
)
from hub.core.models import Allocation, Charge, CreditNote, Invoice, Movement, Payment
from hub.core.notify import notify_staff
from hub.core.publish import publish
from hub.sdk.clock import iso, now
from hub.sdk.money import Money


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What moved the ledger; `movement` makes the keys of the events it causes."""

    movement: str
    occurred_at: datetime
    origin_id: str | None = None
    fact_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Before:
    """How a payment stood before a change."""

    view: PaymentView = field(default_factory=PaymentView)
    invoice_id: str | None = None


def standing(session: Session, payment: Payment | None) -> Before:
    """Note how a payment stands, before changing its movements or its match."""
    if payment is None:
        return Before()
    return Before(view=_view(session, payment), invoice_id=payment.invoice_id)


def cause_of(movement: Movement, fact_id: str | None = None) -> Cause:
    """A movement in its present state, as the cause of what follows."""
    return Cause(
        movement=f"{movement.provider}:{movement.kind}:{movement.reference}"
        f":{movement.state}:{iso(movement.since)}",
        occurred_at=movement.as_of,
        origin_id=movement.connection_id,
        fact_id=fact_id,
    )


def settle(session: Session, payment: Payment, before: Before, cause: Cause) -> None:
    """Compute a payment, and the invoices it is and was matched to, and publish."""
    view = _view(session, payment)
    _write(payment, view)
    _finish_charge(session, payment, view)
    invoices = lock_invoices(session, (before.invoice_id, payment.invoice_id))
    if payment.invoice_id is None:
        _attend(session, payment, "unmatched" if _kept(payment) > 0 else None)
    paid = [row for row in invoices.values() if _refresh(session, row)]
    now_pending = view.state == "pending", payment.invoice_id
    if now_pending != (before.view.state == "pending", before.invoice_id):
        _make_way(session, payment, view)
    if view.mixed and not before.view.mixed:
        _notify(session, payment, "mixed_currency")
    for news in transitions(
        before.view,
        view,
        was_matched=before.invoice_id is not None,
        is_matched=payment.invoice_id is not None,
    ):
        key = ":".join(part for part in (news.type, payment.id, news.movement) if part)
        publish(
            session,
            news.type,
            subject=f"payment:{payment.id}",
            key=key,
            data=news_data(session, payment, news),
            origin_id=cause.origin_id,
            fact_id=cause.fact_id,
            occurred_at=cause.occurred_at,
        )
    _publish_paid(session, paid, cause)


def refresh(session: Session, invoice: Invoice, cause: Cause) -> None:
    """Compute an invoice after a change of its own (issued, voided, credited)."""
    if _refresh(session, invoice):
        _publish_paid(session, [invoice], cause)


def _view(session: Session, payment: Payment) -> PaymentView:
    session.flush()
    found = select(Movement).where(Movement.payment_id == payment.id)
    return payment_view(session.scalars(found))


def _write(payment: Payment, view: PaymentView) -> None:
    payment.state = view.state
    payment.refunded_minor = view.refunded_minor
    payment.charged_back_minor = view.charged_back_minor
    payment.disputed = view.disputed
    payment.fee_minor, payment.net_minor = view.fee_minor, view.net_minor
    payment.reason = view.reason
    payment.received_at = view.received_at
    if view.currency:
        payment.amount_minor, payment.currency = view.amount_minor, view.currency


def _finish_charge(session: Session, payment: Payment, view: PaymentView) -> None:
    """Money ends the attempt it came through. A failure ends a debit; on a page the
    payer may try again, so whoever runs the checkout decides."""
    if not payment.charge_id:
        return
    charge = session.get_one(Charge, payment.charge_id)
    if view.captured and charge.state != "finished":
        charge.state, charge.closed_at = "finished", now()
    failed = view.state in ("failed", "cancelled") and charge.mandate_id is not None
    if failed and charge.state == "open":
        charge.state, charge.closed_at = "failed", now()
        charge.problem = view.reason


def _refresh(session: Session, invoice: Invoice) -> bool:
    """Compute an invoice and its payments' attention; True if it is paid just now."""
    session.flush()
    payments = session.scalars(
        select(Payment).where(Payment.invoice_id == invoice.id).order_by(Payment.id)
    ).all()
    view = invoice_view(
        [_counted(payment) for payment in payments],
        due_minor=invoice.total_minor - _credited(session, invoice),
        currency=invoice.currency,
        issued=invoice.issued_at is not None,
        voided=invoice.voided_at is not None,
    )
    was = invoice.state
    if view.open_minor < invoice.open_minor:
        _hurry_charge(session, invoice)
    invoice.state = view.state
    invoice.paid_minor, invoice.open_minor = view.paid_minor, view.open_minor
    for payment in payments:
        _attend(session, payment, view.attention.get(payment.id))
    return view.state == "paid" != was


def _hurry_charge(session: Session, invoice: Invoice) -> None:
    """Less is asked for now: an open page may ask for too much and must be closed."""
    session.execute(
        update(Charge)
        .where(Charge.invoice_id == invoice.id, Charge.state == "open")
        .values(next_check_at=now())
        .execution_options(synchronize_session=False)
    )


def _make_way(session: Session, payment: Payment, view: PaymentView) -> None:
    """Money is on its way, again perhaps (a debit that is tried again): a page that
    was opened meanwhile would take it a second time."""
    if view.state == "pending" and payment.invoice_id:
        session.execute(
            update(Charge)
            .where(
                Charge.invoice_id == payment.invoice_id,
                Charge.state == "open",
                Charge.id != (payment.charge_id or ""),
            )
            .values(next_check_at=now())
            .execution_options(synchronize_session=False)
        )


def _counted(payment: Payment) -> Counted:
    received = payment.received_at or payment.created_at
    return Counted(
        id=payment.id,
        minor=_kept(payment),
        currency=payment.currency,
        order=(received, payment.provider, payment.reference),
    )


def _kept(payment: Payment) -> int:
    """What is left with us of a payment."""
    if payment.state not in CAPTURED:
        return 0
    gone = payment.refunded_minor + payment.charged_back_minor
    return payment.amount_minor - gone


def _credited(session: Session, invoice: Invoice) -> int:
    credited = (
        select(func.sum(Allocation.amount_minor))
        .join(CreditNote, CreditNote.id == Allocation.credit_note_id)
        .where(Allocation.invoice_id == invoice.id, CreditNote.voided_at.is_(None))
    )
    return int(session.scalar(credited) or 0)


_PROBLEMS = {
    "unmatched": "{money} came in and no invoice is found for it",
    "overpaid": "{money} is more than its invoice asked for",
    "wrong_currency": "{money} came in another currency than its invoice",
    "void_invoice": "{money} came in for a void invoice",
    "mixed_currency": "Of {money} something went back in another currency",
}


def _attend(session: Session, payment: Payment, attention: str | None) -> None:
    """Mark money that a person must look at, and tell people once."""
    if payment.attention == attention:
        return
    payment.attention = attention
    if attention is not None:
        _notify(session, payment, attention)


def _notify(session: Session, payment: Payment, problem: str) -> None:
    money = Money(payment.amount_minor, payment.currency).format()
    notify_staff(
        session,
        f"payment.{problem}",
        payment_data(session, payment),
        title=_PROBLEMS[problem].format(money=money),
        body=f"Paid by {payment.payer}." if payment.payer else "",
        url=hub_of(session).url(f"/payments/{payment.id}"),
        key=f"payment.{problem}:{payment.id}",
    )


def _publish_paid(session: Session, invoices: Iterable[Invoice], cause: Cause) -> None:
    for invoice in invoices:
        publish(
            session,
            "invoice.paid",
            subject=f"invoice:{invoice.id}",
            key=f"invoice.paid:{invoice.id}:{cause.movement}",
            data=invoice_data(invoice),
            origin_id=cause.origin_id,
            fact_id=cause.fact_id,
            occurred_at=cause.occurred_at,
        )

"""Charges: open payment attempts, one per invoice (ROAD 7)."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.core.ledger.locks import (
    charge_name,
    checkout_name,
    lock_invoices,
    lock_names,
)
from hub.core.ledger.matching import match_waiting_for_charge
from hub.core.models import Charge, Connection, FactRow, Invoice, Payment, new_id
from hub.jobs import ring_after
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from hub.sdk.money import Money

FIRST_CHECK = timedelta(minutes=1)


def open_charge(  # noqa: PLR0913 - what a charge is opened with
    session: Session,
    invoice_id: str,
    connection: Connection,
    *,
    amount: Money | None = None,
    back: str = "",
    mandate_id: str | None = None,
    period: int | None = None,
) -> Charge:
    """Open an attempt to pay what is open of an invoice, or `amount` of it. Commit
    before calling the provider. ConflictError while another is open: expire that one
    first. A payment that is on its way counts as paid here."""
    invoice = locked_invoice(session, invoice_id)
    asked = to_pay(session, invoice, amount)
    if current(session, invoice.id):
        raise ConflictError(f"A checkout for invoice {invoice.number} is open already.")
    charge = Charge(
        id=new_id("chg"),
        invoice_id=invoice.id,
        connection_id=connection.id,
        amount_minor=asked.minor,
        currency=asked.currency,
        back=back,
        mandate_id=mandate_id,
        period=period,
        next_check_at=now() + FIRST_CHECK,
    )
    session.add(charge)
    match_waiting_for_charge(session, charge, connection.plugin)
    return charge


def to_pay(session: Session, invoice: Invoice, amount: Money | None = None) -> Money:
    """Say what may be asked for now: `amount`, else all that is open and not on its
    way already. ConflictError if that is nothing, InvalidError if it is too much."""
    if invoice.state not in ("open", "partially_paid"):
        raise ConflictError(
            f"Invoice {invoice.number} is {invoice.state}: there is nothing to pay."
        )
    left = Money(invoice.open_minor - on_its_way(session, invoice), invoice.currency)
    if left.minor <= 0:
        raise ConflictError(
            f"A payment of invoice {invoice.number} is being confirmed by the bank:"
            " wait for it, there is nothing else to pay."
        )
    if amount is None:
        return left
    if amount.currency != left.currency:
        text = f"Invoice {invoice.number} is in {left.currency}."
        raise InvalidError(text, {"currency": [text]})
    if not 0 < amount.minor <= left.minor:
        text = f"It must be more than zero and at most {left.format()}."
        raise InvalidError(text, {"amount": [text]})
    return amount


def on_its_way(session: Session, invoice: Invoice) -> int:
    """What is pending for an invoice, in its currency."""
    pending = select(func.sum(Payment.amount_minor)).where(
        Payment.invoice_id == invoice.id,
        Payment.state == "pending",
        Payment.currency == invoice.currency,
    )
    return int(session.scalar(pending) or 0)


def is_pending(session: Session, charge_id: str) -> bool:
    """True while the bank confirms a payment that came through the charge."""
    pending = select(Payment.id).where(
        Payment.charge_id == charge_id, Payment.state == "pending"
    )
    return session.scalar(pending.limit(1)) is not None


def is_surplus(session: Session, charge: Charge, invoice: Invoice) -> bool:
    """True if an open charge asks for more than its invoice needs by now: it was
    paid in some other way, voided or credited. Nothing may be taken through it."""
    ours = select(Payment.id).where(
        Payment.charge_id == charge.id, Payment.state.not_in(("failed", "cancelled"))
    )
    if session.scalar(ours.limit(1)):
        return False
    needed = invoice.open_minor - on_its_way(session, invoice)
    return charge.amount_minor > needed


def locked_invoice(session: Session, invoice_id: str) -> Invoice:
    """Lock and read an invoice; NotFoundError if there is none."""
    found = lock_invoices(session, [invoice_id])
    if not found:
        raise NotFoundError(f"There is no invoice {invoice_id}.")
    return found[invoice_id]


def current(session: Session, invoice_id: str) -> Charge | None:
    """The invoice's open charge, if it has one."""
    return session.scalars(
        select(Charge).where(Charge.invoice_id == invoice_id, Charge.state == "open")
    ).first()


def started(session: Session, charge_id: str, reference: str, url: str) -> Charge:
    """Keep the provider's checkout of a charge; money that named it is matched."""
    charge = _get(session, charge_id)
    connection = session.get_one(Connection, charge.connection_id)
    provider = connection.plugin
    lock_names(session, [checkout_name(provider, reference), charge_name(charge_id)])
    lock_invoices(session, [charge.invoice_id])
    charge.reference, charge.url = reference, url
    match_waiting_for_charge(session, charge, provider)
    _adopt_approval(session, charge, f"{provider}|checkout|{reference}")
    return charge


def approve(session: Session, charge: Charge, fact: FactRow) -> bool:
    """Note that the payer approved, and have the charge looked at right now: the
    payer may never come back. False if that was known already."""
    if charge.approved_at is not None and charge.approved_at <= fact.as_of:
        return False
    charge.approved_at = fact.as_of
    if charge.state == "open":
        charge.next_check_at = now()
        ring_after(session, "process")
    return True


def close(session: Session, charge_id: str, state: str) -> Charge:
    """End an open attempt without money: `failed` or `expired`."""
    charge = _get(session, charge_id)
    lock_invoices(session, [charge.invoice_id])
    session.refresh(charge)
    if charge.state == "open":
        charge.state, charge.closed_at = state, now()
    return charge


def _get(session: Session, charge_id: str) -> Charge:
    charge = session.get(Charge, charge_id)
    if charge is None:
        raise NotFoundError(f"There is no charge {charge_id}.")
    return charge


def _adopt_approval(session: Session, charge: Charge, movement: str) -> None:
    parked = select(FactRow).where(
        FactRow.movement == movement, FactRow.state == "parked"
    )
    for fact in session.scalars(parked):
        approve(session, charge, fact)
        fact.state, fact.subject = "recorded", f"charge:{charge.id}"

"""Find the invoice of a payment, whichever of the two comes first (ROAD 6)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from hub.core.ledger.balance import Cause, cause_of, settle, standing
from hub.core.ledger.locks import (
    charge_name,
    checkout_name,
    invoice_name,
    lock_invoices,
    lock_names,
    lock_payments,
    payment_name,
)
from hub.core.models import Charge, Connection, Invoice, Movement, Payment
from hub.sdk.clock import now
from hub.sdk.facts import Match


@dataclass(frozen=True, kw_only=True)
class Found:
    """The invoice a payment belongs to, and the charge that led to it."""

    invoice_id: str
    charge_id: str | None = None


def names_of(provider: str, match: Match) -> list[str]:
    """Name what a match refers to, for locking."""
    names = []
    if match.charge:
        names.append(charge_name(match.charge))
    if match.checkout:
        names.append(checkout_name(provider, match.checkout))
    if match.invoice_number:
        names.append(invoice_name(match.invoice_number))
    return names


def find(session: Session, provider: str, matches: Sequence[Match]) -> Found | None:
    """Find by charge, then checkout, then number; of several the first that is."""
    for charge_id in _distinct(match.charge for match in matches):
        charge = session.get(Charge, charge_id)
        if charge is not None:
            return Found(invoice_id=charge.invoice_id, charge_id=charge.id)
    for reference in _distinct(match.checkout for match in matches):
        charge = find_checkout(session, provider, reference)
        if charge is not None:
            return Found(invoice_id=charge.invoice_id, charge_id=charge.id)
    for number in _distinct(match.invoice_number for match in matches):
        id = session.scalar(select(Invoice.id).where(Invoice.number == number))
        if id is not None:
            return Found(invoice_id=id)
    return None


def find_checkout(session: Session, provider: str, reference: str) -> Charge | None:
    """Find the charge by the provider's own id of its checkout."""
    return session.scalars(
        select(Charge)
        .join(Connection, Connection.id == Charge.connection_id)
        .where(Charge.reference == reference, Connection.plugin == provider)
        .order_by(Charge.id)
    ).first()


def note_match(payment: Payment, matches: Sequence[Match]) -> None:
    """Keep what the payment waits for, so that creating it finds the payment."""
    payment.match_charge = _first(match.charge for match in matches)
    payment.match_checkout = _first(match.checkout for match in matches)
    payment.match_invoice_number = _first(match.invoice_number for match in matches)


def match_waiting_for_invoice(session: Session, invoice: Invoice) -> None:
    """Match what waits for this number. The caller holds the number's name."""
    waiting = Payment.match_invoice_number == invoice.number
    _match(session, waiting, Found(invoice_id=invoice.id))


def match_waiting_for_charge(session: Session, charge: Charge, provider: str) -> None:
    """Match what waits for this charge or its checkout, names held as above."""
    found = Found(invoice_id=charge.invoice_id, charge_id=charge.id)
    _match(session, Payment.match_charge == charge.id, found)
    if charge.reference:
        waiting = Payment.match_checkout == charge.reference
        _match(session, waiting & (Payment.provider == provider), found)


def attach(session: Session, payment: Payment, found: Found) -> None:
    """Match one payment, locks held, and compute what follows from it."""
    before = standing(session, payment)
    payment.invoice_id = found.invoice_id
    payment.charge_id = found.charge_id or payment.charge_id
    settle(session, payment, before, _cause(session, payment))


def _match(session: Session, waiting: ColumnElement[bool], found: Found) -> None:
    session.flush()
    unmatched = waiting & Payment.invoice_id.is_(None)
    payments = session.execute(
        select(Payment.id, Payment.provider, Payment.reference).where(unmatched)
    ).all()
    if not payments:
        return
    lock_names(session, (payment_name(p.provider, p.reference) for p in payments))
    lock_invoices(session, [found.invoice_id])
    for payment in lock_payments(session, (p.id for p in payments)).values():
        if payment.invoice_id is None:
            attach(session, payment, found)


def _cause(session: Session, payment: Payment) -> Cause:
    """The capture, so that the same money publishes the same keys, whichever of
    payment and invoice was known first."""
    capture = session.scalars(
        select(Movement).where(
            Movement.payment_id == payment.id, Movement.kind == "capture"
        )
    ).first()
    if capture is None:  # a replay found that there was none
        return Cause(movement=f"payment:{payment.id}", occurred_at=now())
    return cause_of(capture)


def _distinct(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)

"""Charges: open payment attempts, one per invoice (ROAD 7)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.ledger.locks import (
    charge_name,
    checkout_name,
    lock_invoices,
    lock_names,
)
from hub.core.ledger.matching import match_waiting_for_charge
from hub.core.models import Charge, Connection, FactRow, new_id
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, NotFoundError


def open_charge(session: Session, invoice_id: str, connection: Connection) -> Charge:
    """Open an attempt to pay what is open of an invoice. Commit before calling the
    provider. ConflictError while another is open: expire that one first."""
    found = lock_invoices(session, [invoice_id])
    if not found:
        raise NotFoundError(f"There is no invoice {invoice_id}.")
    invoice = found[invoice_id]
    if invoice.state not in ("open", "partially_paid"):
        raise ConflictError(
            f"Invoice {invoice.number} is {invoice.state}: there is nothing to pay."
        )
    if current(session, invoice.id):
        raise ConflictError(f"A checkout for invoice {invoice.number} is open already.")
    charge = Charge(
        id=new_id("chg"),
        invoice_id=invoice.id,
        connection_id=connection.id,
        amount_minor=invoice.open_minor,
        currency=invoice.currency,
    )
    session.add(charge)
    match_waiting_for_charge(session, charge, connection.plugin)
    return charge


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


def approve(charge: Charge, fact: FactRow) -> bool:
    """Note that the payer approved; False if that was known already."""
    if charge.approved_at is not None and charge.approved_at <= fact.as_of:
        return False
    charge.approved_at = fact.as_of
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
        approve(charge, fact)
        fact.state, fact.subject = "recorded", f"charge:{charge.id}"

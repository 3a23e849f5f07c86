"""How a payment that is under way stands, for the payer's page; the words are its."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.configuration.live import live
from hub.core.ledger.states import CAPTURED
from hub.core.models import Charge, Invoice, Payment
from hub.sdk.errors import NotFoundError
from hub.sdk.money import Money

State = Literal[
    "open", "confirming", "paid", "failed", "cancelled", "expired", "nothing"
]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a payer stands. `open`: a page waits at `url`; `confirming`: what became
    of it isn't known yet, or the bank takes its time; `expired`: its page is closed;
    `nothing`: nobody has begun to pay. `reason` is the provider's, if it failed."""

    state: State
    invoice_id: str
    invoice_state: str
    charge_id: str | None = None
    amount: Money | None = None
    connection: str = ""
    title: str = ""
    url: str | None = None
    reason: str = ""


def standing(session: Session, id: str) -> Standing:
    """Say how a charge stands, or an invoice: its newest charge then."""
    if id.startswith("inv_"):
        return _of_invoice(session, id)
    charge = session.get(Charge, id)
    if charge is None:
        raise NotFoundError(f"There is no charge {id}.")
    return _of_charge(session, charge, session.get_one(Invoice, charge.invoice_id))


def _of_invoice(session: Session, id: str) -> Standing:
    invoice = session.get(Invoice, id)
    if invoice is None:
        raise NotFoundError(f"There is no invoice {id}.")
    newest = session.scalars(
        select(Charge)
        .where(Charge.invoice_id == id)
        .order_by(Charge.created_at.desc(), Charge.id.desc())
    ).first()
    if newest is not None and newest.state in ("open", "failed"):
        return _of_charge(session, newest, invoice)
    pending = select(Payment.id).where(
        Payment.invoice_id == id, Payment.state == "pending"
    )
    state: State = "paid" if invoice.state == "paid" else "nothing"
    if session.scalar(pending.limit(1)):
        state = "confirming"
    return Standing(state=state, invoice_id=id, invoice_state=invoice.state)


def _of_charge(session: Session, charge: Charge, invoice: Invoice) -> Standing:
    slug, title = _connection(session, charge)
    states = set(
        session.scalars(select(Payment.state).where(Payment.charge_id == charge.id))
    )
    state = _state(charge, states)
    return Standing(
        state=state,
        invoice_id=invoice.id,
        invoice_state=invoice.state,
        charge_id=charge.id,
        amount=Money(charge.amount_minor, charge.currency),
        connection=slug,
        title=title,
        url=charge.url if state == "open" else None,
        reason=charge.problem if state == "failed" else "",
    )


def _state(charge: Charge, payments: set[str]) -> State:
    if payments & CAPTURED:
        return "paid"
    if "pending" in payments:
        return "confirming"
    if charge.state == "expired":
        return "expired"
    if charge.state != "open":  # finished, and the money went back later
        return "failed"
    # A page that was shown and couldn't be asked about may have been paid on.
    unknown = bool(charge.problem and charge.reference)
    return "confirming" if unknown or charge.approved_at else "open"


def _connection(session: Session, charge: Charge) -> tuple[str, str]:
    try:
        found = live(hub_of(session)).by_id(charge.connection_id)
    except NotFoundError:
        return "", ""
    return found.slug, found.title

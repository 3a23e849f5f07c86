"""Attempts to pay an invoice and to refund a payment, for the people of the MSP."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.models import Charge, RefundRequest

_MOST = 20


def charges(session: Session, invoice_id: str) -> Sequence[Charge]:
    """How a client tried to pay an invoice, newest first."""
    return session.scalars(
        select(Charge)
        .where(Charge.invoice_id == invoice_id)
        .order_by(Charge.created_at.desc(), Charge.id.desc())
        .limit(_MOST)
    ).all()


def refunds(session: Session, payment_id: str) -> Sequence[RefundRequest]:
    """What people asked to be given back of a payment, newest first."""
    return session.scalars(
        select(RefundRequest)
        .where(RefundRequest.payment_id == payment_id)
        .order_by(RefundRequest.created_at.desc(), RefundRequest.id.desc())
        .limit(_MOST)
    ).all()

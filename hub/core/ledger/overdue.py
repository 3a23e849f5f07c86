"""Overdue invoices: told once at each step (1, 7, 14, 30 days by default)."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.ledger.snapshots import invoice_data
from hub.core.models import Event, Invoice
from hub.core.publish import publish
from hub.sdk.clock import now

_UNPAID = ("open", "partially_paid")
_BATCH = 200


def step_of(days_overdue: int, steps: Sequence[int]) -> int | None:
    """The highest step reached. After a long pause of the hub only that one is told:
    a client is not sent four reminders of one invoice in one minute."""
    return max((step for step in steps if step <= days_overdue), default=None)


def days(invoice: Invoice, today: date) -> int:
    """For how many days it is overdue; 0 if it isn't, or is paid."""
    late = (today - invoice.due_date).days if invoice.state in _UNPAID else 0
    return max(late, 0)


def scan(hub: Hub) -> int:
    """Publish `invoice.overdue` for every invoice that reached a new step; returns
    how many. Harmless when run twice or by several: the key is (invoice, step)."""
    today = now().astimezone(hub.settings.time_zone).date()
    told, after = 0, ""
    while True:
        with hub.read() as session:
            batch = _due(session, today, after)
            wanted = _new(session, batch, today, hub.settings.overdue_steps)
        if wanted:
            with hub.write() as session:
                told += _tell(session, wanted, today, hub.settings.overdue_steps)
        if len(batch) < _BATCH:
            return told
        after = batch[-1].id


def _due(session: Session, today: date, after: str) -> Sequence[Invoice]:
    return session.scalars(
        select(Invoice)
        .where(Invoice.state.in_(_UNPAID), Invoice.due_date < today, Invoice.id > after)
        .order_by(Invoice.id)
        .limit(_BATCH)
    ).all()


def _new(
    session: Session, batch: Sequence[Invoice], today: date, steps: Sequence[int]
) -> list[str]:
    """The invoices whose step is not told yet; most days that is none."""
    keys = {
        _key(invoice, step): invoice.id
        for invoice in batch
        if (step := step_of((today - invoice.due_date).days, steps)) is not None
    }
    told = set(session.scalars(select(Event.key).where(Event.key.in_(keys))))
    return [id for key, id in keys.items() if key not in told]


def _tell(
    session: Session, ids: Sequence[str], today: date, steps: Sequence[int]
) -> int:
    """Look again inside the transaction: one may have been paid meanwhile."""
    invoices = session.scalars(
        select(Invoice)
        .where(Invoice.id.in_(ids), Invoice.state.in_(_UNPAID))
        .order_by(Invoice.id)
    ).all()
    for invoice in invoices:
        days = (today - invoice.due_date).days
        step = step_of(days, steps)
        if step is None:
            continue
        publish(
            session,
            "invoice.overdue",
            subject=f"invoice:{invoice.id}",
            key=_key(invoice, step),
            data={**invoice_data(invoice), "days_overdue": days, "step": step},
        )
    return len(invoices)


def _key(invoice: Invoice, step: int) -> str:
    return f"invoice.overdue:{invoice.id}:{step}"

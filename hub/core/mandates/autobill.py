"""Autobill: collect what is due soon from companies that agreed to it.

An invoice is collected on its own at most once in each period, which is a row
(ROAD 27): the first lasts from HUB_AUTOBILL_DAYS before the due date until 30 days
after it, two more of 30 days follow. Later, and once money of it went back, only a
person collects it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import structlog
from sqlalchemy import Select, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from hub.boot import Hub, hub_of
from hub.core.ledger import charges
from hub.core.ledger.snapshots import invoice_data
from hub.core.mandates import debits
from hub.core.mandates.debits import Trouble
from hub.core.models import Charge, Company, Invoice, Mandate, Payment
from hub.core.notify import notify_staff
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, HubError
from hub.sdk.money import Money

PERIOD = timedelta(days=30)
PERIODS = 3
_UNPAID = ("open", "partially_paid")
_BATCH = 200
_log = structlog.get_logger("hub.autobill")


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What the next run does about an invoice: it collects `amount`, unless there is
    a `problem`."""

    invoice_id: str
    number: str
    company_id: str
    company_name: str
    due_date: date
    amount: Money
    period: int
    mandate_id: str | None
    problem: Trouble | None


def today(hub: Hub) -> date:
    """Today where the installation is."""
    return now().astimezone(hub.settings.time_zone).date()


def preview(session: Session) -> list[Planned]:
    """What a run right now does, invoices due first before."""
    hub = hub_of(session)
    batches = _batches(hub, session)
    planned = [each for batch in batches for each in _plan(session, batch, today(hub))]
    return sorted(planned, key=lambda each: (each.due_date, each.number))


def run(hub: Hub) -> int:
    """Collect what is due; returns how many debits were begun. Harmless when run
    twice or by several."""
    with hub.read() as session:
        ready = [each.invoice_id for each in preview(session) if each.problem is None]
    begun = 0
    for invoice_id in ready:
        charge_id = _begin(hub, invoice_id)
        if charge_id is None:
            continue
        begun += 1
        error = debits.run(hub, charge_id)
        if error is not None:
            _tell(hub, invoice_id, charge_id, error)
    return begun


def _begin(hub: Hub, invoice_id: str) -> str | None:
    """Look again with the invoice locked, and open the charge; None if there is
    nothing to collect any more, or somebody else was first."""
    try:
        with hub.write() as session:
            invoice = charges.locked_invoice(session, invoice_id)
            found = session.scalars(_wanted(hub).where(Invoice.id == invoice_id)).all()
            planned = next(iter(_plan(session, found, today(hub))), None)
            if planned is None or planned.problem is not None:
                return None
            return debits.begin(session, invoice, period=planned.period).id
    except (IntegrityError, ConflictError):
        return None


def _wanted(hub: Hub) -> Select[Invoice]:
    until = today(hub) + timedelta(days=hub.settings.autobill_days)
    return (
        select(Invoice)
        .join(Company, Company.id == Invoice.company_id)
        .options(selectinload(Invoice.company))
        .where(
            Company.autobill,
            Invoice.state.in_(_UNPAID),
            Invoice.due_date <= until,
        )
    )


def _batches(hub: Hub, session: Session) -> Iterator[Sequence[Invoice]]:
    after = ""
    while True:
        batch = session.scalars(
            _wanted(hub).where(Invoice.id > after).order_by(Invoice.id).limit(_BATCH)
        ).all()
        yield batch
        if len(batch) < _BATCH:
            return
        after = batch[-1].id


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What stands against collecting some invoices, by their ids."""

    pages: frozenset[str]
    debits: frozenset[str]
    begun: frozenset[tuple[str, int]]
    gave_back: frozenset[str]
    pending: dict[str, int]
    mandates: dict[str, Mandate]


def _plan(session: Session, invoices: Sequence[Invoice], day: date) -> list[Planned]:
    known = _know(session, invoices)
    return [_planned(session, each, known, day) for each in invoices]


def _planned(session: Session, row: Invoice, known: _Known, day: date) -> Planned:
    period = max((day - row.due_date) // PERIOD, 0)
    left = row.open_minor - known.pending.get(row.id, 0)
    mandate = known.mandates.get(row.company.mandate_id or "")
    problem = _problem(row, known, period, left)
    return Planned(
        invoice_id=row.id,
        number=row.number,
        company_id=row.company_id,
        company_name=row.company.name,
        due_date=row.due_date,
        amount=Money(max(left, 0), row.currency),
        period=period,
        mandate_id=mandate.id if mandate else None,
        problem=problem or debits.trouble(session, row.currency, mandate),
    )


def _problem(row: Invoice, known: _Known, period: int, left: int) -> Trouble | None:
    if row.id in known.debits or left <= 0:
        return Trouble(
            code="under_way", sentence="A payment of it is under way at the bank."
        )
    if row.id in known.pages:
        return Trouble(
            code="page_open",
            sentence="A payment page is open: the client may be paying there.",
        )
    if row.id in known.gave_back:
        return Trouble(
            code="went_back",
            sentence="Money of it went back or is disputed: collect it by hand.",
        )
    if period >= PERIODS:
        return Trouble(
            code="too_late", sentence="It is long overdue: collect it by hand."
        )
    if (row.id, period) in known.begun:
        again = row.due_date + (period + 1) * PERIOD
        more = f", again from {again.isoformat()}" if period + 1 < PERIODS else ""
        return Trouble(code="tried", sentence=f"It was collected already{more}.")
    return None


def _know(session: Session, invoices: Sequence[Invoice]) -> _Known:
    ids = [each.id for each in invoices]
    mandate_ids = {each.company.mandate_id for each in invoices} - {None}
    charged = session.execute(
        select(Charge.invoice_id, Charge.mandate_id, Charge.state, Charge.period)
        .where(Charge.invoice_id.in_(ids))
        .order_by(Charge.id)
    ).all()
    opened = [each for each in charged if each.state == "open"]
    mandates = session.scalars(select(Mandate).where(Mandate.id.in_(mandate_ids)))
    return _Known(
        pages=frozenset(e.invoice_id for e in opened if e.mandate_id is None),
        debits=frozenset(e.invoice_id for e in opened if e.mandate_id is not None),
        begun=frozenset(
            (e.invoice_id, e.period) for e in charged if e.period is not None
        ),
        gave_back=_gave_back(session, ids),
        pending=_pending(session, ids),
        mandates={each.id: each for each in mandates},
    )


def _gave_back(session: Session, ids: Sequence[str]) -> frozenset[str]:
    found = session.scalars(
        select(Payment.invoice_id).where(
            Payment.invoice_id.in_(ids),
            or_(
                Payment.disputed,
                Payment.refunded_minor > 0,
                Payment.charged_back_minor > 0,
            ),
        )
    )
    return frozenset(id for id in found if id)


def _pending(session: Session, ids: Sequence[str]) -> dict[str, int]:
    found = session.execute(
        select(Payment.invoice_id, func.sum(Payment.amount_minor))
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .where(
            Payment.invoice_id.in_(ids),
            Payment.state == "pending",
            Payment.currency == Invoice.currency,
        )
        .group_by(Payment.invoice_id)
    )
    return {id: int(minor) for id, minor in found if id}


def _tell(hub: Hub, invoice_id: str, charge_id: str, error: HubError) -> None:
    """A debit that was refused has no payment and so no event of its own."""
    _log.warning("debit.failed", invoice=invoice_id, error=str(error))
    with hub.write() as session:
        charge = session.get_one(Charge, charge_id)
        if charge.state != "failed":
            return
        invoice = session.get_one(Invoice, invoice_id)
        notify_staff(
            session,
            "autobill.failed",
            invoice_data(invoice),
            title=f"Invoice {invoice.number} could not be collected",
            body=str(error),
            url=hub.url(f"/invoices/{invoice_id}"),
            key=f"autobill.failed:{charge_id}",
        )

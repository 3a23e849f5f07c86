"""What a message to a client is about: the ledger's values, and the client's link."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.models import Company, Contact, Delivery, Event, Invoice
from hub.core.people import portal_links
from hub.core.policy import variables
from hub.core.policy.defaults import STATEMENT
from hub.core.policy.variables import MOST_LINES, Values, day, harmless
from hub.sdk import clock
from hub.sdk.errors import InvalidError
from hub.sdk.money import Money

Given = dict[str, str | int | None]
_UNPAID: Final = ("open", "partially_paid")
_LASTS: Final = timedelta(days=30)  # for so long a link that we send is good at least
_NUMBER: Final = 40


@dataclass(frozen=True)
class About:
    """Values for the template, and the link with its label."""

    values: Values
    link: str
    label: str


def of(session: Session, delivery: Delivery, event: Event | None, reach: str) -> About:
    """Read what a delivery to a contact is about, as it is now; what was paid or
    refunded, as the event says."""
    company = session.get(Company, delivery.company_id or "")
    if company is None:
        raise InvalidError("It isn't known which client this message is for.")
    given = _common(session, delivery, company)
    invoice = _invoice(session, delivery, event)
    if delivery.kind == STATEMENT:
        given |= _statement(session, company)
    elif invoice is not None:
        given |= _of_invoice(session, invoice)
    if event is not None and event.type.startswith("payment."):
        given |= _of_payment(event, _zone(session, company))
    link, label = _link(session, company, invoice)
    given["link"] = link
    return About(variables.values(reach, delivery.kind, given), link, label)


def _common(session: Session, delivery: Delivery, company: Company) -> Given:
    contact = session.get(Contact, delivery.contact_id or "")
    today = clock.now().astimezone(_zone(session, company)).date()
    return {
        "sender_name": hub_of(session).settings.msp_name,
        "company.name": company.name,
        "contact.name": contact.name if contact else "",
        "today": day(today),
    }


def _invoice(
    session: Session, delivery: Delivery, event: Event | None
) -> Invoice | None:
    if delivery.kind == STATEMENT:
        return None
    kind, _, id = (event.subject if event else delivery.subject).partition(":")
    if kind != "invoice":
        id = str((event.data if event else {}).get("invoice_id") or "")
    found = session.get(Invoice, id) if id else None
    return found if found and found.company_id == delivery.company_id else None


def _of_invoice(session: Session, invoice: Invoice) -> Given:
    return {
        "invoice.number": invoice.number,
        "invoice.reference": invoice.reference,
        "issue_date": day(invoice.issue_date),
        "due_date": day(invoice.due_date),
        "days_overdue": _days_overdue(invoice, _today(session)),
        "amount": _money(invoice.total_minor, invoice.currency),
        "open_amount": _open(invoice),
    }


def _of_payment(event: Event, zone: ZoneInfo) -> Given:
    """The payment's amounts, never those of the invoice in their place."""
    data = event.data
    return {
        "amount": _said(data.get("amount"), data.get("currency")),
        "refund_amount": _said(data.get("refund_amount"), data.get("currency")),
        "method": str(data.get("method") or ""),
        "payment_date": day(event.occurred_at.astimezone(zone).date()),
    }


def _statement(session: Session, company: Company) -> Given:
    rows = session.scalars(
        select(Invoice)
        .where(Invoice.company_id == company.id, Invoice.state.in_(_UNPAID))
        .order_by(Invoice.due_date, Invoice.id)
    ).all()
    today = _today(session)
    return {
        "statement.count": len(rows),
        "statement.lines": _list(rows),
        "open_amount": _total(rows),
        "overdue_amount": _total([row for row in rows if _days_overdue(row, today)]),
    }


def _days_overdue(invoice: Invoice, today: date) -> int:
    return max((today - invoice.due_date).days if _open(invoice) else 0, 0)


def _list(rows: Sequence[Invoice]) -> str:
    most = MOST_LINES if len(rows) <= MOST_LINES else MOST_LINES - 1
    lines = [_line(row) for row in rows[:most]]
    if len(rows) > most:
        lines.append(f"and {len(rows) - most} more")
    return "\n".join(lines)


def _line(row: Invoice) -> str:
    number = harmless(row.number, "email", _NUMBER)
    return f"{number}, due {day(row.due_date)}: {_open(row)}"


def _total(rows: Sequence[Invoice]) -> str:
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, 0) + row.open_minor
    return " and ".join(_money(minor, currency) for currency, minor in sums.items())


def _open(invoice: Invoice) -> str:
    unpaid = invoice.state in _UNPAID and invoice.open_minor > 0
    return _money(invoice.open_minor, invoice.currency) if unpaid else ""


def _money(minor: int, currency: str) -> str:
    return Money(minor, currency).format()


def _said(amount: Any, currency: Any) -> str:
    try:
        return Money.parse(amount, str(currency)).format() if amount else ""
    except ValueError:
        return f"{amount} {currency}"


def _link(
    session: Session, company: Company, invoice: Invoice | None
) -> tuple[str, str]:
    """The link that the client has already; one about to end lasts on."""
    shown = invoice is not None and invoice.state != "draft"
    subject = f"invoice:{invoice.id}" if invoice and shown else f"company:{company.id}"
    url, ends = portal_links.make(session, subject)
    if ends < clock.now() + _LASTS:
        url, _ = portal_links.make(session, subject, days=portal_links.DAYS)
    if invoice is None or not shown:
        return url, "See what is open"
    number = harmless(invoice.number, "email", _NUMBER)
    return url, f"See {'and pay ' if _open(invoice) else ''}invoice {number}"


def _zone(session: Session, company: Company) -> ZoneInfo:
    own = company.time_zone
    return ZoneInfo(own) if own else hub_of(session).settings.time_zone


def _today(session: Session) -> date:
    """Invoices fall due by the hub's own day."""
    return clock.now().astimezone(hub_of(session).settings.time_zone).date()

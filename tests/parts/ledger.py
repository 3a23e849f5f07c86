"""A small ledger to test with: companies, invoices, and a till that tells facts."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select

from hub.boot import Hub
from hub.core.ledger import companies, invoices
from hub.core.ledger.invoices import NewInvoice
from hub.core.models import (
    Base,
    Company,
    Connection,
    Event,
    FactRow,
    Invoice,
    Notification,
    Payment,
    User,
    new_id,
)
from hub.core.record import record_all
from hub.sdk.facts import (
    ChargebackMade,
    DisputeSeen,
    Fact,
    Match,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    RefundMade,
    RefundTotal,
)
from hub.sdk.money import Money

Kind = TypeVar("Kind")
Row = TypeVar("Row", bound=Base)
START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NUMBER = "INV-000001"


def at(minutes: int) -> datetime:
    """A provider's time, in minutes from the start."""
    return START + timedelta(minutes=minutes)


def eur(amount: str) -> Money:
    return Money.parse(amount, "EUR")


def lines(total: str) -> list[dict[str, str]]:
    """One line without tax."""
    return [{"description": "Managed IT", "quantity": "1", "unit_price": total}]


def add_company(hub: Hub, name: str = "Acme", currency: str = "EUR") -> Company:
    with hub.write() as session:
        return companies.create(session, {"name": name, "currency": currency})


def add_invoice(
    hub: Hub, total: str = "100.00", company: Company | None = None, **values: Any
) -> Invoice:
    """Create an open invoice, for a company of its own unless one is given."""
    owner = company or add_company(hub)
    with hub.write() as session:
        new = NewInvoice(company_id=owner.id, lines=lines(total), **values)
        return invoices.create(session, new)


def add_user(hub: Hub, role: str = "admin", **values: Any) -> User:
    user = User(
        id=new_id("usr"), email=f"{new_id('mail')}@example.com", role=role, **values
    )
    with hub.write() as session:
        session.add(user)
    return user


def tell(
    hub: Hub, connection: Connection, *facts: Fact, revision: int = 0
) -> list[FactRow]:
    """Record facts in one transaction."""
    with hub.write() as session:
        row = session.get_one(Connection, connection.id)
        return record_all(session, row, facts, revision=revision)


def received(minute: int = 0, amount: str = "100.00", **values: Any) -> PaymentReceived:
    return _payment(PaymentReceived, minute, amount, values)


def pending(minute: int = 0, amount: str = "100.00", **values: Any) -> PaymentPending:
    return _payment(PaymentPending, minute, amount, values)


def failed(minute: int = 0, amount: str = "100.00", **values: Any) -> PaymentFailed:
    return _payment(PaymentFailed, minute, amount, values)


def refund(
    minute: int = 10, amount: str = "30.00", state: str = "done", **values: Any
) -> RefundMade:
    given = {"reference": "R-1", "payment": "P-1", **values}
    given.setdefault("id", f"{given['reference']}-{state}-{minute}")
    return RefundMade(
        as_of=at(minute),
        amount=eur(amount),
        state=state,  # type: ignore[arg-type]
        **given,
    )


def refund_total(minute: int = 10, total: str = "30.00", **values: Any) -> RefundTotal:
    given = {"id": f"total-{minute}-{total}", "payment": "P-1", **values}
    return RefundTotal(as_of=at(minute), total=eur(total), **given)


def chargeback(
    minute: int = 20, amount: str = "100.00", state: str = "done", **values: Any
) -> ChargebackMade:
    given = {"reference": "C-1", "payment": "P-1", **values}
    given.setdefault("id", f"{given['reference']}-{state}-{minute}")
    return ChargebackMade(
        as_of=at(minute),
        amount=eur(amount),
        state=state,  # type: ignore[arg-type]
        **given,
    )


def dispute(minute: int = 15, state: str = "open", **values: Any) -> DisputeSeen:
    given = {"reference": "D-1", "payment": "P-1", "amount": None, **values}
    given.setdefault("id", f"{given['reference']}-{state}-{minute}")
    return DisputeSeen(
        as_of=at(minute),
        state=state,  # type: ignore[arg-type]
        **given,
    )


def _payment(
    kind: Callable[..., Kind], minute: int, amount: str, values: dict[str, Any]
) -> Kind:
    given = {"reference": "P-1", "match": Match(invoice_number=NUMBER), **values}
    name = getattr(kind, "__name__", "")
    given.setdefault("id", f"{given['reference']}-{name}-{minute}")
    return kind(as_of=at(minute), amount=eur(amount), **given)


def the_invoice(hub: Hub, number: str = NUMBER) -> Invoice:
    with hub.read() as session:
        return invoices.by_number(session, number)


def the_payment(hub: Hub, reference: str = "P-1") -> Payment:
    with hub.read() as session:
        return session.scalars(
            select(Payment).where(Payment.reference == reference)
        ).one()


def standing(hub: Hub, number: str = NUMBER) -> tuple[str, int, int]:
    invoice = the_invoice(hub, number)
    return invoice.state, invoice.paid_minor, invoice.open_minor


def told(
    hub: Hub, *, but: Sequence[str] = ("company.changed", "invoice.created")
) -> list[str]:
    """The types of all events, oldest first."""
    return [event.type for event in all_of(hub, Event) if event.type not in but]


def all_of(hub: Hub, model: type[Row]) -> list[Row]:
    with hub.read() as session:
        return list(session.scalars(select(model).order_by(model.id)))  # type: ignore[attr-defined]


def notes(hub: Hub) -> list[tuple[str, str]]:
    """Type and title of all notifications, oldest first."""
    return [(note.type, note.title) for note in all_of(hub, Notification)]


def day(text: str) -> date:
    return date.fromisoformat(text)

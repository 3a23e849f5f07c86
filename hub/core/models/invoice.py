"""Invoices, their lines, and open payment attempts (charges)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.core.models.base import Base, Stamped, new_id
from hub.core.models.company import Company


class Invoice(Stamped, Base):
    """An invoice. `state`, `paid_minor`, `open_minor` are computed by
    hub.core.ledger from lines and movements and stored for queries only."""

    __tablename__ = "invoices"
    __table_args__ = (Index(None, "state", "due_date"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("inv"))
    number: Mapped[str] = mapped_column(unique=True)
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"), index=True)
    currency: Mapped[str]
    issue_date: Mapped[date]
    due_date: Mapped[date]
    reference: Mapped[str] = mapped_column(default="")
    notes: Mapped[str] = mapped_column(default="")
    issued_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(default="draft")
    net_minor: Mapped[int] = mapped_column(default=0)
    tax_minor: Mapped[int] = mapped_column(default=0)
    total_minor: Mapped[int] = mapped_column(default=0)
    paid_minor: Mapped[int] = mapped_column(default=0)
    open_minor: Mapped[int] = mapped_column(default=0)

    company: Mapped[Company] = relationship()
    lines: Mapped[list["InvoiceLine"]] = relationship(
        cascade="all, delete-orphan", order_by="InvoiceLine.position"
    )


class InvoiceLine(Base):
    """One line; `unit_price` in major units, `tax_rate` in percent."""

    __tablename__ = "invoice_lines"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("lin"))
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    position: Mapped[int]
    description: Mapped[str]
    quantity: Mapped[Decimal]
    unit_price: Mapped[Decimal]
    tax_rate: Mapped[Decimal]
    product_code: Mapped[str | None]
    net_minor: Mapped[int]
    tax_minor: Mapped[int]


class Charge(Stamped, Base):
    """An open payment attempt, committed before any provider call; its id goes
    into the provider's custom id. One may be open per invoice (ROAD 7).

    States: open, finished, failed, expired. `mandate_id`: a direct debit, else a
    hosted page. Who talks to the provider about it holds `claim` until
    `lease_until`; the janitor looks at it at `next_check_at`. `problem` says why
    the last call came to nothing. `back` is where the payer comes back to: the same
    whenever the call is repeated, as its idempotency key is. `period`: begun by
    autobill, once for an invoice in each of its periods (ROAD 27).
    """

    __tablename__ = "charges"
    __table_args__ = (
        UniqueConstraint("invoice_id", "period"),
        Index(
            "uq_charges_open_invoice",
            "invoice_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "ix_charges_due",
            "next_check_at",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("chg"))
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    amount_minor: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    reference: Mapped[str | None] = mapped_column(index=True)
    url: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    mandate_id: Mapped[str | None] = mapped_column(
        ForeignKey("mandates.id"), index=True
    )
    period: Mapped[int | None]
    claim: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    checks: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(default="")
    back: Mapped[str] = mapped_column(default="")


class Counter(Base):
    """The last number given out; its row lock keeps numbers without gaps."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]

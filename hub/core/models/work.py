"""Tickets and the time entries billed from them."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, Stamped, new_id


class Ticket(Stamped, Base):
    """A support ticket. States: open, closed."""

    __tablename__ = "tickets"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("tic"))
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"), index=True)
    number: Mapped[str] = mapped_column(default="")
    title: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    priority: Mapped[str] = mapped_column(default="")


class TimeEntry(Stamped, Base):
    """Time worked for a company; `hourly_rate` in major units of `currency`."""

    __tablename__ = "time_entries"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("tim"))
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"), index=True)
    ticket_id: Mapped[str | None] = mapped_column(ForeignKey("tickets.id"))
    invoice_id: Mapped[str | None] = mapped_column(ForeignKey("invoices.id"))
    person: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime]
    minutes: Mapped[int]
    billable: Mapped[bool] = mapped_column(default=True)
    hourly_rate: Mapped[Decimal | None]
    currency: Mapped[str]

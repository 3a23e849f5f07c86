"""Credit notes and what of them is allocated to which invoice."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.core.models.base import Base, Stamped, new_id


class CreditNote(Stamped, Base):
    """An amount credited to a company. States: open, allocated, void."""

    __tablename__ = "credit_notes"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("crn"))
    number: Mapped[str] = mapped_column(unique=True)
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"), index=True)
    currency: Mapped[str]
    amount_minor: Mapped[int]
    issue_date: Mapped[date]
    reason: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="open")
    voided_at: Mapped[datetime | None]

    allocations: Mapped[list["Allocation"]] = relationship(
        cascade="all, delete-orphan", order_by="Allocation.id"
    )


class Allocation(Stamped, Base):
    """Part of a credit note set against an invoice."""

    __tablename__ = "allocations"
    __table_args__ = (UniqueConstraint("credit_note_id", "invoice_id"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("alc"))
    credit_note_id: Mapped[str] = mapped_column(ForeignKey("credit_notes.id"))
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    amount_minor: Mapped[int]

"""Quotes a client accepts or declines."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.core.models.base import Base, Stamped, new_id
from hub.core.models.company import Company


class Quote(Stamped, Base):
    """A quote. States: open, accepted, declined (expired is derived)."""

    __tablename__ = "quotes"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("quo"))
    number: Mapped[str] = mapped_column(unique=True)
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"), index=True)
    title: Mapped[str] = mapped_column(default="")
    currency: Mapped[str]
    valid_until: Mapped[date | None]
    state: Mapped[str] = mapped_column(default="open")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    net_minor: Mapped[int] = mapped_column(default=0)
    tax_minor: Mapped[int] = mapped_column(default=0)
    total_minor: Mapped[int] = mapped_column(default=0)

    company: Mapped[Company] = relationship()
    lines: Mapped[list["QuoteLine"]] = relationship(
        cascade="all, delete-orphan", order_by="QuoteLine.position"
    )


class QuoteLine(Base):
    """One line; `unit_price` in major units, `tax_rate` in percent."""

    __tablename__ = "quote_lines"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("qln"))
    quote_id: Mapped[str] = mapped_column(ForeignKey("quotes.id"), index=True)
    position: Mapped[int]
    description: Mapped[str]
    quantity: Mapped[Decimal]
    unit_price: Mapped[Decimal]
    tax_rate: Mapped[Decimal]
    product_code: Mapped[str | None]
    net_minor: Mapped[int]
    tax_minor: Mapped[int]

"""Refunds people ask for: one row before any call."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, Stamped, new_id


class RefundRequest(Stamped, Base):
    """A refund on its way to the provider; its id is the idempotency key, so that
    an unknown outcome is resolved by asking again. One may be open per payment.

    States: open, done, refused.
    """

    __tablename__ = "refund_requests"
    __table_args__ = (
        Index(
            "uq_refund_requests_open",
            "payment_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "ix_refund_requests_due",
            "next_check_at",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("rfr"))
    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    asked_by: Mapped[str] = mapped_column(default="")
    refund_reference: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    claim: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    checks: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(default="")

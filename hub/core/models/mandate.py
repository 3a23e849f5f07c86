"""Direct-debit mandates of companies, and the requests that lead to them."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, Stamped, new_id


class Mandate(Stamped, Base):
    """A mandate. States: pending, active, failed, cancelled, expired, replaced.

    `next_charge_date`: the earliest day of a debit, as the provider last said.
    `company_id` None: whose it is isn't known yet, and the `match_*` columns keep
    what it waits for (ROAD 6).
    """

    __tablename__ = "mandates"
    __table_args__ = (
        UniqueConstraint("provider", "reference"),
        Index(None, "match_request"),
        Index(None, "match_checkout"),
        Index(None, "replaced_by"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("mdt"))
    company_id: Mapped[str | None] = mapped_column(
        ForeignKey("companies.id"), index=True
    )
    connection_id: Mapped[str | None] = mapped_column(ForeignKey("connections.id"))
    match_request: Mapped[str | None]
    match_checkout: Mapped[str | None]
    provider: Mapped[str]
    reference: Mapped[str]
    scheme: Mapped[str] = mapped_column(default="")
    currency: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    url: Mapped[str] = mapped_column(default="")
    replaced_by: Mapped[str | None]
    next_charge_date: Mapped[date | None]
    as_of: Mapped[datetime]


class MandateRequest(Stamped, Base):
    """A company's way to a mandate, committed before the provider is called.

    States: open, finished, failed, expired; one may be open per company and
    connection. Claim, lease, checks and `back` are as those of a charge.
    """

    __tablename__ = "mandate_requests"
    __table_args__ = (
        Index(
            "uq_mandate_requests_open",
            "company_id",
            "connection_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "ix_mandate_requests_due",
            "next_check_at",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("mrq"))
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"), index=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    currency: Mapped[str] = mapped_column(default="")
    back: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="open")
    reference: Mapped[str | None] = mapped_column(index=True)
    url: Mapped[str | None]
    mandate_id: Mapped[str | None] = mapped_column(ForeignKey("mandates.id"))
    closed_at: Mapped[datetime | None]
    claim: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    checks: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(default="")

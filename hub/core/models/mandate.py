"""Direct-debit mandates of companies."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, Stamped, new_id


class Mandate(Stamped, Base):
    """A mandate. States: pending, active, failed, cancelled, expired, replaced."""

    __tablename__ = "mandates"
    __table_args__ = (UniqueConstraint("provider", "reference"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("mdt"))
    company_id: Mapped[str | None] = mapped_column(
        ForeignKey("companies.id"), index=True
    )
    connection_id: Mapped[str | None] = mapped_column(ForeignKey("connections.id"))
    provider: Mapped[str]
    reference: Mapped[str]
    scheme: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    as_of: Mapped[datetime]

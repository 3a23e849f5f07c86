"""What clients of the MSP open without signing in."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, Stamped, new_id


class PortalLink(Stamped, Base):
    """A signed link to one invoice, quote or company's open invoices. The token
    names the row; revoking or expiry ends it. `subject` is `invoice:inv_…`,
    `quote:quo_…` or `company:com_…`."""

    __tablename__ = "portal_links"
    __table_args__ = (Index(None, "subject"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("lnk"))
    subject: Mapped[str]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    made_by: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[datetime | None]

"""External references: which id a ledger object has at which connection."""

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, Stamped, new_id


class ExternalRef(Stamped, Base):
    """`entity` is `invoice:inv_…`; `kind` the provider's word for its record."""

    __tablename__ = "external_refs"
    __table_args__ = (
        UniqueConstraint("connection_id", "kind", "external_id"),
        UniqueConstraint("entity", "connection_id", "kind"),
        Index(None, "entity"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("ref"))
    entity: Mapped[str]
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    kind: Mapped[str]
    external_id: Mapped[str]
    url: Mapped[str] = mapped_column(default="")

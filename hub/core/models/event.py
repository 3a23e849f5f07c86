"""Events: what happened in the ledger."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base


class Event(Base):
    """An event. Ids are taken last in the transaction, in commit order (ROAD 37).

    `key` is unique by subject, transition and movement: the same happening is
    published once. `origin_id` is the connection it came from, which is not told.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "subject"),
        Index(None, "type", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    subject: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    data: Mapped[dict[str, Any]]
    url: Mapped[str]
    origin_id: Mapped[str | None] = mapped_column(ForeignKey("connections.id"))
    fact_id: Mapped[str | None] = mapped_column(ForeignKey("facts.id"), index=True)
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(index=True)

"""Calls to providers, with secrets taken out before they are written."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, new_id


class ApiCall(Base):
    """One call of a plugin to its provider."""

    __tablename__ = "api_calls"
    __table_args__ = (Index(None, "connection_id", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("api"))
    plugin: Mapped[str]
    connection_id: Mapped[str | None] = mapped_column(ForeignKey("connections.id"))
    delivery_id: Mapped[str | None] = mapped_column(
        ForeignKey("deliveries.id"), index=True
    )
    webhook_id: Mapped[str | None] = mapped_column(ForeignKey("inbound_webhooks.id"))
    method: Mapped[str]
    url: Mapped[str]
    status: Mapped[int | None]
    error: Mapped[str] = mapped_column(default="")
    duration_ms: Mapped[int]
    request_size: Mapped[int]
    response_size: Mapped[int]
    request_excerpt: Mapped[str] = mapped_column(default="")
    response_excerpt: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(index=True)

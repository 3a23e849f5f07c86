"""Inbound webhooks, kept as they came."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, new_id


class InboundWebhook(Base):
    """A request from a provider. Rows are inserted by the raw SQL of
    hub.core.accept only. States: received, processed, ignored, failed.

    `headers` are the raw `Name: value` lines, `query` the raw query string; these and
    the body are blanked by retention.
    A claimed row stays `received`: its lease is its `next_attempt_at`. A claim that
    is never settled is a lost lease.
    """

    __tablename__ = "inbound_webhooks"
    __table_args__ = (
        UniqueConstraint("connection_id", "dedupe_key"),
        Index(
            "ix_inbound_webhooks_due",
            "next_attempt_at",
            sqlite_where=text("state = 'received'"),
            postgresql_where=text("state = 'received'"),
        ),
        # What retention has still to blank: nothing of what it has blanked already.
        Index(
            "ix_inbound_webhooks_full",
            "received_at",
            "id",
            sqlite_where=text("body IS NOT NULL AND state <> 'received'"),
            postgresql_where=text("body IS NOT NULL AND state <> 'received'"),
        ),
        Index(None, "received_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("whk"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    dedupe_key: Mapped[str | None]
    method: Mapped[str]
    path: Mapped[str]
    query: Mapped[str] = mapped_column(default="")
    headers: Mapped[bytes | None]
    body: Mapped[bytes | None]
    size: Mapped[int]
    received_at: Mapped[datetime]
    state: Mapped[str]
    event_types: Mapped[str] = mapped_column(default="")
    attempts: Mapped[int] = mapped_column(default=0)
    lost_leases: Mapped[int] = mapped_column(default=0)
    claim: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")
    processed_at: Mapped[datetime | None]
    replay_of: Mapped[str | None] = mapped_column(ForeignKey("inbound_webhooks.id"))

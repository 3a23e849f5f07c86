"""Facts as they were understood."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, new_id


class FactRow(Base):
    """One fact, unique by (connection, fact id, revision); a replay writes the next
    revision. States: recorded (the ledger moved), unchanged, parked (waits for
    what it refers to), withdrawn (no longer heard anywhere). `subject` is the ledger
    object it touched, `movement` names the money it speaks of: all facts of one
    movement are folded together."""

    __tablename__ = "facts"
    __table_args__ = (UniqueConstraint("connection_id", "fact_id", "revision"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("fct"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    fact_id: Mapped[str]
    revision: Mapped[int] = mapped_column(default=0)
    kind: Mapped[str]
    data: Mapped[dict[str, Any]]
    as_of: Mapped[datetime]
    webhook_id: Mapped[str | None] = mapped_column(
        ForeignKey("inbound_webhooks.id"), index=True
    )
    sync_run_id: Mapped[str | None] = mapped_column(ForeignKey("sync_runs.id"))
    state: Mapped[str]
    subject: Mapped[str | None] = mapped_column(index=True)
    movement: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime]


class FactSource(Base):
    """Where a fact is heard: a webhook (the first, not its replays), or `sync`, or
    `hub`. A fact that is heard nowhere any more is withdrawn."""

    __tablename__ = "fact_sources"
    __table_args__ = (Index("ix_fact_sources_source", "connection_id", "source"),)

    connection_id: Mapped[str] = mapped_column(
        ForeignKey("connections.id"), primary_key=True
    )
    fact_id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)

"""Runs of a sync."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, new_id


class SyncRun(Base):
    """One run. States: running, done, failed, cancelled. One may run at a time."""

    __tablename__ = "sync_runs"
    __table_args__ = (
        Index(
            "uq_sync_runs_running",
            "connection_id",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("syn"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    state: Mapped[str] = mapped_column(default="running")
    cursor: Mapped[str | None]
    pages: Mapped[int] = mapped_column(default=0)
    facts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")
    claim: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

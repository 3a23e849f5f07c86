"""Connections, plugins' switches, small state per connection, settings revision."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, Stamped, new_id

# In these states deliveries and syncs go out.
WORKING = ("active", "degraded")


class Connection(Stamped, Base):
    """One account of ours at a provider.

    `settings` are the plain values, `secrets` a sealed JSON object (hub.core.vault),
    `hooks_off` the event hooks an admin unticked.
    States: setup, active, degraded, needs_reauth, disabled; `problem` says why.
    `lease_*` serve the OAuth refresh (ROAD 28). `failures` in a row make an outage;
    before `retry_at` the provider asked not to be called, and since `waiting_since` it
    does nothing else; `paused_at` is since when
    its deliveries are held (ROAD 19). A connection that was removed keeps its row,
    for what refers to it, without settings and with its slug given free.
    """

    __tablename__ = "connections"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("cnn"))
    plugin: Mapped[str] = mapped_column(index=True)
    slug: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default="setup")
    problem: Mapped[str] = mapped_column(default="")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    secrets: Mapped[bytes | None]
    hooks_off: Mapped[list[Any]] = mapped_column(default=list)
    rate_limit: Mapped[float | None]
    tested_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    waiting_since: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    lease_claim: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]


class ConnectionState(Base):
    """A value a plugin keeps for a connection (`ctx.state`); `sealed` if secret."""

    __tablename__ = "connection_state"

    connection_id: Mapped[str] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[bytes]
    sealed: Mapped[bool] = mapped_column(default=False)
    expires_at: Mapped[datetime | None]


class PluginSwitch(Base):
    """Whether an installed plugin is enabled, or quarantined and why."""

    __tablename__ = "plugins"

    name: Mapped[str] = mapped_column(primary_key=True)
    enabled: Mapped[bool] = mapped_column(default=False)
    quarantined_at: Mapped[datetime | None]
    quarantine_reason: Mapped[str] = mapped_column(default="")


class Revision(Base):
    """One row, raised with every change of settings (ROAD 30)."""

    __tablename__ = "revision"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(default=0)


class Outage(Base):
    """A time in which a connection fails: admins hear of start and end once.

    `kind`: unavailable, credentials. `told` is the last word published about it:
    "", a kind, recovered.
    """

    __tablename__ = "outages"
    __table_args__ = (
        Index(
            "uq_outages_open_connection",
            "connection_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("out"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str]
    kind: Mapped[str] = mapped_column(default="unavailable")
    told: Mapped[str] = mapped_column(default="")
    failures: Mapped[int] = mapped_column(default=0)
    next_probe_at: Mapped[datetime | None]

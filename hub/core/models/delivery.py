"""Deliveries and their attempts."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.core.models.base import Base, new_id
from hub.core.models.event import Event


class Delivery(Base):
    """One event (or free message) bound for one connection's hook and target.

    States: pending, sending, delivered, retrying, in_doubt, dead, skipped (with
    `reason` in a word, `explanation` in a sentence). `audience`: channel, contact or
    staff; a contact's and a staff member's `kind` is the template it is written from.
    `digest_id` is the digest that tells it in place of this. `copy` is ""
    for the first, the replay's own id for a replay.
    `sent_at` marks that the provider may have the request (ROAD 16); `steps` are how
    each step of the hook stands (ROAD 17, `core/deliveries/steps`). `deadline`
    ends the retries. `asked_at` is when a person asked for it again: it is news again
    from then on.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "connection_id", "hook", "target", "copy"),
        Index(
            "ix_deliveries_due",
            "connection_id",
            "next_attempt_at",
            "position",
            sqlite_where=text("state IN ('pending', 'retrying')"),
            postgresql_where=text("state IN ('pending', 'retrying')"),
        ),
        Index(
            "ix_deliveries_suspect",
            "connection_id",
            "next_attempt_at",
            sqlite_where=text("lost_leases > 1 AND state IN ('pending', 'retrying')"),
            postgresql_where=text(
                "lost_leases > 1 AND state IN ('pending', 'retrying')"
            ),
        ),
        Index(
            "ix_deliveries_sending",
            "connection_id",
            "lease_until",
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        Index(None, "connection_id", "subject", "position"),
        Index(None, "created_at"),
        Index(None, "company_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("dlv"))
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id"), index=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    hook: Mapped[str]
    target: Mapped[str] = mapped_column(default="")
    copy: Mapped[str] = mapped_column(default="")
    subject: Mapped[str]
    # Order within (connection, subject): the event's id, so commit order.
    position: Mapped[int] = mapped_column(default=0)
    message: Mapped[dict[str, Any] | None]
    state: Mapped[str] = mapped_column(default="pending")
    reason: Mapped[str] = mapped_column(default="")
    explanation: Mapped[str] = mapped_column(default="")
    audience: Mapped[str] = mapped_column(default="channel")
    kind: Mapped[str] = mapped_column(default="")
    company_id: Mapped[str | None] = mapped_column(ForeignKey("companies.id"))
    contact_id: Mapped[
        str | None
    ]  # a contact may be removed, with what we told it kept
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    digest_id: Mapped[str | None] = mapped_column(ForeignKey("digests.id"), index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    lost_leases: Mapped[int] = mapped_column(default=0)
    claim: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    deadline: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    steps: Mapped[dict[str, Any] | None]
    provider_reference: Mapped[str | None]
    replay_of: Mapped[str | None] = mapped_column(ForeignKey("deliveries.id"))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    event: Mapped[Event | None] = relationship()


class Attempt(Base):
    """One try of a delivery, written before the call. `outcome`: delivered, retry,
    in_doubt, rejected, credentials, lost, crashed, interrupted; None while it runs."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("att"))
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id"))
    number: Mapped[int]
    claim: Mapped[str]
    worker: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    error: Mapped[str] = mapped_column(default="")
    status: Mapped[int | None]

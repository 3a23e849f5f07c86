"""What the sending policy knows: rules, templates, blocks, caps, digests, outcomes."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, Stamped, new_id


class SendingPolicy(Base):
    """One row: what holds for all sending. Quiet hours of clients are wall-clock
    times (HH:MM) in the client's zone; equal ones mean none."""

    __tablename__ = "sending_policy"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    quiet_from: Mapped[str]
    quiet_until: Mapped[str]


class SendingRule(Base):
    """What an admin decided for one event type at one connection and audience.

    `audience`: channel, contact, staff. `when`: off, now, hourly, daily. `targets` are
    a channel connection's own channels for this event ([]: the connection's default).
    No row: the default in hub.core.policy.kinds.
    """

    __tablename__ = "sending_rules"

    connection_id: Mapped[str] = mapped_column(
        ForeignKey("connections.id"), primary_key=True
    )
    event_type: Mapped[str] = mapped_column(primary_key=True)
    audience: Mapped[str] = mapped_column(primary_key=True)
    when: Mapped[str]
    targets: Mapped[list[Any]] = mapped_column(default=list)


class MessageTemplate(Stamped, Base):
    """An admin's own words in place of the default text; `reach`: phone, email."""

    __tablename__ = "message_templates"

    reach: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # an event type, or statement
    subject: Mapped[str] = mapped_column(default="")
    body: Mapped[str]
    by: Mapped[str]


class AddressBlock(Base):
    """An address that one sender of ours must not write to.

    `kind`: opt_out, bounced. `sender` is the number or messaging service ("" where the
    connection has but one); `how` in words; ended by START or by a person.
    """

    __tablename__ = "address_blocks"
    __table_args__ = (
        Index(
            "uq_address_blocks_open",
            "connection_id",
            "sender",
            "address",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "address"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("blk"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    sender: Mapped[str]
    address: Mapped[str]
    kind: Mapped[str]
    how: Mapped[str]
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class DailySend(Base):
    """The one text of a local day: `subject` is `company:…` or `phone:+49…`, `day` in
    the client's zone. Who holds the row may send; it is taken before the call."""

    __tablename__ = "daily_sends"

    subject: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id"), index=True)


class Digest(Base):
    """Several events told as one: by the hour or day, or because they came at once.

    Its items are deliveries that point here, skipped as `digest`; its own delivery
    (`delivery_id`) carries the summary. Open (`closed_at` None) it takes more items.
    """

    __tablename__ = "digests"
    __table_args__ = (
        Index(
            "uq_digests_open",
            "connection_id",
            "target",
            "event_type",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("dig"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    target: Mapped[str]
    event_type: Mapped[str]
    due_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    delivery_id: Mapped[str | None]


class SentMessage(Base):
    """A message at a provider that reports back: one per (connection, reference).

    `state` as the provider tells it by rank: accepted, queued, sending, sent,
    delivered, undelivered, failed, canceled; the last four are final. `delivery_id` is
    None until it is known; `price` is what it cost (positive), as told.
    """

    __tablename__ = "sent_messages"
    __table_args__ = (UniqueConstraint("connection_id", "reference"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("msg"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    reference: Mapped[str]
    delivery_id: Mapped[str | None] = mapped_column(index=True)
    address: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    error_code: Mapped[str] = mapped_column(default="")
    error: Mapped[str] = mapped_column(default="")
    segments: Mapped[int | None]
    price: Mapped[Decimal | None]
    currency: Mapped[str] = mapped_column(default="")
    updated_at: Mapped[datetime]

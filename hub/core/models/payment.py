"""Payments, the movements they are computed from, and payouts."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.core.models.base import Base, Stamped, new_id


class Payment(Stamped, Base):
    """Money of one payer at one time. All but the identity and the match is
    computed from movements (ROAD 3). `invoice_id` None: unmatched, and the
    `match_*` columns keep what it waits for (ROAD 6).

    States: pending, confirmed, paid_out, failed, cancelled, refunded, charged_back.
    `assigned_by`: a person's assignment, which is final.
    """

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("provider", "reference"),
        Index(None, "state"),
        Index(None, "match_charge"),
        Index(None, "match_checkout"),
        Index(None, "match_invoice_number"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("pay"))
    provider: Mapped[str]
    reference: Mapped[str]
    connection_id: Mapped[str | None] = mapped_column(ForeignKey("connections.id"))
    invoice_id: Mapped[str | None] = mapped_column(
        ForeignKey("invoices.id"), index=True
    )
    charge_id: Mapped[str | None] = mapped_column(ForeignKey("charges.id"))
    assigned_by: Mapped[str | None]
    match_charge: Mapped[str | None]
    match_checkout: Mapped[str | None]
    match_invoice_number: Mapped[str | None]
    # Why a person must look: unmatched, overpaid, wrong_currency, void_invoice.
    attention: Mapped[str | None] = mapped_column(index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str] = mapped_column(default="pending")
    refunded_minor: Mapped[int] = mapped_column(default=0)
    charged_back_minor: Mapped[int] = mapped_column(default=0)
    disputed: Mapped[bool] = mapped_column(default=False)
    fee_minor: Mapped[int | None]
    net_minor: Mapped[int | None]
    method: Mapped[str] = mapped_column(default="")
    payer: Mapped[str] = mapped_column(default="")
    url: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime | None]

    movements: Mapped[list["Movement"]] = relationship(order_by="Movement.as_of")


class Movement(Stamped, Base):
    """One object of money at a provider, in its newest known state.

    `kind`: capture, refund, refund_total, chargeback, dispute, fee, payout.
    `as_of` is the provider's own time: the newest wins, ties by rank of the state;
    `since` is the earliest time at which it is known to be in this state.
    `payment_id` None: its payment isn't known yet (refund before capture).
    """

    __tablename__ = "movements"
    __table_args__ = (
        UniqueConstraint("provider", "kind", "reference"),
        Index(None, "provider", "payment_reference"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("mov"))
    provider: Mapped[str]
    kind: Mapped[str]
    reference: Mapped[str]
    connection_id: Mapped[str | None] = mapped_column(ForeignKey("connections.id"))
    payment_id: Mapped[str | None] = mapped_column(
        ForeignKey("payments.id"), index=True
    )
    payment_reference: Mapped[str]
    payout_id: Mapped[str | None] = mapped_column(ForeignKey("payouts.id"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str]
    as_of: Mapped[datetime]
    since: Mapped[datetime]
    reason: Mapped[str] = mapped_column(default="")
    url: Mapped[str] = mapped_column(default="")
    fee_minor: Mapped[int | None]
    net_minor: Mapped[int | None]
    respond_by: Mapped[datetime | None]


class Payout(Stamped, Base):
    """Money a provider sent to our bank."""

    __tablename__ = "payouts"
    __table_args__ = (UniqueConstraint("provider", "reference"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("pot"))
    provider: Mapped[str]
    reference: Mapped[str]
    connection_id: Mapped[str | None] = mapped_column(ForeignKey("connections.id"))
    amount_minor: Mapped[int]
    fee_minor: Mapped[int | None]
    currency: Mapped[str]
    state: Mapped[str]
    arrives_on: Mapped[date | None]
    url: Mapped[str] = mapped_column(default="")
    # Lines as the provider told them: [{"kind", "amount", "currency", "payment"}].
    lines: Mapped[list[Any]] = mapped_column(default=list)
    as_of: Mapped[datetime]

"""Facts: what a plugin understood from a webhook or a sync, as typed values.

A fact says what *is* at the provider at `as_of` (the provider's own time), not
what to do about it. `id` is unique within the connection: the provider's event
id, else a deterministic id from kind, reference and version; hearing the same id
again changes nothing.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from hub.sdk.money import Money


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Base of all facts."""

    id: str
    as_of: datetime


@dataclass(frozen=True, kw_only=True)
class Match:
    """What a payment carries to find its invoice; tried in this order.

    `charge` is the hub's own id of the open payment attempt (custom id, metadata),
    `checkout` the provider's id of the order or session it was paid through,
    `invoice_number` the number the payer or the provider named.
    """

    charge: str | None = None
    checkout: str | None = None
    invoice_number: str | None = None


@dataclass(frozen=True, kw_only=True)
class PaymentFact(Fact):
    """Base: the state of one payment; `reference` is the provider's id of the money
    itself (PayPal's capture, Stripe's payment intent), however many events tell it.
    """

    reference: str
    amount: Money
    match: Match = field(default_factory=Match)
    method: str = ""
    payer: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class PaymentReceived(PaymentFact):
    """The money is ours (captured, confirmed). Fee and net if the provider says."""

    fee: Money | None = None
    net: Money | None = None


@dataclass(frozen=True, kw_only=True)
class PaymentPending(PaymentFact):
    """The provider is waiting for the money; `reason` in its words."""

    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class PaymentFailed(PaymentFact):
    """The money did not come: denied, declined, returned by the bank."""

    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class PaymentCancelled(PaymentFact):
    """The payment was called off before money moved."""


@dataclass(frozen=True, kw_only=True)
class CheckoutApproved(Fact):
    """The payer approved a checkout; no money has moved yet."""

    reference: str
    match: Match = field(default_factory=Match)


@dataclass(frozen=True, kw_only=True)
class RefundMade(Fact):
    """Money given back on purpose. `payment` is the payment's reference."""

    reference: str
    payment: str
    amount: Money
    state: Literal["pending", "done", "failed", "cancelled"] = "done"
    reason: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class RefundTotal(Fact):
    """Where a provider tells only the running total refunded of a payment:
    books max(0, total - known)."""

    payment: str
    total: Money


@dataclass(frozen=True, kw_only=True)
class ChargebackMade(Fact):
    """The provider or bank took the money back; `cancelled` gives it to us again."""

    reference: str
    payment: str
    amount: Money
    state: Literal["done", "cancelled"] = "done"
    reason: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class DisputeSeen(Fact):
    """A case about a payment. It flags the payment; money moves by other facts.

    `respond_by` is when our answer is due.
    """

    reference: str
    payment: str
    amount: Money | None
    state: Literal["open", "won", "lost", "closed"]
    reason: str = ""
    respond_by: datetime | None = None
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class FeeCharged(Fact):
    """A fee the provider kept, beside what a payment fact already told."""

    reference: str
    payment: str
    amount: Money


@dataclass(frozen=True, kw_only=True)
class PayoutLine:
    """One line of a payout's breakdown: `kind` in the provider's word (payment, fee,
    refund, chargeback …), `payment` the reference of the payment it is about."""

    kind: str
    amount: Money
    payment: str | None = None


@dataclass(frozen=True, kw_only=True)
class PayoutMade(Fact):
    """Money sent to our bank, with the payments (by reference) it is made of.

    `amount` is what arrives, fees already off; the `lines` add up to it if given.
    """

    reference: str
    amount: Money
    state: Literal["pending", "paid", "failed"]
    payments: tuple[str, ...] = ()
    fees: Money | None = None
    arrives_on: str = ""
    lines: tuple[PayoutLine, ...] = ()
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class MandateSeen(Fact):
    """The state of a direct-debit mandate; `reference` is the provider's id of it.

    It finds its company by `request` (the hub's own id, from metadata), then by
    `checkout` (the provider's id of the request). `replaced_by` names the mandate
    that took its place; `next_charge_date` (ISO 8601) the earliest day of a debit.
    """

    reference: str
    state: Literal["pending", "active", "failed", "cancelled", "expired", "replaced"]
    request: str | None = None
    checkout: str | None = None
    scheme: str = ""
    currency: str = ""
    reason: str = ""
    replaced_by: str | None = None
    next_charge_date: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class ConversationFact(Fact):
    """Base: what people and providers say about messages; it moves no money."""


@dataclass(frozen=True, kw_only=True)
class MessageStatus(ConversationFact):
    """How a message of ours stands; `reference` is the provider's id of it.

    `delivery` is the hub's id of the delivery where the provider gives it back: it
    settles one in doubt. `price` is a positive decimal string in `currency`.
    """

    reference: str
    state: Literal[
        "accepted",
        "queued",
        "sending",
        "sent",
        "delivered",
        "undelivered",
        "failed",
        "canceled",
    ]
    delivery: str | None = None
    address: str = ""
    error_code: str = ""
    error: str = ""
    segments: str = ""
    price: str = ""
    currency: str = ""


@dataclass(frozen=True, kw_only=True)
class ConsentSaid(ConversationFact):
    """Somebody wrote STOP or START to one of our senders; `how` in words."""

    address: str
    sender: str
    says: Literal["stop", "start"]
    how: str = ""


@dataclass(frozen=True, kw_only=True)
class MessageReceived(ConversationFact):
    """A message from outside that is for a person to read."""

    address: str
    sender: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ActionTaken(ConversationFact):
    """A person pressed a button in a channel; `subject` is `invoice:inv_…`, `by`
    names them (`slack:U0123`)."""

    action: Literal["acknowledge", "remind"]
    subject: str
    by: str

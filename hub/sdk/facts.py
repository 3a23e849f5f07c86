"""Facts: what a plugin understood from a webhook or a sync, as typed values.

A fact says what *is* at the provider at `as_of` (the provider's own time), not
what to do about it. `id` is unique within the connection: the provider's event
id, else a deterministic id from kind, reference and version; hearing the same id
again changes nothing.
"""

from collections.abc import Mapping
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
class PayoutMade(Fact):
    """Money sent to our bank, with the payments (by reference) it is made of."""

    reference: str
    amount: Money
    state: Literal["pending", "paid", "failed"]
    payments: tuple[str, ...] = ()
    fees: Money | None = None
    arrives_on: str = ""


FACT_KINDS: Mapping[str, type[Fact]] = {
    kind.__name__: kind
    for kind in (
        PaymentReceived,
        PaymentPending,
        PaymentFailed,
        PaymentCancelled,
        CheckoutApproved,
        RefundMade,
        RefundTotal,
        ChargebackMade,
        DisputeSeen,
        FeeCharged,
        PayoutMade,
    )
}

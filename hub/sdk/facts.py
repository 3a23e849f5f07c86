"""Facts: what a plugin understood from a webhook or a sync, as typed values.

A fact says what *is* at the provider at `as_of` (the provider's own time), not
what to do about it. `id` is unique within the connection: the provider's event
id, else a deterministic id from kind, reference and version; hearing the same id
again changes nothing.
"""

import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hub.sdk import clock
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
        MandateSeen,
        MessageStatus,
        ConsentSaid,
        MessageReceived,
        ActionTaken,
    )
}


def to_data(fact: Fact) -> dict[str, Any]:
    """Write a fact as plain JSON values: `{"amount": "12.00", "currency": "EUR"}`
    for money, ISO 8601 in UTC for times, null for what is not known.
    """
    return {item.name: _plain(getattr(fact, item.name)) for item in fields(fact)}


def from_data(kind: str, data: Mapping[str, Any]) -> Fact:
    """Read what `to_data` wrote; `kind` is the class's name.

    Fields that are missing get their default and unknown ones are passed over, so
    that rows written by an older or newer hub stay readable. ValueError for an
    unknown kind, a missing field without default or a value of the wrong type.
    """
    if kind not in FACT_KINDS:
        raise ValueError(f"{kind!r} is not a kind of fact")
    return _build(FACT_KINDS[kind], data)  # type: ignore[no-any-return]


def _plain(value: object) -> Any:
    match value:
        case Money():
            return {"amount": str(value), "currency": value.currency}
        case Match() | PayoutLine():
            return {
                item.name: _plain(getattr(value, item.name)) for item in fields(value)
            }
        case datetime():
            return clock.iso(value)
        case tuple():
            return [_plain(item) for item in value]
    return value


def _build(kind: type[Any], data: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    values = {}
    for item in fields(kind):
        if item.name in data:
            values[item.name] = _typed(hints[item.name], data[item.name], item.name)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{kind.__name__} needs {item.name!r}")
    return kind(**values)


def _typed(hint: Any, value: Any, name: str) -> Any:  # noqa: PLR0911 - one per type
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else _typed(inner[0], value, name)
    if origin is Literal and value in inner:
        return value
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_typed(inner[0], item, name) for item in value)
    if hint is Money and isinstance(value, Mapping):
        return Money.parse(str(value.get("amount")), str(value.get("currency")))
    if hint in (Match, PayoutLine) and isinstance(value, Mapping):
        return _build(hint, value)
    if hint is datetime and isinstance(value, str):
        return clock.parse(value)
    if hint is str and isinstance(value, str):
        return value
    raise ValueError(f"{name!r} is not as a fact holds it")

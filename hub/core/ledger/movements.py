"""Facts to movements: which money a fact speaks of, and what all its facts say.

Pure. The facts of one movement are folded in the provider's own order, so that it
doesn't matter in which order or how often they came (ROAD 2, 3).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.core.ledger.states import rank
from hub.sdk.facts import (
    ChargebackMade,
    CheckoutApproved,
    ConsentSaid,
    ConversationFact,
    DisputeSeen,
    Fact,
    FeeCharged,
    MandateSeen,
    Match,
    PaymentCancelled,
    PaymentFact,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    PayoutLine,
    PayoutMade,
    RefundMade,
    RefundTotal,
)
from hub.sdk.money import Money

_KINDS: dict[type[Fact], str] = {
    PaymentReceived: "capture",
    PaymentPending: "capture",
    PaymentFailed: "capture",
    PaymentCancelled: "capture",
    CheckoutApproved: "checkout",
    RefundMade: "refund",
    RefundTotal: "refund_total",
    ChargebackMade: "chargeback",
    DisputeSeen: "dispute",
    FeeCharged: "fee",
    PayoutMade: "payout",
    MandateSeen: "mandate",
}
_STATES: dict[type[Fact], str] = {
    PaymentReceived: "done",
    PaymentPending: "pending",
    PaymentFailed: "failed",
    PaymentCancelled: "cancelled",
    CheckoutApproved: "approved",
    RefundTotal: "told",
    FeeCharged: "done",
}


@dataclass(frozen=True)
class Key:
    """Which money: unique by provider, kind and the provider's id of it."""

    provider: str
    kind: str
    reference: str

    def __str__(self) -> str:
        return f"{self.provider}|{self.kind}|{self.reference}"

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Read what `str` wrote; a reference may hold the separator itself."""
        return cls(*text.split("|", 2))


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A fact with where it was heard; only the newest revision of it is folded."""

    fact: Fact
    connection_id: str


@dataclass(frozen=True, kw_only=True)
class Folded:
    """All facts of one movement, taken together: each value is the newest that any
    of them gives; `matches` and `payments` are what all of them name."""

    state: str
    as_of: datetime
    since: datetime
    connection_id: str
    amount: Money | None = None
    fee: Money | None = None
    net: Money | None = None
    reason: str = ""
    url: str = ""
    method: str = ""
    payer: str = ""
    respond_by: datetime | None = None
    arrives_on: str = ""
    matches: tuple[Match, ...] = ()
    payment: str = ""
    payments: tuple[str, ...] = ()
    lines: tuple[PayoutLine, ...] = ()
    request: str = ""
    checkout: str = ""
    scheme: str = ""
    currency: str = ""
    replaced_by: str = ""
    next_charge_date: str = ""


def key_of(provider: str, fact: Fact) -> Key:
    """Name the movement a fact speaks of. A running total has no id of its own:
    there is one per payment."""
    if isinstance(fact, ConsentSaid):
        return Key(provider, "consent", f"{fact.sender}|{fact.address}")
    if isinstance(fact, ConversationFact):
        return Key(provider, "said", fact.id)
    if isinstance(fact, RefundTotal):
        return Key(provider, "refund_total", fact.payment)
    reference: str = fact.reference  # type: ignore[attr-defined]
    return Key(provider, _KINDS[type(fact)], reference)


def payments_of(fact: Fact) -> tuple[str, ...]:
    """Name the payments (by the provider's reference) a fact can move."""
    match fact:
        case PaymentFact():
            return (fact.reference,)
        case PayoutMade():
            return fact.payments
        case CheckoutApproved() | MandateSeen() | ConversationFact():
            return ()
    return (fact.payment,)  # type: ignore[attr-defined]


def fold(heard: Iterable[Heard]) -> Folded:
    """Fold all facts of one movement; there must be at least one."""
    ordered = sorted(heard, key=_order)
    last = ordered[-1]
    facts = [item.fact for item in reversed(ordered)]  # newest first
    state = _state(last.fact)
    run = _run(facts, state)
    return Folded(
        state=state,
        as_of=last.fact.as_of,
        since=run[-1].as_of,
        connection_id=last.connection_id,
        amount=_amount(facts),
        fee=_newest(facts, "fee") or _newest(facts, "fees"),
        net=_newest(facts, "net"),
        reason=_newest([f for f in facts if _state(f) == state], "reason") or "",
        url=_newest(facts, "url") or "",
        method=_newest(facts, "method") or "",
        payer=_newest(facts, "payer") or "",
        respond_by=_newest(facts, "respond_by"),
        arrives_on=_newest(facts, "arrives_on") or "",
        matches=tuple(f.match for f in facts if isinstance(f, _Matching)),
        payment=next((ref for f in facts for ref in payments_of(f)), ""),
        payments=tuple(sorted({ref for f in facts for ref in payments_of(f)})),
        lines=_newest(facts, "lines") or (),
        **{name: _newest(facts, name) or "" for name in _OF_MANDATES},
    )


_OF_MANDATES = (
    *("request", "checkout", "scheme", "currency"),
    *("replaced_by", "next_charge_date"),
)


_Matching = (PaymentFact, CheckoutApproved)


def _order(heard: Heard) -> tuple[datetime, int, int, str, str]:
    fact = heard.fact
    total = fact.total.minor if isinstance(fact, RefundTotal) else 0
    kind = _KINDS[type(fact)]
    at = rank(kind, _state(fact))
    return fact.as_of, at, total, fact.id, heard.connection_id


def _state(fact: Fact) -> str:
    state: str = _STATES.get(type(fact)) or fact.state  # type: ignore[attr-defined]
    return state


def _run(newest_first: Sequence[Fact], state: str) -> list[Fact]:
    """The unbroken run of newest facts that tell the same state."""
    run: list[Fact] = []
    for fact in newest_first:
        if _state(fact) != state:
            break
        run.append(fact)
    return run


def _amount(newest_first: Sequence[Fact]) -> Money | None:
    amount: Money | None = _newest(newest_first, "amount")
    return amount or _newest(newest_first, "total")


def _newest(newest_first: Iterable[Fact], name: str) -> Any:
    values = (getattr(fact, name, None) for fact in newest_first)
    return next((value for value in values if value not in (None, "", ())), None)

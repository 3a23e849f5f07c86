"""What is new between two views of a payment: the transitions worth an event.

Pure. Each transition names the movement that made it, so that an event is
published once however often the road runs (ROAD 2, 8).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.core.ledger.states import PaymentView
from hub.sdk.clock import iso


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One happening: event type, the movement that makes its key, and what to add
    to the event's data. `amount_minor` for refunds, `reference` for disputes."""

    type: str
    movement: str = ""
    amount_minor: int | None = None
    reference: str | None = None
    kind: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


def transitions(
    before: PaymentView, after: PaymentView, *, was_matched: bool, is_matched: bool
) -> list[Transition]:
    """List what happened to a payment, in the order in which to tell it."""
    news: list[Transition] = []
    if after.captured and is_matched and not (before.captured and was_matched):
        news.append(Transition(type="payment.received"))
    if after.state == "failed" != before.state:
        since = iso(after.since) if after.since else ""
        news.append(Transition(type="payment.failed", movement=since))
    news += _refunds(before, after)
    news += [
        Transition(
            type="payment.disputed",
            movement=f"{kind}:{reference}",
            kind=kind,
            reference=reference,
        )
        for kind, new in (
            ("dispute", after.disputes - before.disputes),
            ("chargeback", after.chargebacks.keys() - before.chargebacks.keys()),
        )
        for reference in sorted(new)
    ]
    return news


def _refunds(before: PaymentView, after: PaymentView) -> list[Transition]:
    """Tell refunds by id, as far as money really went beyond what was told before:
    a refund that only takes the place of a running total is no news (ROAD 4)."""
    if not after.captured:
        return []
    known = before.refunds if before.captured else {}
    left = after.refunded_minor - (before.refunded_minor if before.captured else 0)
    news = []
    for reference in sorted(after.refunds.keys() - known.keys()):
        amount = min(after.refunds[reference], left)
        if amount > 0:
            left -= amount
            news.append(_refund(reference, amount))
    if left > 0 and after.told:
        news.append(_refund(f"total:{after.refunded_minor}", left))
    return news


def _refund(movement: str, amount: int) -> Transition:
    return Transition(type="payment.refunded", movement=movement, amount_minor=amount)

"""What happened to an invoice, in plain words for the client."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final

from hub.core.queries.portal import Money as Received
from hub.sdk.money import Money
from web.hub import the_hub

# Others are between the MSP and its provider; payouts and such have no amount.
_MOVED: Final = {
    ("refund", "done"): "We paid {} back to you.",
    ("refund", "pending"): "{} is on its way back to you.",
    ("chargeback", "done"): "Your bank took {} back.",
}
_CAME = frozenset({"confirmed", "paid_out", "refunded", "charged_back"})


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happened."""

    at: datetime
    text: str


def history(invoice: Any, money: Received, title: Callable[[str], str]) -> list[Step]:
    """All that happened, oldest first; `title` names a provider."""
    zone = the_hub().settings.time_zone
    issued = datetime.combine(invoice.issue_date, time(), zone)
    steps = [
        Step(at=issued, text="The invoice was issued."),
        *(step for row in money.payments for step in _of(row, title(row.provider))),
        *(
            Step(at=allocation.created_at, text=_credit(allocation, note))
            for allocation, note in money.credits
        ),
    ]
    if invoice.voided_at:
        steps.append(Step(at=invoice.voided_at, text="The invoice was cancelled."))
    return sorted(steps, key=lambda step: step.at)


def _of(payment: Any, title: str) -> Iterator[Step]:
    amount = Money(payment.amount_minor, payment.currency).format()
    by = f" by {title}" if title else f" by {payment.method}" if payment.method else ""
    at = payment.received_at or payment.created_at
    if payment.state in _CAME:
        yield Step(at=at, text=f"We received {amount}{by}. Thank you.")
    elif payment.state == "pending":
        text = f"{amount}{by} is on its way; the bank is confirming it."
        yield Step(at=at, text=text)
    elif payment.state == "cancelled":
        text = f"A payment of {amount}{by} was called off; nothing was charged."
        yield Step(at=at, text=text)
    else:
        text = f"A payment of {amount}{by} did not go through."
        yield Step(at=at, text=text)
    for move in payment.movements:
        told = _MOVED.get((move.kind, move.state))
        if told:
            moved = Money(move.amount_minor, move.currency).format()
            yield Step(at=move.as_of, text=told.format(moved))


def _credit(allocation: Any, note: Any) -> str:
    amount = Money(allocation.amount_minor, note.currency).format()
    return f"We credited {amount} (credit note {note.number})."

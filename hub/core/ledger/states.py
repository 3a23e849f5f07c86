"""States of payments and invoices: pure functions of movements (ROAD 3).

Arrival order can't matter here: whatever came when, the same movements give the
same view. A movement is already the newest known state of its money.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

# Where two facts carry the same `as_of`, the state of the higher rank is the later
# one: money is pending before it is done, and a refund fails after it was made.
RANKS: Mapping[str, tuple[str, ...]] = {
    "capture": ("pending", "cancelled", "failed", "done"),
    "refund": ("pending", "done", "cancelled", "failed"),
    "refund_total": ("told",),
    "chargeback": ("done", "cancelled"),
    "dispute": ("open", "closed", "lost", "won"),
    "fee": ("done",),
    "payout": ("pending", "paid", "failed"),
    "checkout": ("approved",),
    "mandate": ("pending", "active", "failed", "expired", "cancelled", "replaced"),
}
CAPTURED = frozenset({"confirmed", "paid_out", "refunded", "charged_back"})

_UNCAPTURED = {"pending": "pending", "failed": "failed", "cancelled": "cancelled"}


def rank(kind: str, state: str) -> int:
    """Order the states of one kind of movement at one instant."""
    return RANKS[kind].index(state)


class Moved(Protocol):
    """What the states need of a movement; the row fits."""

    @property
    def kind(self) -> str: ...
    @property
    def reference(self) -> str: ...
    @property
    def amount_minor(self) -> int: ...
    @property
    def currency(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def as_of(self) -> datetime: ...
    @property
    def since(self) -> datetime: ...
    @property
    def reason(self) -> str: ...
    @property
    def fee_minor(self) -> int | None: ...
    @property
    def net_minor(self) -> int | None: ...


@dataclass(frozen=True, kw_only=True)
class PaymentView:
    """A payment as its movements tell it.

    `refunds` and `chargebacks` are the amounts counted, by reference; `told` is
    what a running total says beyond the refunds known by id. `disputes` are the
    references of those that are open or lost. `mixed`: something came in another
    currency and is not counted.
    """

    state: str = "cancelled"
    amount_minor: int = 0
    currency: str = ""
    received_at: datetime | None = None
    since: datetime | None = None
    reason: str = ""
    refunds: Mapping[str, int] = field(default_factory=dict)
    told: int = 0
    chargebacks: Mapping[str, int] = field(default_factory=dict)
    disputes: frozenset[str] = frozenset()
    disputed: bool = False
    fee_minor: int | None = None
    net_minor: int | None = None
    mixed: bool = False

    @property
    def captured(self) -> bool:
        """True if the money came, whatever became of it later."""
        return self.state in CAPTURED

    @property
    def refunded_minor(self) -> int:
        """All that was given back."""
        return sum(self.refunds.values()) + self.told

    @property
    def charged_back_minor(self) -> int:
        """All that was taken back."""
        return sum(self.chargebacks.values())


def payment_view(movements: Iterable[Moved]) -> PaymentView:
    """Compute a payment from its movements; without a capture it is cancelled."""
    known = list(movements)
    capture = next((m for m in known if m.kind == "capture"), None)
    if capture is None:
        return PaymentView()
    ours = [m for m in known if m.currency == capture.currency]
    # PayPal lists money it took back among an order's refunds too, by the same id.
    taken = {m.reference for m in ours if m.kind == "chargeback"}
    refunds = {
        m.reference: m.amount_minor
        for m in _of(ours, "refund", "done")
        if m.reference not in taken
    }
    told = _told(ours, sum(refunds.values()))
    chargebacks = {m.reference: m.amount_minor for m in _of(ours, "chargeback", "done")}
    gone = sum(refunds.values()) + told, sum(chargebacks.values())
    return PaymentView(
        state=_payment_state(capture, known, *gone),
        amount_minor=capture.amount_minor,
        currency=capture.currency,
        received_at=capture.since if capture.state == "done" else None,
        since=capture.since,
        reason=capture.reason,
        refunds=refunds,
        told=told,
        chargebacks=chargebacks,
        disputes=frozenset(m.reference for m in _of(known, "dispute", "open", "lost")),
        disputed=any(_of(known, "dispute", "open")),
        **_fees(capture, ours),
        mixed=any(
            m.kind in ("refund", "chargeback") and m.currency != capture.currency
            for m in known
        ),
    )


def _of(movements: Iterable[Moved], kind: str, *states: str) -> list[Moved]:
    return [m for m in movements if m.kind == kind and m.state in states]


def _told(movements: list[Moved], done: int) -> int:
    """What the running total says beyond the refunds known by id (ROAD 4).

    A refund that failed after the total was told is still in that total.
    """
    total = next((m for m in movements if m.kind == "refund_total"), None)
    if total is None:
        return 0
    undone = sum(
        m.amount_minor
        for m in _of(movements, "refund", "failed", "cancelled")
        if m.as_of > total.as_of
    )
    return max(0, total.amount_minor - done - undone)


def _payment_state(
    capture: Moved, movements: list[Moved], refunded: int, charged_back: int
) -> str:
    if capture.state in _UNCAPTURED:
        return _UNCAPTURED[capture.state]
    gone = refunded + charged_back
    if gone and gone >= capture.amount_minor:
        return "charged_back" if charged_back else "refunded"
    return "paid_out" if _of(movements, "payout", "paid") else "confirmed"


def _fees(capture: Moved, movements: list[Moved]) -> dict[str, int | None]:
    extra = [m.amount_minor for m in _of(movements, "fee", "done")]
    if capture.fee_minor is None and not extra:
        return {"fee_minor": None, "net_minor": capture.net_minor}
    fee = (capture.fee_minor or 0) + sum(extra)
    if capture.net_minor is None:
        return {"fee_minor": fee, "net_minor": capture.amount_minor - fee}
    return {"fee_minor": fee, "net_minor": capture.net_minor - sum(extra)}


@dataclass(frozen=True, kw_only=True)
class Counted:
    """One payment's money as its invoice sees it: what is left of it with us."""

    id: str
    minor: int
    currency: str
    # The order in which money counts, so that what is too much is the later one.
    order: tuple[datetime, str, str]


@dataclass(frozen=True, kw_only=True)
class InvoiceView:
    """An invoice as lines, movements and credits tell it.

    `attention` names the payments whose money does not belong here, and why.
    """

    state: str
    paid_minor: int
    open_minor: int
    attention: Mapping[str, str]


def invoice_view(
    payments: Iterable[Counted],
    *,
    due_minor: int,
    currency: str,
    issued: bool = True,
    voided: bool = False,
) -> InvoiceView:
    """Compute an invoice from its payments; `due_minor` is its total less credits.

    Money that is too much, of another currency, or for a void invoice is kept on
    its payment and never counted here.
    """
    due = max(0, due_minor)
    paid = 0
    attention: dict[str, str] = {}
    for payment in sorted(payments, key=lambda p: p.order):
        if payment.minor <= 0:
            continue
        if voided:
            attention[payment.id] = "void_invoice"
        elif payment.currency != currency:
            attention[payment.id] = "wrong_currency"
        else:
            paid += payment.minor
            if paid > due:
                attention[payment.id] = "overpaid"
    paid = min(paid, due)
    left = 0 if voided else due - paid
    return InvoiceView(
        state="void" if voided else _state(issued, paid, left),
        paid_minor=paid,
        open_minor=left,
        attention=attention,
    )


def _state(issued: bool, paid: int, left: int) -> str:
    if not issued:
        return "draft"
    if not left:
        return "paid"
    return "partially_paid" if paid else "open"

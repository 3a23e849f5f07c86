"""GoCardless's objects as facts; pure, and the same for webhooks and API replies.

Events carry no amounts: what an object says now decides, an event says since when.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from hub.sdk.facts import (
    ChargebackMade,
    CheckoutApproved,
    Fact,
    MandateSeen,
    Match,
    PaymentCancelled,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    RefundMade,
)
from hub_gocardless import schemas
from hub_gocardless.provider import Site

_RECEIVED: Final = frozenset({"confirmed", "paid_out", "charged_back"})
_WAITING: Final = frozenset(
    {"pending_customer_approval", "pending_submission", "submitted"}
)
_CHARGEBACKS: Final = frozenset({"charged_back", "chargeback_cancelled"})
# The way to the money is told as it was: it can't be taken for the money.
_UNDER_WAY: Final = frozenset(
    {
        *("created", "submitted", "resubmission_requested"),
        *("customer_approval_granted", "customer_approval_skipped"),
    }
)
_REFUND_STATES: Final[Mapping[str, Any]] = {
    "paid": "done",
    "cancelled": "cancelled",
    "bounced": "failed",
    "failed": "failed",
    "funds_returned": "failed",
}
# Active is what may be collected by, not only what GoCardless calls so: mandates of
# some schemes are submitted with their first payment.
_MANDATE_STATES: Final[Mapping[str, Any]] = {
    "pending_submission": "active",
    "submitted": "active",
    "active": "active",
    "failed": "failed",
    "blocked": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
    "consumed": "expired",
}
_LIVING: Final = frozenset({"pending", "active"})
_CURRENCIES: Final = {
    "ach": "USD",
    "autogiro": "SEK",
    "bacs": "GBP",
    "becs": "AUD",
    "becs_nz": "NZD",
    "betalingsservice": "DKK",
    "faster_payments": "GBP",
    "pad": "CAD",
    "pay_to": "AUD",
    "sepa_cor1": "EUR",
    "sepa_core": "EUR",
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """Since when something stands, by which event, and in which of GoCardless's
    worlds. Without an event it was asked for at `at`, and `id` is made up."""

    at: datetime
    site: Site
    id: str = ""
    action: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cause(self) -> str:
        """Why, in words that are the same for all schemes."""
        return self.details.get("cause") or ""


def match_of(found: Mapping[str, Any], checkout: str | None = None) -> Match:
    """Say what an object's metadata names."""
    ours = found["metadata"] or {}
    return Match(
        charge=ours.get("hub_payment") or None,
        checkout=checkout,
        invoice_number=ours.get("hub_invoice") or None,
    )


def payment(data: object, told: Told, match: Match | None = None) -> Iterator[Fact]:
    """Read a payment; `match` is what else is known of it.

    A chargeback has no id of its own: there is one per payment, which may be called
    off and come again.
    """
    found = schemas.read(schemas.Payment, data, "payment")
    about = _about(found, told, match)
    # The creation of what was only asked for: no word of its end is older.
    if not told.id and found["status"] in _WAITING:
        about["as_of"] = found["created_at"]
    yield _capture(found, told, about)
    if told.action in _CHARGEBACKS or found["status"] == "charged_back":
        yield ChargebackMade(
            id=f"{about['id']}:chargeback",
            as_of=about["as_of"],
            reference=found["id"],
            payment=found["id"],
            amount=about["amount"],
            state="done" if found["status"] == "charged_back" else "cancelled",
            reason=told.cause if told.action in _CHARGEBACKS else "",
            url=about["url"],
        )


def _capture(
    found: Mapping[str, Any], told: Told, about: Mapping[str, Any]
) -> PaymentPending | PaymentReceived | PaymentFailed | PaymentCancelled:
    status = found["status"]
    if told.action in _UNDER_WAY or status in _WAITING:
        waits = status if status in _WAITING else told.action
        return PaymentPending(reason=_waiting(waits, found), **about)
    if status in _RECEIVED:
        return PaymentReceived(**about)
    if status == "cancelled":
        return PaymentCancelled(**about)
    if status == "failed" and told.details.get("will_attempt_retry"):
        # GoCardless collects it again: nobody else may meanwhile.
        return PaymentPending(reason=f"{told.cause}, will be tried again", **about)
    if status in ("failed", "customer_approval_denied"):
        return PaymentFailed(reason=_failure(status, told), **about)
    return PaymentPending(reason=status, **about)


def _waiting(status: str, found: Mapping[str, Any]) -> str:
    day = found["charge_date"]
    return f"{status}, charge date {day}" if day else status


def _failure(status: str, told: Told) -> str:
    return told.cause or ("" if status == "failed" else status)


def _about(found: Mapping[str, Any], told: Told, match: Match | None) -> dict[str, Any]:
    # Tried again it has another charge date, and may come to the same status.
    made = f"payment:{found['id']}:{found['status']}:{found['charge_date'] or ''}"
    own = match_of(found)
    return {
        "id": told.id or made,
        "as_of": told.at,
        "reference": found["id"],
        "amount": schemas.money(found["amount"], found["currency"], "payment"),
        "match": _joined(own, match) if match else own,
        "method": "gocardless",
        "url": told.site.page("payments", found["id"]),
    }


def _joined(own: Match, other: Match) -> Match:
    return Match(
        charge=own.charge or other.charge,
        checkout=other.checkout,
        invoice_number=own.invoice_number or other.invoice_number,
    )


def refund(data: object, told: Told) -> Iterator[Fact]:
    """Read a refund. One of a mandate instead of a payment is none of the ledger's."""
    found = schemas.read(schemas.Refund, data, "refund")
    of = (found["links"] or {}).get("payment")
    if of is None:
        return
    state = _REFUND_STATES.get(found["status"] or "paid", "pending")
    waits = not told.id and state == "pending"
    yield RefundMade(
        id=told.id or f"refund:{found['id']}:{found['status']}",
        as_of=found["created_at"] if waits else told.at,
        reference=found["id"],
        payment=of,
        amount=schemas.money(found["amount"], found["currency"], "refund"),
        state=state,
        reason=told.cause if state in ("failed", "cancelled") else "",
        url=told.site.page("payments", of),
    )


def mandate(
    data: object,
    told: Told,
    *,
    request: str | None = None,
    checkout: str | None = None,
    replaced_by: str | None = None,
) -> MandateSeen:
    """Read a mandate; `request` and `checkout` are what is known of its origin."""
    found = schemas.read(schemas.Mandate, data, "mandate")
    next_one = replaced_by or (found["links"] or {}).get("new_mandate")
    state = _MANDATE_STATES.get(found["status"], "pending")
    if next_one and (replaced_by or state not in _LIVING):
        state = "replaced"
    asked = not told.id
    day = (found["next_possible_charge_date"] or "") if state in _LIVING else ""
    scheme = found["scheme"] or ""
    return MandateSeen(
        id=told.id or f"mandate:{found['id']}:{found['status']}:{day}",
        as_of=found["created_at"] if asked and state in _LIVING else told.at,
        reference=found["id"],
        state=state,
        request=(found["metadata"] or {}).get("hub_request") or request or None,
        checkout=checkout,
        scheme=scheme,
        currency=_CURRENCIES.get(scheme, ""),
        reason="" if state in _LIVING else told.cause,
        replaced_by=next_one if state == "replaced" else None,
        next_charge_date=day,
        url=told.site.page("mandates", found["id"]),
    )


def checkout(found: Mapping[str, Any], told: Told) -> Iterator[Fact]:
    """Read a billing request no payment came of yet: its bank is at it, or it was
    cancelled. It stands for the money itself; others than the hub's are none of it."""
    asked = found["payment_request"]
    match = match_of(found, checkout=found["id"])
    if asked is None or match.charge is None:
        return
    id = told.id or f"billing_request:{found['id']}:{found['status']}"
    if found["status"] == "fulfilling":
        yield CheckoutApproved(id=id, as_of=told.at, reference=found["id"], match=match)
    if found["status"] == "cancelled":
        yield PaymentCancelled(
            id=id,
            as_of=told.at,
            reference=found["id"],
            amount=schemas.money(asked["amount"], asked["currency"], "request"),
            match=match,
            method="gocardless",
        )


def tells_all(last: str, data: Mapping[str, Any]) -> bool:
    """Say whether the last event of a payment tells how it stands by now."""
    waits = str(data.get("status")) in _WAITING
    return bool(last) and (waits or last not in _UNDER_WAY)

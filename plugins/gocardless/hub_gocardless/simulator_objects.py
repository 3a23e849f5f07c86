"""The objects the simulated GoCardless holds, as its API writes them."""

import secrets
import string
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

from hub.sdk import clock
from hub_gocardless.provider import SITES

Object = dict[str, Any]

_LETTERS: Final = string.ascii_uppercase + string.digits
_SCHEMES: Final = {
    "AUD": "becs",
    "CAD": "pad",
    "DKK": "betalingsservice",
    "EUR": "sepa_core",
    "GBP": "bacs",
    "NZD": "becs_nz",
    "SEK": "autogiro",
    "USD": "ach",
}
CURRENCIES: Final = frozenset(_SCHEMES)
CREDITOR: Final = "CR000SIMULATED"
_SATURDAY: Final = 5
# Between the making of a payment and its charge.
_BANK_DAYS: Final = 3

# What may happen to a payment, and in which states of it.
_OPEN: Final = ("pending_submission", "submitted")
PAYMENT_LIFE: Final[Mapping[str, tuple[str, ...]]] = {
    "submitted": ("pending_submission",),
    "confirmed": _OPEN,
    "failed": _OPEN,
    "will_retry": _OPEN,
    "cancelled": ("pending_submission",),
    "retried": ("failed",),
    "paid_out": ("confirmed",),
    "late_failure": ("confirmed", "paid_out"),
    "charged_back": ("confirmed", "paid_out"),
    "chargeback_cancelled": ("charged_back",),
}
MANDATE_LIFE: Final[Mapping[str, tuple[str, ...]]] = {
    "submitted": ("pending_submission",),
    "active": ("pending_submission", "submitted"),
    "failed": ("pending_submission", "submitted"),
    "cancelled": ("pending_submission", "submitted", "active"),
    "expired": ("pending_submission", "submitted", "active"),
    "replaced": ("pending_submission", "submitted", "active"),
    "reinstated": ("cancelled", "expired"),
}


def new_id(prefix: str) -> str:
    """Make an id as GoCardless's look, never one that a restart makes again."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(16))


def stamp(moment: datetime | None = None) -> str:
    """Write a time, the present one if none is given, as GoCardless does."""
    at = moment or clock.now()
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def http_date(after: timedelta) -> str:
    """Write a time to come as the rate limit's headers do."""
    return format_datetime((clock.now() + after).replace(microsecond=0), usegmt=True)


def bank_day(day: date) -> date:
    """Roll a day on to one on which banks work."""
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return day


def next_charge_date() -> date:
    """Return the earliest day on which a payment made now can be charged."""
    day = clock.now().date()
    for _ in range(_BANK_DAYS):
        day = bank_day(day + timedelta(days=1))
    return day


def creditor() -> Object:
    return {
        "id": CREDITOR,
        "created_at": "2026-01-05T09:00:00.000Z",
        "name": "Northgate MSP",
        "country_code": "GB",
        "verification_status": "successful",
        "can_create_refunds": True,
        "scheme_identifiers": [],
        "links": {},
    }


def customer(given: Mapping[str, Any]) -> Object:
    names = ("company_name", "email", "given_name", "family_name", "country_code")
    return {
        "id": new_id("CU"),
        "created_at": stamp(),
        **{name: given.get(name) for name in names},
        "metadata": {},
    }


def bank_account(owner: str, holder: str, currency: str) -> Object:
    return {
        "id": new_id("BA"),
        "created_at": stamp(),
        "account_holder_name": holder.upper()[:18],
        "account_number_ending": "11",
        "bank_name": "BARCLAYS BANK PLC",
        "country_code": "GB",
        "currency": currency,
        "enabled": True,
        "metadata": {},
        "links": {"customer": owner},
    }


def billing_request(given: Mapping[str, Any]) -> Object:
    """Make a billing request that waits for its payer."""
    made: Object = {
        "id": new_id("BRQ"),
        "created_at": stamp(),
        "status": "pending",
        "actions": [
            {"type": kind, "required": True, "status": "pending"}
            for kind in (
                "collect_customer_details",
                "collect_bank_account",
                "confirm_payer_details",
            )
        ],
        "mandate_request": None,
        "payment_request": None,
        "metadata": dict(given.get("metadata") or {}),
        "links": {
            "creditor": CREDITOR,
            "organisation": "OR000SIMULATED",
            "customer": (given.get("links") or {}).get("customer") or new_id("CU"),
        },
    }
    for kind, prefix in (("mandate_request", "MRQ"), ("payment_request", "PRQ")):
        if asked := given.get(kind):
            scheme = _SCHEMES[asked["currency"]]
            if kind == "payment_request":
                scheme = "faster_payments" if scheme == "bacs" else "sepa_instant"
            made[kind] = {"scheme": scheme, "links": {}, "metadata": {}, **asked}
            made["links"][kind] = new_id(prefix)
    return made


def flow(given: Mapping[str, Any]) -> Object:
    """Make a way through a billing request."""
    id = new_id("BRF")
    names = ("redirect_uri", "exit_uri", "lock_currency", "prefilled_customer")
    later = clock.now() + timedelta(days=7)
    return {
        "id": id,
        "authorisation_url": f"{SITES['sandbox'].pages}/billing/static/flow?id={id}",
        "auto_fulfil": True,
        "created_at": stamp(),
        "expires_at": f"{later:%Y-%m-%dT%H:%M:%S}.000Z",
        **{name: given.get(name) for name in names},
        "session_token": None,
        "links": {"billing_request": given["links"]["billing_request"]},
    }


def mandate(currency: str, links: Mapping[str, str], metadata: Object) -> Object:
    return {
        "id": new_id("MD"),
        "created_at": stamp(),
        "reference": new_id("NGATE-")[:14],
        "status": "pending_submission",
        "scheme": _SCHEMES[currency],
        "next_possible_charge_date": next_charge_date().isoformat(),
        "payments_require_approval": False,
        "metadata": dict(metadata),
        "links": {"creditor": CREDITOR, **links},
    }


def currency_of(mandate: Mapping[str, Any]) -> str:
    """Return the currency of a mandate's scheme."""
    return {scheme: code for code, scheme in _SCHEMES.items()}[mandate["scheme"]]


def payment(given: Mapping[str, Any], day: date, links: Mapping[str, str]) -> Object:
    return {
        "id": new_id("PM"),
        "created_at": stamp(),
        "charge_date": day.isoformat(),
        "amount": given["amount"],
        "amount_refunded": 0,
        "currency": given["currency"],
        "description": given.get("description"),
        "reference": given.get("reference"),
        "status": "pending_submission",
        "retry_if_possible": bool(given.get("retry_if_possible")),
        "metadata": dict(given.get("metadata") or {}),
        "fx": {
            "fx_currency": given["currency"],
            "fx_amount": None,
            "exchange_rate": None,
            "estimated_exchange_rate": None,
        },
        "links": {"creditor": CREDITOR, **links},
    }


def refund(given: Mapping[str, Any], payment: Object) -> Object:
    payment["amount_refunded"] += given["amount"]
    return {
        "id": new_id("RF"),
        "created_at": stamp(),
        "amount": given["amount"],
        "currency": payment["currency"],
        "reference": given.get("reference"),
        "status": "created",
        "metadata": dict(given.get("metadata") or {}),
        "links": {"payment": payment["id"]},
    }


def payout(amount: int, fees: int, currency: str) -> Object:
    day = bank_day(clock.now().date() + timedelta(days=1))
    return {
        "id": new_id("PO"),
        "created_at": stamp(),
        "amount": amount,
        "arrival_date": day.isoformat(),
        "currency": currency,
        "deducted_fees": fees,
        "payout_type": "merchant",
        "reference": "GC" + new_id("")[:8],
        "status": "paid",
        "metadata": {},
        "links": {"creditor": CREDITOR, "creditor_bank_account": "BA000SIMULATED"},
    }


def event(kind: str, action: str, thing: Object, **more: Any) -> Object:
    """Tell that something happened to a thing; `links` and `details` may be added."""
    one = {"billing_requests": "billing_request"}.get(kind, kind.removesuffix("s"))
    details = {"origin": "gocardless", "cause": f"{one}_{action}"}
    return {
        "id": new_id("EV"),
        "created_at": stamp(),
        "resource_type": kind,
        "action": action,
        "links": {one: thing["id"], **more.get("links", {})},
        "details": details | more.get("details", {}),
        "metadata": {},
        "resource_metadata": dict(thing.get("metadata") or {}),
    }

"""The objects the simulated PayPal holds, as its API writes them."""

import secrets
import string
from collections.abc import Mapping
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

from hub.sdk import clock
from hub_paypal.provider import WHOLE_CURRENCIES, Site

Object = dict[str, Any]

_LETTERS: Final = string.ascii_uppercase + string.digits
PAYER: Final = {
    "email_address": "accounts@harbourdental.example",
    "name": {"given_name": "Maëlle", "surname": "O'Connor"},
    "address": {"country_code": "GB"},
}
PAYER_ID: Final = "QYR5Z8XDVJNXQ"


def new_id() -> str:
    """Make an id as PayPal's look, never one that a restart makes again."""
    return "".join(secrets.choice(_LETTERS) for _ in range(17))


def stamp() -> str:
    """Write the present time as PayPal does, to the second."""
    return clock.iso(clock.now().replace(microsecond=0))


def money(amount: Decimal, currency: str) -> Object:
    """Write an amount with the decimals PayPal has for the currency."""
    step = Decimal(1) if currency in WHOLE_CURRENCIES else Decimal("0.01")
    return {
        "currency_code": currency,
        "value": f"{amount.quantize(step, ROUND_HALF_UP):f}",
    }


def amount_issue(given: Any) -> str | None:
    """Name what PayPal would refuse of an amount."""
    try:
        value, currency = Decimal(given["value"].strip()), given["currency_code"]
        places = -int(value.as_tuple().exponent)
    except (AttributeError, KeyError, TypeError, ValueError, InvalidOperation):
        return "INVALID_PARAMETER_SYNTAX"
    if len(str(currency)) != 3:
        return "INVALID_CURRENCY_CODE"
    if value <= 0:
        return "CANNOT_BE_ZERO_OR_NEGATIVE"
    return (
        "DECIMAL_PRECISION"
        if places > (0 if currency in WHOLE_CURRENCIES else 2)
        else None
    )


def value(given: Mapping[str, Any]) -> Decimal:
    """Read an amount's value."""
    return Decimal(given["value"])


def order(asked: Mapping[str, Any], site: Site) -> Object:
    """Make an order that waits for its payer."""
    wallet = "payment_source" in asked
    made: Object = {
        "id": new_id(),
        "intent": "CAPTURE",
        "status": "PAYER_ACTION_REQUIRED" if wallet else "CREATED",
        "purchase_units": [_unit(unit) for unit in asked["purchase_units"]],
        "create_time": stamp(),
    }
    if wallet:
        made["payment_source"] = {"paypal": {}}
    page = f"{site.web}/checkoutnow?token={made['id']}"
    own = f"{site.api}/v2/checkout/orders/{made['id']}"
    made["links"] = [
        _link(own, "self"),
        _link(page, "payer-action" if wallet else "approve"),
        _link(own, "update", "PATCH"),
        _link(f"{own}/capture", "capture", "POST"),
    ]
    return made


def _unit(asked: Mapping[str, Any]) -> Object:
    names = ("reference_id", "amount", "description", "custom_id", "invoice_id")
    return {"reference_id": "default"} | {n: asked[n] for n in names if n in asked}


def approve(order: Object) -> None:
    """Let the payer say yes."""
    order["status"] = "APPROVED"
    order["update_time"] = stamp()
    order["payer"] = {**PAYER, "payer_id": PAYER_ID}
    order["payment_source"] = {"paypal": {**PAYER, "account_id": PAYER_ID}}


def capture(order: Object, status: str, site: Site) -> Object:
    """Take the money of an order, or fail to."""
    unit = order["purchase_units"][0]
    id = new_id()
    own = f"{site.api}/v2/payments/captures/{id}"
    made: Object = {
        "id": id,
        "amount": unit["amount"],
        "final_capture": True,
        "supplementary_data": {"related_ids": {"order_id": order["id"]}},
        "create_time": stamp(),
        "links": [
            _link(own, "self"),
            _link(f"{own}/refund", "refund", "POST"),
            _link(f"{site.api}/v2/checkout/orders/{order['id']}", "up"),
        ],
    }
    made |= {name: unit[name] for name in ("custom_id", "invoice_id") if name in unit}
    unit["payments"] = {"captures": [made], "refunds": []}
    order["status"], order["update_time"] = "COMPLETED", stamp()
    settle(made, status)
    return made


def settle(capture: Object, status: str) -> None:
    """Give a capture the state it has from now on."""
    capture |= {"status": status, "update_time": stamp()}
    capture["seller_protection"] = {"status": "NOT_ELIGIBLE"}
    capture.pop("status_details", None)
    if status == "PENDING":
        capture["status_details"] = {"reason": "ECHECK"}
    if status == "COMPLETED":
        capture["seller_receivable_breakdown"] = _receivable(capture["amount"])


def _receivable(given: Mapping[str, Any]) -> Object:
    gross, currency = value(given), given["currency_code"]
    fee = money(gross * Decimal("0.029") + Decimal("0.30"), currency)
    return {
        "gross_amount": money(gross, currency),
        "paypal_fee": fee,
        "net_amount": money(gross - value(fee), currency),
    }


def refundable(capture: Object, refunds: list[Object]) -> Decimal:
    """Return what is left of a capture."""
    return value(capture["amount"]) - sum(value(made["amount"]) for made in refunds)


def refund(
    capture: Object, asked: Mapping[str, Any], earlier: list[Object], site: Site
) -> Object:
    """Give money back, all that is left if no amount is asked for."""
    currency = capture["amount"]["currency_code"]
    left = refundable(capture, earlier)
    amount = value(asked["amount"]) if "amount" in asked else left
    id = new_id()
    made: Object = {
        "id": id,
        "status": "COMPLETED",
        "amount": money(amount, currency),
        "seller_payable_breakdown": {
            "gross_amount": money(amount, currency),
            "paypal_fee": money(Decimal(0), currency),
            "net_amount": money(amount, currency),
            "total_refunded_amount": money(
                value(capture["amount"]) - left + amount, currency
            ),
        },
        "create_time": stamp(),
        "update_time": stamp(),
        "links": [
            _link(f"{site.api}/v2/payments/refunds/{id}", "self"),
            _link(f"{site.api}/v2/payments/captures/{capture['id']}", "up"),
        ],
    }
    made |= {n: asked[n] for n in ("invoice_id", "note_to_payer") if n in asked}
    capture["status"] = "REFUNDED" if amount == left else "PARTIALLY_REFUNDED"
    capture["update_time"] = stamp()
    return made


def dispute(capture: Object, site: Site) -> Object:
    """Open a case about a capture."""
    id = f"PP-D-{secrets.randbelow(10**5):05}"
    due = clock.iso(clock.now().replace(microsecond=0) + timedelta(days=10))
    transaction: Object = {
        "seller_transaction_id": capture["id"],
        "create_time": capture["create_time"],
        "transaction_status": "COMPLETED",
        "gross_amount": capture["amount"],
    }
    if "custom_id" in capture:
        transaction["custom"] = capture["custom_id"]
    return {
        "dispute_id": id,
        "create_time": stamp(),
        "update_time": stamp(),
        "disputed_transactions": [transaction],
        "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_state": "REQUIRED_ACTION",
        "dispute_amount": capture["amount"],
        "dispute_life_cycle_stage": "INQUIRY",
        "dispute_channel": "INTERNAL",
        "seller_response_due_date": due,
        "links": [_link(f"{site.api}/v1/customer/disputes/{id}", "self")],
    }


def resolve(dispute: Object, outcome: str) -> None:
    """Close a case."""
    dispute |= {"status": "RESOLVED", "dispute_state": "RESOLVED"}
    dispute["update_time"] = stamp()
    dispute["dispute_outcome"] = {"outcome_code": outcome}
    dispute.pop("seller_response_due_date", None)


def event(event_type: str, resource: Object, site: Site) -> Object:
    """Wrap an object into the event that tells about it."""
    id = f"WH-{new_id()}-{new_id()}"
    kind = _RESOURCES.get(event_type.rpartition(".")[0], "capture")
    kind = "refund" if event_type.endswith(("REFUNDED", "REVERSED")) else kind
    own = f"{site.api}/v1/notifications/webhooks-events/{id}"
    return {
        "id": id,
        "event_version": "1.0",
        "create_time": clock.iso(clock.now()),
        "resource_type": kind,
        "resource_version": "1.0" if kind == "dispute" else "2.0",
        "event_type": event_type,
        "summary": f"{event_type} (simulated)",
        "resource": resource,
        "links": [_link(own, "self"), _link(f"{own}/resend", "resend", "POST")],
    }


_RESOURCES: Final = {"CHECKOUT.ORDER": "checkout-order", "CUSTOMER.DISPUTE": "dispute"}


def _link(href: str, rel: str, method: str = "GET") -> Object:
    return {"href": href, "rel": rel, "method": method}

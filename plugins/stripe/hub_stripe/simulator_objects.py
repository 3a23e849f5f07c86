"""The objects the simulated Stripe holds, as its API writes them."""

import copy
import secrets
import string
from collections.abc import Mapping
from typing import Any, Final

from hub.sdk import clock
from hub_stripe.provider import API_VERSION, PAGES_HOST

Object = dict[str, Any]

_LETTERS: Final = string.ascii_letters + string.digits
_DAY: Final = 24 * 3600
PAYER: Final = {"email": "accounts@harbourdental.example", "name": "Maëlle O'Connor"}


def new_id(prefix: str) -> str:
    """Make an id as Stripe's look, never one that a restart makes again."""
    return prefix + "_" + "".join(secrets.choice(_LETTERS) for _ in range(24))


def now() -> int:
    """Return the present time as Stripe writes it."""
    return int(clock.now().timestamp())


def below(form: Mapping[str, str], name: str) -> dict[str, str]:
    """Return the fields `name[…]` of a form by what stands in the brackets."""
    held = {
        key[len(name) + 1 : -1]: value
        for key, value in form.items()
        if key.startswith(name + "[") and key.endswith("]")
    }
    return {key: value for key, value in held.items() if "[" not in key}


def session(form: Mapping[str, str], amount: int, currency: str) -> Object:
    """Make a session that waits for its payer."""
    id = new_id("cs_test")
    return {
        "id": id,
        "object": "checkout.session",
        "amount_subtotal": amount,
        "amount_total": amount,
        "automatic_tax": {"enabled": False, "status": None},
        "cancel_url": form.get("cancel_url"),
        "client_reference_id": form.get("client_reference_id"),
        "created": now(),
        "currency": currency,
        "custom_fields": [],
        "custom_text": {"shipping_address": None, "submit": None},
        "customer": None,
        "customer_email": form.get("customer_email"),
        "expires_at": now() + _DAY,
        "invoice": None,
        "livemode": False,
        "metadata": below(form, "metadata"),
        "mode": form.get("mode", "payment"),
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "shipping_options": [],
        "status": "open",
        "success_url": form.get("success_url"),
        "url": f"https://{PAGES_HOST}/c/pay/{id}",
    }


def intent(
    amount: int, currency: str, metadata: Mapping[str, str], description: str = ""
) -> Object:
    """Make a payment intent that waits for a way to pay."""
    id = new_id("pi")
    return {
        "id": id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{id}_secret_simulated",
        "confirmation_method": "automatic",
        "created": now(),
        "currency": currency,
        "customer": None,
        "description": description or None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": dict(metadata),
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


def charge(intent: Object, status: str) -> Object:
    """Make the charge of a try: succeeded, pending or failed."""
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if status == "succeeded" else 0,
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": {"address": None, "phone": None, **PAYER},
        "captured": status == "succeeded",
        "created": now(),
        "currency": intent["currency"],
        "customer": None,
        "description": intent["description"],
        "disputed": False,
        "failure_code": "card_declined" if status == "failed" else None,
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "refunded": False,
        "status": status,
    }


def balance(charge: Object) -> Object:
    """Make what the charge brings: 1.5 % and 20 stay with Stripe."""
    fee = charge["amount"] * 15 // 1000 + 20
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": charge["amount"],
        "available_on": now() + 7 * _DAY,
        "created": now(),
        "currency": charge["currency"],
        "description": charge["description"],
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [],
        "net": charge["amount"] - fee,
        "reporting_category": "charge",
        "source": charge["id"],
        "status": "pending",
        "type": "charge",
    }


def refund(
    charge: Object, amount: int, metadata: Mapping[str, str], reason: str | None
) -> Object:
    """Give money back and count it on the charge."""
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": new_id("txn"),
        "charge": charge["id"],
        "created": now(),
        "currency": charge["currency"],
        "metadata": dict(metadata),
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "succeeded",
    }


def dispute(charge: Object) -> Object:
    """Open a case about a charge."""
    charge["disputed"] = True
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now(),
        "currency": charge["currency"],
        "evidence": dict.fromkeys(_EVIDENCE),
        "evidence_details": {
            "due_by": now() + 10 * _DAY,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": "product_not_received",
        "status": "needs_response",
    }


_EVIDENCE: Final = ("customer_name", "customer_email_address", "uncategorized_text")


def invoice(intent: Object, number: str) -> tuple[Object, Object]:
    """Make an invoice of Stripe's own with the payment that paid it."""
    made = {
        "id": new_id("in"),
        "object": "invoice",
        "amount_due": intent["amount"],
        "amount_paid": intent["amount"],
        "amount_remaining": 0,
        "created": intent["created"],
        "currency": intent["currency"],
        "livemode": False,
        "metadata": {},
        "number": number,
        "status": "paid",
    }
    paid = {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": intent["amount"],
        "amount_requested": intent["amount"],
        "created": now(),
        "currency": intent["currency"],
        "invoice": made["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": now()},
    }
    return made, paid


def event(event_type: str, resource: Object, previous: Object | None) -> Object:
    """Wrap an object, as it is now, into the event that tells about it."""
    data: Object = {"object": copy.deepcopy(resource)}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": new_id("req"), "idempotency_key": None},
        "type": event_type,
    }


def listed(items: list[Object], path: str, more: bool = False) -> Object:
    """Wrap objects into a list."""
    return {"object": "list", "data": items, "has_more": more, "url": path}

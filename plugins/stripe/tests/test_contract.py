"""The simulator before its judges: Stripe's published contract and its own SDK."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from openapi_schema_validator import OAS30Validator

from hub_stripe.simulator_site import DEFAULT_KEY, DEFAULT_SECRET

SPECS = Path(__file__).parents[4] / "shared" / "specs" / "stripe"
PAGE = "https://hub.example/pay/1"
SESSION = {
    "mode": "payment",
    "success_url": PAGE + "?session_id={CHECKOUT_SESSION_ID}",
    "cancel_url": PAGE,
    "client_reference_id": "chg_1",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "gbp",
    "line_items[0][price_data][unit_amount]": "124860",
    "line_items[0][price_data][product_data][name]": "Invoice INV-1",
    "payment_intent_data[metadata][hub_payment]": "chg_1",
}


def nullable(schema):
    """Say "or null" where Stripe writes `nullable` beside `anyOf` or an enum."""
    if isinstance(schema, list):
        return [nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: nullable(item) for name, item in schema.items()}
    if found.pop("nullable", False) is True:
        return {"anyOf": [found, {"enum": [None]}]}
    return found


@pytest.fixture(scope="module")
def contract():
    """Check an answer against the schema Stripe publishes for it."""
    if not SPECS.is_dir():
        pytest.skip(
            "STRIPE'S CONTRACT WAS NOT CHECKED: there is no folder specs/stripe beside"
            " the repository (../shared/specs/stripe)"
        )
    spec = json.loads((SPECS / "openapi.spec3.json").read_bytes())
    components = nullable(spec["components"])

    def check(method, path, answer):
        replies = spec["paths"][path][method]["responses"]
        reply = replies.get(str(answer.status_code), replies["default"])
        schema = nullable(reply["content"]["application/json"]["schema"])
        validator = OAS30Validator(schema | {"components": components})
        errors = [
            f"{list(error.path)}: {error.message[:200]}"
            for error in validator.iter_errors(answer.json())
        ]
        assert [] == errors
        return answer.json()

    return check


@pytest.fixture
def wire(sim):
    """Call the simulator plainly."""

    def call(method, path, **form):
        return requests.request(
            method,
            sim.address + path,
            data=form or None,
            headers={"Authorization": f"Bearer {DEFAULT_KEY}"},
            timeout=10,
        )

    return call


@pytest.mark.parametrize("choice", ["approve", "decline", "pending"])
def test_replies_keep_stripes_contract(choice, sim, wire, contract):
    sessions = "/v1/checkout/sessions"
    id = contract("post", sessions, wire("POST", sessions, **SESSION))["id"]
    contract("get", sessions, wire("GET", sessions))
    sim.choose(id, choice)
    shown = "/v1/checkout/sessions/{session}"
    contract("get", shown, wire("GET", f"{sessions}/{id}"))
    whole = f"{sessions}/{id}?expand[]=payment_intent.latest_charge"
    found = contract("get", shown, wire("GET", whole))
    intent = found["payment_intent"]["id"]
    path = "/v1/payment_intents/{intent}"
    contract("get", path, wire("GET", f"/v1/payment_intents/{intent}"))
    charge = found["payment_intent"]["latest_charge"]["id"]
    contract("get", "/v1/charges/{charge}", wire("GET", f"/v1/charges/{charge}"))
    made = wire("POST", "/v1/refunds", payment_intent=intent, amount="100")
    assert (200 if choice == "approve" else 400) == made.status_code
    contract("post", "/v1/refunds", made)
    contract("get", "/v1/refunds", wire("GET", f"/v1/refunds?charge={charge}"))
    contract("get", "/v1/events", wire("GET", "/v1/events"))
    contract("post", shown + "/expire", wire("POST", f"{sessions}/{id}/expire"))
    contract("get", shown, wire("GET", f"{sessions}/none"))


def test_the_rest_keeps_stripes_contract(sim, wire, contract):
    intents = "/v1/payment_intents"
    contract("post", intents, wire("POST", intents, amount="500", currency="jpy"))
    contract("post", intents, wire("POST", intents, amount="-5", currency="jpy"))
    sessions = "/v1/checkout/sessions"
    id = wire("POST", sessions, **SESSION).json()["id"]
    expired = wire("POST", f"{sessions}/{id}/expire")
    contract("post", sessions + "/{session}/expire", expired)
    amount = {"value": "9.00", "currency_code": "EUR"}
    sim.drive("pay", amount=amount, event="dispute")
    (dispute,) = sim.disputes
    contract("get", "/v1/disputes/{dispute}", wire("GET", f"/v1/disputes/{dispute}"))
    event = next(iter(sim.events))
    contract("get", "/v1/events/{id}", wire("GET", f"/v1/events/{event}"))


# Stripe's own SDK


def test_stripes_sdk_pays_and_refunds(sim):
    """stripe-python, with nothing changed but the base URL."""
    import stripe

    sdk: Any = stripe.StripeClient(DEFAULT_KEY, base_addresses={"api": sim.address})
    price = {
        "currency": "eur",
        "unit_amount": 12000,
        "product_data": {"name": "Invoice INV-9"},
    }
    session = sdk.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": PAGE,
            "line_items": [{"quantity": 1, "price_data": price}],
        },
        {"idempotency_key": "chg_9-checkout"},
    )
    assert ("open", 12000) == (session.status, session.amount_total)
    sim.choose(session.id, "approve")
    paid = sdk.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )
    intent = paid.payment_intent
    assert ("paid", "succeeded") == (paid.payment_status, intent.status)
    refund = sdk.v1.refunds.create({"payment_intent": intent.id, "amount": 2000})
    assert ("succeeded", 2000) == (refund.status, refund.amount)
    listed = sdk.v1.refunds.list({"payment_intent": intent.id})
    assert [refund.id] == [item.id for item in listed.auto_paging_iter()]
    charge = sdk.v1.charges.retrieve(intent.latest_charge.id)
    assert (2000, False) == (charge.amount_refunded, charge.refunded)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sdk.v1.refunds.create({"payment_intent": intent.id, "amount": 99999})
    assert "amount_too_large" == caught.value.code


def test_stripes_sdk_accepts_the_signature_and_the_event(sim):
    import stripe

    sent = sim.drive("pay", amount={"value": "5.00", "currency_code": "EUR"})
    webhook = sim.webhooks.sent[0]
    signature = sim.sign(webhook)["Stripe-Signature"]
    event = stripe.Webhook.construct_event(webhook.body, signature, DEFAULT_SECRET)
    assert "payment_intent.succeeded" == event.type
    assert sent["payment_intent"] == event.data.object.id
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(webhook.body + b" ", signature, DEFAULT_SECRET)

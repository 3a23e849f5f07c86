"""The simulator before its judges: PayPal's published contract and its own SDKs."""

import json
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from openapi_schema_validator import OAS30Validator

from hub_paypal import client, webhooks
from hub_paypal.simulator_site import DEFAULT_WEBHOOK_ID

SPECS = Path(__file__).parents[4] / "shared" / "specs" / "paypal"
RETURN = "https://hub.example/pay/1/return"


def order_of(value="1248.60", currency="GBP", **unit):
    return {
        "intent": "CAPTURE",
        "purchase_units": [
            {"amount": {"currency_code": currency, "value": value}, **unit}
        ],
        "payment_source": {
            "paypal": {
                "experience_context": {"return_url": RETURN, "cancel_url": RETURN}
            }
        },
    }


# PayPal's published contract


@pytest.fixture(scope="module")
def contract():
    """Check an answer against the schema PayPal publishes for it."""
    if not SPECS.is_dir():
        pytest.skip(
            f"PAYPAL'S CONTRACT WAS NOT CHECKED: there is no folder {SPECS.name} beside"
            " the repository (../shared/specs/paypal)"
        )
    specs = {path.stem: json.loads(path.read_bytes()) for path in SPECS.glob("*.json")}

    def check(spec, method, path, answer):
        replies = specs[spec]["paths"][path][method]["responses"]
        status = str(answer.status_code)
        assert status in replies, (
            f"{method} {path} is not documented to answer {status}"
        )
        schema = replies[status]["content"]["application/json"]["schema"]
        validator = OAS30Validator(schema | {"components": specs[spec]["components"]})
        errors = [error.message for error in validator.iter_errors(answer.json())]
        assert errors == []

    return check


@pytest.fixture
def wire(sim, connected):
    """Call the simulator plainly, with a token."""
    client.test(connected)
    headers = {
        "Authorization": f"Bearer {next(iter(sim.tokens))}",
        "Prefer": "return=representation",
    }

    def call(method, path, key=None, **options):
        more = {"PayPal-Request-Id": key} if key else {}
        return requests.request(
            method, sim.address + path, headers=headers | more, timeout=10, **options
        )

    return call


ORDERS = ("checkout_orders_v2", "/v2/checkout/orders")
PAYMENTS = ("payments_payment_v2", "/v2/payments")


@pytest.mark.parametrize("choice", ["approve", "decline", "pending"])
def test_replies_keep_paypals_contract(choice, sim, wire, contract):
    spec, path = ORDERS
    body = order_of(invoice_id="INV-1", custom_id="chg_1", description="Support")
    made = wire("POST", path, "k1", json=body)
    contract(spec, "post", path, made)
    contract(spec, "post", path, wire("POST", path, "k1", json=body))
    contract(spec, "post", path, wire("POST", path, json=body))
    order = made.json()["id"]
    contract(spec, "get", path + "/{id}", wire("GET", f"{path}/{order}"))
    capture_path = f"{path}/{order}/capture"
    refused = wire("POST", capture_path, json={})
    assert refused.status_code == 422
    contract(spec, "post", path + "/{id}/capture", refused)
    sim.choose(made.json(), choice)
    contract(spec, "get", path + "/{id}", wire("GET", f"{path}/{order}"))
    captured = wire("POST", capture_path, "k2", json={})
    contract(spec, "post", path + "/{id}/capture", captured)
    contract(spec, "get", path + "/{id}", wire("GET", f"{path}/{order}"))
    contract(spec, "get", path + "/{id}", wire("GET", f"{path}/NONE"))

    spec, path = PAYMENTS
    (capture_id,) = sim.captures
    shown = "/captures/{capture_id}"
    contract(spec, "get", path + shown, wire("GET", f"{path}/captures/{capture_id}"))
    refunded = wire("POST", f"{path}/captures/{capture_id}/refund", json={})
    contract(spec, "post", path + shown + "/refund", refunded)
    assert (refunded.status_code == 201) == (choice == "approve")
    for refund_id in sim.refunds:
        answer = wire("GET", f"{path}/refunds/{refund_id}")
        contract(spec, "get", path + "/refunds/{refund_id}", answer)
    contract(spec, "get", path + shown, wire("GET", f"{path}/captures/{capture_id}"))


def test_disputes_keep_paypals_contract(sim, wire, contract):
    amount = {"value": "9.00", "currency_code": "EUR"}
    made = sim.drive("pay", amount=amount, event="dispute")["capture_id"]
    path, spec = "/v1/customer/disputes", "customer_disputes_v1"
    (dispute,) = sim.disputes
    contract(spec, "get", path, wire("GET", path))
    contract(spec, "get", path + "/{id}", wire("GET", f"{path}/{dispute}"))
    sim.drive("event", capture_id=made, event="dispute_won")
    contract(spec, "get", path + "/{id}", wire("GET", f"{path}/{dispute}"))


def test_webhook_administration_keeps_paypals_contract(wire, contract):
    path, spec = "/v1/notifications/webhooks", "notifications_webhooks_v1"
    types = [{"name": "PAYMENT.CAPTURE.COMPLETED"}]
    made = wire("POST", path, json={"url": RETURN, "event_types": types})
    contract(spec, "post", path, made)
    contract(spec, "get", path, wire("GET", path))
    one = f"{path}/{made.json()['id']}"
    contract(spec, "get", path + "/{webhook_id}", wire("GET", one))
    change = [{"op": "replace", "path": "/event_types", "value": types}]
    contract(spec, "patch", path + "/{webhook_id}", wire("PATCH", one, json=change))
    contract(spec, "get", path + "-event-types", wire("GET", path + "-event-types"))


def test_our_requests_keep_paypals_contract(sim, connected, contract):
    """Checked on what the plugin sent, as the simulator saw it."""
    client.register_webhook(connected, tuple(webhooks.READERS))
    spec = json.loads((SPECS / "notifications_webhooks_v1.json").read_bytes())
    (sent,) = (
        r
        for r in sim.seen
        if (r.method, r.path) == ("POST", "/v1/notifications/webhooks")
    )
    schema = {"$ref": "#/components/schemas/webhook", "components": spec["components"]}
    errors = OAS30Validator(schema).iter_errors(json.loads(sent.body))
    assert [error.message for error in errors] == []


# PayPal's own SDKs


def test_paypals_sdk_pays_and_refunds(sim, monkeypatch):
    """paypal-server-sdk, with nothing changed but the base URL."""
    from paypalserversdk import configuration
    from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
    from paypalserversdk.models.amount_with_breakdown import AmountWithBreakdown
    from paypalserversdk.models.checkout_payment_intent import CheckoutPaymentIntent
    from paypalserversdk.models.money import Money as SdkMoney
    from paypalserversdk.models.order_request import OrderRequest
    from paypalserversdk.models.purchase_unit_request import PurchaseUnitRequest
    from paypalserversdk.models.refund_request import RefundRequest
    from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

    sandbox = configuration.Environment.SANDBOX
    bases = configuration.Configuration.environments[sandbox]
    monkeypatch.setitem(bases, configuration.Server.DEFAULT, sim.address)
    credentials = ClientCredentialsAuthCredentials(
        o_auth_client_id="id", o_auth_client_secret="secret"
    )
    sdk = PaypalServersdkClient(client_credentials_auth_credentials=credentials)
    amount = AmountWithBreakdown(currency_code="EUR", value="120.00")
    asked = OrderRequest(
        intent=CheckoutPaymentIntent.CAPTURE,
        purchase_units=[PurchaseUnitRequest(amount=amount, invoice_id="INV-9")],
    )
    order = sdk.orders.create_order(
        {"body": asked, "prefer": "return=representation"}
    ).body
    assert order.status == "CREATED"
    sim.choose({"id": order.id}, "approve")
    captured = sdk.orders.capture_order(
        {"id": order.id, "prefer": "return=representation"}
    ).body
    assert captured.status == "COMPLETED"
    (taken,) = captured.purchase_units[0].payments.captures
    assert (taken.status, taken.amount.value) == ("COMPLETED", "120.00")
    part = RefundRequest(amount=SdkMoney(currency_code="EUR", value="20.00"))
    refunded = sdk.payments.refund_captured_payment(
        {"capture_id": taken.id, "body": part, "prefer": "return=representation"}
    ).body
    assert (refunded.status, refunded.amount.value) == ("COMPLETED", "20.00")
    again = sdk.payments.get_captured_payment({"capture_id": taken.id}).body
    assert again.status == "PARTIALLY_REFUNDED"
    assert sdk.payments.get_refund({"refund_id": refunded.id}).body.id == refunded.id
    shown = sdk.orders.get_order({"id": order.id}).body
    assert shown.purchase_units[0].payments.refunds[0].id == refunded.id


@pytest.mark.filterwarnings("ignore:X509:DeprecationWarning")
def test_paypals_old_sdk_accepts_the_signature(sim, connected, inbox, monkeypatch):
    """The retired paypalrestsdk verifies what was really sent.

    It asks pyOpenSSL for a `verify` that is gone since: the same check stands in for
    it. Which root it trusts and where the certificate comes from are changed, too.
    """
    from OpenSSL import crypto
    from paypalrestsdk import WebhookEvent

    def verify(certificate, signature, data, digest):
        assert digest == "sha256WithRSAEncryption"
        key = certificate.get_pubkey().to_cryptography_key()
        key.verify(signature, data, PKCS1v15(), SHA256())

    def load(pem):
        return crypto.load_certificate(crypto.FILETYPE_PEM, pem)

    store = crypto.X509Store()
    store.add_cert(load(sim.authority.root_pem))
    monkeypatch.setattr(crypto, "verify", verify, raising=False)
    monkeypatch.setattr(
        WebhookEvent, "_get_cert", lambda url: load(sim.authority.leaf_pem)
    )
    monkeypatch.setattr(WebhookEvent, "_get_certificate_store", lambda: store)
    sim.drive("pay", amount={"value": "5.00", "currency_code": "EUR"})
    sim.wait_idle()
    ((headers, body),) = inbox[0]

    def judge(body):
        return WebhookEvent.verify(
            headers["PAYPAL-TRANSMISSION-ID"],
            headers["PAYPAL-TRANSMISSION-TIME"],
            DEFAULT_WEBHOOK_ID,
            body.decode(),
            headers["PAYPAL-CERT-URL"],
            headers["PAYPAL-TRANSMISSION-SIG"],
            headers["PAYPAL-AUTH-ALGO"],
        )

    assert judge(body)
    assert not judge(body + b" ")

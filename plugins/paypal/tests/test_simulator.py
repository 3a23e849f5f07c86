"""The simulated PayPal: judged by PayPal's contract, its SDKs and our own plugin."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from openapi_schema_validator import OAS30Validator

from hub.sdk import clock
from hub.sdk.errors import RejectedError
from hub.sdk.facts import (
    ChargebackMade,
    CheckoutApproved,
    DisputeSeen,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    RefundMade,
)
from hub.sdk.money import Money
from hub.sdk.simulator import Simulators, serve
from hub.sdk.webhooks import Heard
from hub_paypal import client, webhooks
from hub_paypal.simulator import Simulator
from hub_paypal.simulator_site import DEFAULT_WEBHOOK_ID

SPECS = Path(__file__).parents[4] / "shared" / "specs" / "paypal"
RETURN = "https://hub.example/pay/1/return"
CANCEL = "https://hub.example/pay/1/cancel"


class Reachable(Simulator):
    """Knows where it is served."""

    address = ""


@pytest.fixture
def sim():
    app = Reachable()
    with serve(Simulators({"paypal": app})) as served:
        app.address = f"{served.url}/paypal"
        yield app


@pytest.fixture
def inbox():
    """A place that takes webhooks: what came, as (headers, body)."""
    got = []

    class Inbox(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Inbox)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield got, f"http://127.0.0.1:{server.server_port}/webhooks/paypal"
    server.shutdown()
    server.server_close()
    thread.join()


def drive(sim, path, **given):
    answer = requests.post(f"{sim.address}/_sim/{path}", json=given, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def order_of(value="1248.60", currency="GBP", **unit):
    return {
        "intent": "CAPTURE",
        "purchase_units": [
            {"amount": {"currency_code": currency, "value": value}, **unit}
        ],
        "payment_source": {
            "paypal": {
                "experience_context": {"return_url": RETURN, "cancel_url": CANCEL}
            }
        },
    }


def create(ctx, key="hub-1-create", **options):
    body = order_of(**options)
    return client.call(ctx, "POST", "/v2/checkout/orders", json=body, request_id=key)


def choose(sim, order, choice):
    return requests.post(
        f"{sim.address}/checkoutnow",
        data={"token": order["id"], "choice": choice},
        allow_redirects=False,
        timeout=10,
    )


def capture(ctx, order, key="hub-1-capture"):
    path = f"/v2/checkout/orders/{order['id']}/capture"
    found = client.call(ctx, "POST", path, json={}, request_id=key)
    return found["purchase_units"][0]["payments"]["captures"][0]


def refund(ctx, captured, key=None, **body):
    path = f"/v2/payments/captures/{captured['id']}/refund"
    return client.call(ctx, "POST", path, json=body, request_id=key)


def paid(sim, ctx, **options):
    order = create(ctx, **options)
    choose(sim, order, "approve")
    return capture(ctx, order)


def hear(sim, ctx, got, request_with, kept):
    """Take what came as the hub does: pin, fetch, verify, parse."""
    sim.wait_idle()
    facts: list[Any] = []
    for headers, body in got:
        request = request_with(headers, body)
        url = webhooks.key_url(request, ctx.settings)
        assert url.startswith(sim.address)
        key = requests.get(url, timeout=10).content
        verified = webhooks.verify(
            request_with(headers, body, key), ctx.settings, now=clock.now()
        )
        result = webhooks.parse(kept(body), ctx.settings)
        assert isinstance(result, Heard)
        assert result.event_id == verified.dedupe_key
        facts += result.facts
    return facts


@pytest.fixture
def connected(sim, make_ctx, inbox):
    """A connection of the hub to the simulator, and the other way round."""
    drive(sim, "config", webhook_url=inbox[1])
    root = requests.get(f"{sim.address}/_sim/ca.pem", timeout=10).text
    return make_ctx(
        base=sim.address,
        webhook_id=DEFAULT_WEBHOOK_ID,
        webhook_trust_roots=root,
        webhook_cert_base_url=sim.address,
    )


@pytest.mark.parametrize("environment", ["sandbox", "live"])
def test_a_payment_reaches_us_signed_and_readable(
    environment, sim, make_ctx, inbox, request_with, kept
):
    got, url = inbox
    drive(sim, "config", webhook_url=url, environment=environment, webhook_id="8PT5")
    root = requests.get(f"{sim.address}/_sim/ca.pem", timeout=10).text
    ctx = make_ctx(
        base=sim.address,
        environment=environment,
        webhook_id="8PT5",
        webhook_trust_roots=root,
        webhook_cert_base_url=sim.address,
    )
    made = drive(
        sim,
        "pay",
        amount={"value": "1248.60", "currency_code": "GBP"},
        invoice_id="INV-2026-0117",
        custom_id="chg_1",
    )
    (fact,) = hear(sim, ctx, got, request_with, kept)
    assert type(fact) is PaymentReceived
    assert fact.reference == made["capture_id"]
    assert fact.amount == Money(124860, "GBP")
    assert fact.fee is not None
    assert fact.net is not None
    assert fact.fee.minor + fact.net.minor == 124860
    assert (fact.match.charge, fact.match.invoice_number, fact.match.checkout) == (
        "chg_1",
        "INV-2026-0117",
        made["order_id"],
    )


EVENTS = {
    "completed": [PaymentReceived],
    "pending": [PaymentPending],
    "denied": [PaymentFailed],
    "refunded": [PaymentReceived, RefundMade],
    "reversed": [PaymentReceived, ChargebackMade],
    "dispute": [PaymentReceived, DisputeSeen],
}


@pytest.mark.parametrize(("event", "kinds"), EVENTS.items())
@pytest.mark.parametrize("currency", ["EUR", "HUF", "JPY"])
def test_a_payment_may_go_any_way(
    event, kinds, currency, sim, connected, inbox, request_with, kept
):
    amount = {"value": "52000", "currency_code": currency}
    drive(sim, "pay", amount=amount, event=event)
    facts = hear(sim, connected, inbox[0], request_with, kept)
    assert [type(fact) for fact in facts] == kinds
    assert {str(fact.amount) for fact in facts} == {str(Money.parse("52000", currency))}


def test_things_may_happen_to_a_payment_later(
    sim, connected, inbox, request_with, kept
):
    amount = {"value": "100.00", "currency_code": "EUR"}
    made = drive(sim, "pay", amount=amount, event="pending")["capture_id"]
    drive(sim, "event", capture_id=made, event="completed")
    for part in ("30.00", "20.00"):
        part_of = {"value": part, "currency_code": "EUR"}
        drive(sim, "event", capture_id=made, event="refunded", amount=part_of)
    drive(sim, "event", capture_id=made, event="dispute")
    drive(sim, "event", capture_id=made, event="dispute_lost")
    drive(sim, "event", capture_id=made, event="reversed")
    facts = hear(sim, connected, inbox[0], request_with, kept)
    assert [(type(fact), str(fact.amount)) for fact in facts] == [
        (PaymentPending, "100.00"),
        (PaymentReceived, "100.00"),
        (RefundMade, "30.00"),
        (RefundMade, "20.00"),
        (DisputeSeen, "100.00"),
        (DisputeSeen, "100.00"),
        (ChargebackMade, "50.00"),
    ]
    assert [fact.state for fact in facts if isinstance(fact, DisputeSeen)] == [
        "open",
        "lost",
    ]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"amount": {"value": "-1", "currency_code": "EUR"}},
        {"amount": {"value": 5, "currency_code": "EUR"}},
        {"amount": {"value": "1.50", "currency_code": "JPY"}},
        {"amount": {"value": "1", "currency_code": "EUR"}, "event": "fireworks"},
    ],
)
def test_what_cannot_be_paid_is_refused_and_tells_nobody(given, sim, connected, inbox):
    answer = requests.post(f"{sim.address}/_sim/pay", json=given, timeout=10)
    sim.wait_idle()
    assert answer.status_code in (400, 422)
    assert (inbox[0], sim.captures) == ([], {})


@pytest.mark.parametrize("body", [{"id": "WH-1", "a": "é"}, '{"id":"WH-1"}'])
def test_a_load_test_may_have_its_own_body_signed(body, sim, connected, request_with):
    signed = drive(sim, "sign", body=body)
    raw = signed["body"].encode()
    assert json.loads(raw)["id"] == "WH-1"
    request = request_with(signed["headers"], raw, sim.authority.leaf_pem)
    verified = webhooks.verify(request, connected.settings, now=clock.now())
    assert verified.dedupe_key == "WH-1"


@pytest.mark.parametrize(
    ("choice", "status"),
    [("approve", "COMPLETED"), ("decline", "DECLINED"), ("pending", "PENDING")],
)
def test_the_payer_decides_and_comes_back(
    choice, status, sim, connected, inbox, request_with, kept
):
    order = create(connected, invoice_id="INV-1")
    page = connected.http.rewrite(
        next(link["href"] for link in order["links"] if link["rel"] == "payer-action")
    )
    shown = requests.get(page, timeout=10)
    assert shown.status_code == 200
    assert all(text in shown.text for text in ("1248.60 GBP", "INV-1", "Approve"))
    assert "style=" not in shown.text
    assert "<script" not in shown.text
    back = choose(sim, order, choice)
    assert back.status_code == 303
    query = parse_qs(urlsplit(back.headers["Location"]).query)
    assert back.headers["Location"].startswith(RETURN)
    assert query["token"] == [order["id"]]
    assert capture(connected, order)["status"] == status
    facts = hear(sim, connected, inbox[0], request_with, kept)
    assert isinstance(facts[0], CheckoutApproved)
    assert facts[0].reference == order["id"]
    assert len(facts) == 2


def test_the_payer_may_cancel(sim, connected, inbox):
    order = create(connected)
    back = choose(sim, order, "close")
    assert back.headers["Location"] == f"{CANCEL}?token={order['id']}"
    with pytest.raises(RejectedError) as caught:
        capture(connected, order)
    assert caught.value.code == "ORDER_NOT_APPROVED"


def test_the_payer_may_close_the_window_after_approving(sim, connected):
    order = create(connected)
    assert "close this window" in choose(sim, order, "leave").text
    assert capture(connected, order)["status"] == "COMPLETED"


def test_a_page_escapes_what_it_shows(sim, connected):
    order = create(connected, description="<img src=x>")
    page = requests.get(f"{sim.address}/checkoutnow?token={order['id']}", timeout=10)
    assert "<img" not in page.text
    assert (
        requests.get(f"{sim.address}/checkoutnow?token=x", timeout=10).status_code
        == 404
    )
    style = requests.get(f"{sim.address}/checkoutnow/style.css", timeout=10)
    assert style.headers["Content-Type"].startswith("text/css")


def test_a_repeated_request_id_changes_nothing(sim, connected):
    first, second = create(connected), create(connected)
    assert first["id"] == second["id"]
    choose(sim, first, "approve")
    assert capture(connected, first)["id"] == capture(connected, first)["id"]
    captured = capture(connected, first)
    part = {"value": "10.00", "currency_code": "GBP"}
    made = [refund(connected, captured, "hub-r1", amount=part)["id"] for _ in range(2)]
    assert len(set(made)) == 1
    assert len(sim.refunds) == 1


def test_an_order_is_captured_once(sim, connected):
    order = create(connected)
    choose(sim, order, "approve")
    capture(connected, order)
    with pytest.raises(RejectedError) as caught:
        capture(connected, order, "another-key")
    assert caught.value.code == "ORDER_ALREADY_CAPTURED"


@pytest.mark.parametrize(
    ("amount", "issue"),
    [
        ({"value": "2000.00", "currency_code": "GBP"}, "REFUND_AMOUNT_EXCEEDED"),
        (
            {"value": "1.00", "currency_code": "EUR"},
            "REFUND_CAPTURE_CURRENCY_MISMATCH",
        ),
        ({"value": "0", "currency_code": "GBP"}, "CANNOT_BE_ZERO_OR_NEGATIVE"),
    ],
)
def test_a_refund_that_makes_no_sense_is_refused(amount, issue, sim, connected):
    captured = paid(sim, connected)
    with pytest.raises(RejectedError) as caught:
        refund(connected, captured, amount=amount)
    assert caught.value.code == issue


def test_no_more_is_refunded_than_was_paid(sim, connected):
    captured = paid(sim, connected)
    refund(connected, captured, amount={"value": "248.60", "currency_code": "GBP"})
    path = f"/v2/payments/captures/{captured['id']}"
    assert client.call(connected, "GET", path)["status"] == "PARTIALLY_REFUNDED"
    assert refund(connected, captured)["amount"]["value"] == "1000.00"
    assert client.call(connected, "GET", path)["status"] == "REFUNDED"
    with pytest.raises(RejectedError) as caught:
        refund(connected, captured)
    assert caught.value.code == "CAPTURE_FULLY_REFUNDED"


@pytest.mark.parametrize(
    ("event", "issue"),
    [("pending", "PENDING_CAPTURE"), ("denied", "REFUND_NOT_ALLOWED")],
)
def test_what_was_not_received_is_not_refunded(event, issue, sim, connected):
    amount = {"value": "5.00", "currency_code": "GBP"}
    made = drive(sim, "pay", amount=amount, event=event)["capture_id"]
    with pytest.raises(RejectedError) as caught:
        refund(connected, {"id": made})
    assert caught.value.code == issue


def test_a_payment_source_needs_a_request_id(connected):
    with pytest.raises(RejectedError) as caught:
        create(connected, key=None)
    assert caught.value.code == "PAYPAL_REQUEST_ID_REQUIRED"


def test_forgotten_tokens_are_fetched_anew(sim, connected):
    client.test(connected)
    drive(sim, "reset")
    with pytest.raises(RejectedError) as caught:
        client.call(connected, "GET", "/v2/checkout/orders/UNKNOWN")
    assert caught.value.code == "INVALID_RESOURCE_ID"


def test_the_credentials_may_be_fixed(sim, connected):
    drive(sim, "config", client_secret="another")
    answer = requests.post(
        f"{sim.address}/v1/oauth2/token", auth=("id", "wrong"), timeout=10
    )
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_registering_the_webhook_points_the_simulator_at_us(
    sim, connected, inbox, request_with, kept
):
    names = tuple(webhooks.READERS)
    made = client.register_webhook(connected, names)
    assert client.register_webhook(connected, names) == made
    assert list(sim.hooks) == [made.reference]
    assert sim.webhooks.url == connected.webhook_url
    assert sim.config["webhook_id"] == made.settings["webhook_id"]


def test_a_registered_webhook_may_be_changed_and_deleted(sim, connected):
    made = client.register_webhook(connected, tuple(webhooks.READERS))
    client.register_webhook(connected, ("PAYMENT.CAPTURE.COMPLETED",))
    path = f"/v1/notifications/webhooks/{made.reference}"
    shown = client.call(connected, "GET", path)
    assert shown["event_types"] == [{"name": "PAYMENT.CAPTURE.COMPLETED"}]
    token = next(iter(sim.tokens))
    headers = {"Authorization": f"Bearer {token}"}
    assert (
        requests.delete(sim.address + path, headers=headers, timeout=10).status_code
        == 204
    )
    assert sim.hooks == {}


def test_the_api_needs_a_token(sim):
    answer = requests.get(f"{sim.address}/v1/customer/disputes", timeout=10)
    assert answer.status_code == 401
    assert answer.json()["name"] == "AUTHENTICATION_FAILURE"


def test_an_unknown_certificate_is_not_found(sim):
    address = f"{sim.address}/v1/notifications/certs/CERT-1"
    assert requests.get(address, timeout=10).status_code == 404


def test_the_authority_survives_a_restart(monkeypatch, tmp_path):
    monkeypatch.setenv("HUB_SIM_DIR", str(tmp_path / "sim"))
    first, second = Simulator().authority, Simulator().authority
    assert (first.root, first.leaf) == (second.root, second.leaf)
    (file,) = (tmp_path / "sim").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_folder_each_start_has_its_own_authority(monkeypatch):
    monkeypatch.delenv("HUB_SIM_DIR", raising=False)
    assert Simulator().authority.root != Simulator().authority.root


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
    choose(sim, made.json(), choice)
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
    made = drive(sim, "pay", amount=amount, event="dispute")["capture_id"]
    path, spec = "/v1/customer/disputes", "customer_disputes_v1"
    (dispute,) = sim.disputes
    contract(spec, "get", path, wire("GET", path))
    contract(spec, "get", path + "/{id}", wire("GET", f"{path}/{dispute}"))
    drive(sim, "event", capture_id=made, event="dispute_won")
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
    choose(sim, {"id": order.id}, "approve")
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
    drive(sim, "pay", amount={"value": "5.00", "currency_code": "EUR"})
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

"""The simulated PayPal: judged by PayPal's contract, its SDKs and our own plugin."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

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
from hub.sdk.webhooks import Heard
from hub_paypal import client, webhooks
from hub_paypal.simulator import Simulator

RETURN = "https://hub.example/pay/1/return"
CANCEL = "https://hub.example/pay/1/cancel"


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


def capture(ctx, order, key="hub-1-capture"):
    path = f"/v2/checkout/orders/{order['id']}/capture"
    found = client.call(ctx, "POST", path, json={}, request_id=key)
    return found["purchase_units"][0]["payments"]["captures"][0]


def refund(ctx, captured, key=None, **body):
    path = f"/v2/payments/captures/{captured['id']}/refund"
    return client.call(ctx, "POST", path, json=body, request_id=key)


def paid(sim, ctx, **options):
    order = create(ctx, **options)
    sim.choose(order, "approve")
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


@pytest.mark.parametrize("environment", ["sandbox", "live"])
def test_a_payment_reaches_us_signed_and_readable(
    environment, sim, make_ctx, inbox, request_with, kept
):
    got, url = inbox
    sim.drive("config", webhook_url=url, environment=environment, webhook_id="8PT5")
    root = requests.get(f"{sim.address}/_sim/ca.pem", timeout=10).text
    ctx = make_ctx(
        base=sim.address,
        environment=environment,
        webhook_id="8PT5",
        webhook_trust_roots=root,
        webhook_cert_base_url=sim.address,
    )
    made = sim.drive(
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
    sim.drive("pay", amount=amount, event=event)
    facts = hear(sim, connected, inbox[0], request_with, kept)
    assert [type(fact) for fact in facts] == kinds
    assert {str(fact.amount) for fact in facts} == {str(Money.parse("52000", currency))}


def test_things_may_happen_to_a_payment_later(
    sim, connected, inbox, request_with, kept
):
    amount = {"value": "100.00", "currency_code": "EUR"}
    made = sim.drive("pay", amount=amount, event="pending")["capture_id"]
    sim.drive("event", capture_id=made, event="completed")
    for part in ("30.00", "20.00"):
        part_of = {"value": part, "currency_code": "EUR"}
        sim.drive("event", capture_id=made, event="refunded", amount=part_of)
    sim.drive("event", capture_id=made, event="dispute")
    sim.drive("event", capture_id=made, event="dispute_lost")
    sim.drive("event", capture_id=made, event="reversed")
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
    signed = sim.drive("sign", body=body)
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
    back = sim.choose(order, choice)
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
    back = sim.choose(order, "close")
    assert back.headers["Location"] == f"{CANCEL}?token={order['id']}"
    with pytest.raises(RejectedError) as caught:
        capture(connected, order)
    assert caught.value.code == "ORDER_NOT_APPROVED"


def test_the_payer_may_close_the_window_after_approving(sim, connected):
    order = create(connected)
    assert "close this window" in sim.choose(order, "leave").text
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
    sim.choose(first, "approve")
    assert capture(connected, first)["id"] == capture(connected, first)["id"]
    captured = capture(connected, first)
    part = {"value": "10.00", "currency_code": "GBP"}
    made = [refund(connected, captured, "hub-r1", amount=part)["id"] for _ in range(2)]
    assert len(set(made)) == 1
    assert len(sim.refunds) == 1


def test_an_order_is_captured_once(sim, connected):
    order = create(connected)
    sim.choose(order, "approve")
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
    made = sim.drive("pay", amount=amount, event=event)["capture_id"]
    with pytest.raises(RejectedError) as caught:
        refund(connected, {"id": made})
    assert caught.value.code == issue


def test_a_payment_source_needs_a_request_id(connected):
    with pytest.raises(RejectedError) as caught:
        create(connected, key=None)
    assert caught.value.code == "PAYPAL_REQUEST_ID_REQUIRED"


def test_forgotten_tokens_are_fetched_anew(sim, connected):
    client.test(connected)
    sim.drive("reset")
    with pytest.raises(RejectedError) as caught:
        client.call(connected, "GET", "/v2/checkout/orders/UNKNOWN")
    assert caught.value.code == "INVALID_RESOURCE_ID"


def test_the_credentials_may_be_fixed(sim, connected):
    sim.drive("config", client_secret="another")
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
    private, root = sorted((tmp_path / "sim").iterdir())
    assert private.stat().st_mode & 0o777 == 0o600
    assert root.read_bytes() == first.root_pem


def test_without_a_folder_each_start_has_its_own_authority(monkeypatch):
    monkeypatch.delenv("HUB_SIM_DIR", raising=False)
    assert Simulator().authority.root != Simulator().authority.root

"""The simulated Stripe, judged by our own plugin."""

import pytest
import requests
import time_machine

from hub.sdk import clock
from hub.sdk.errors import CredentialsError, RejectedError, SettingsError
from hub.sdk.facts import (
    ChargebackMade,
    DisputeSeen,
    PaymentPending,
    PaymentReceived,
    RefundMade,
)
from hub.sdk.money import Money
from hub_stripe import client, webhooks

EVENTS = {
    "completed": {PaymentReceived},
    "pending": {PaymentPending},
    "refunded": {PaymentReceived, RefundMade},
    "refund_failed": {PaymentReceived},
    "dispute": {PaymentReceived, DisputeSeen, ChargebackMade},
    "reversed": {PaymentReceived, DisputeSeen, ChargebackMade},
    "invoice": {PaymentReceived},
}


@pytest.mark.parametrize(("event", "kinds"), EVENTS.items())
@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_a_payment_may_go_any_way(event, kinds, currency, sim, hear):
    amount = {"value": "52000", "currency_code": currency}
    made = sim.drive("pay", amount=amount, event=event, invoice_id="INV-1")
    facts = hear()
    assert kinds <= {type(fact) for fact in facts}
    assert {Money.parse("52000", currency)} == {fact.amount for fact in facts}
    payments = {getattr(fact, "payment", None) or fact.reference for fact in facts}
    assert {made["payment_intent"]} == payments


def test_an_invoice_of_stripes_own_names_its_number(sim, hear):
    amount = {"value": "12.00", "currency_code": "EUR"}
    sim.drive("pay", amount=amount, event="invoice", invoice_id="NG-0117")
    numbers = [fact.match.invoice_number for fact in hear()]
    assert [None, "NG-0117", "NG-0117"] == numbers


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
def test_what_cannot_be_paid_is_refused_and_tells_nobody(given, sim):
    answer = requests.post(f"{sim.address}/_sim/pay", json=given, timeout=10)
    assert 400 == answer.status_code
    assert ([], {}) == (list(sim.webhooks.sent), sim.charges)


def test_while_a_secret_is_rolled_both_sign(sim, connected, request_with):
    sim.drive("config", webhook_secret="whsec_old, whsec_new")
    signed = sim.drive("sign", body={"id": "evt_1", "a": "é"})
    request = request_with(signed["headers"], signed["body"].encode())
    for secret in ("whsec_old", "whsec_new"):
        settings = {"webhook_secret": secret}
        verified = webhooks.verify(request, settings, now=clock.now())
        assert "evt_1" == verified.dedupe_key


def test_the_page_escapes_what_it_shows_and_goes_with_the_session(sim, connected):
    form = {
        "mode": "payment",
        "success_url": "https://hub.example/done?id={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://hub.example/cancel",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "gbp",
        "line_items[0][price_data][unit_amount]": "1200",
        "payment_intent_data[description]": "<img src=x>",
    }
    id = client.call(connected, "POST", "/v1/checkout/sessions", form=form)["id"]
    url = f"{sim.address}/c/pay/{id}"
    shown = requests.get(url, timeout=10).text
    assert "12.00 GBP" in shown
    assert "<img" not in shown
    assert "https://hub.example/cancel" == sim.choose(id, "close").headers["Location"]
    back = sim.choose(id, "approve")
    assert f"https://hub.example/done?id={id}" == back.headers["Location"]
    assert 404 == requests.get(url, timeout=10).status_code
    style = requests.get(f"{sim.address}/c/style.css", timeout=10)
    assert style.headers["Content-Type"].startswith("text/css")


def test_a_key_used_for_something_else_is_refused(connected):
    form = {"amount": "100", "currency": "gbp"}
    path = "/v1/payment_intents"
    first = client.call(connected, "POST", path, form=form, key="k")
    assert first == client.call(connected, "POST", path, form=form, key="k")
    with pytest.raises(RejectedError) as caught:
        client.call(connected, "POST", path, form=form | {"amount": "200"}, key="k")
    assert "idempotency_error" == caught.value.code


def test_a_wrong_key_needs_a_person(sim, connected, make_ctx):
    sim.drive("config", api_key="sk_test_another")
    with pytest.raises(CredentialsError):
        client.test(connected)
    with pytest.raises(SettingsError, match="api_key"):
        client.test(make_ctx(api_key=""))


def test_an_old_webhook_is_sent_again_with_a_fresh_signature(sim, connected):
    sim.drive("pay", amount={"value": "1", "currency_code": "EUR"})
    webhook = sim.webhooks.sent[0]
    with time_machine.travel(clock.now().timestamp() + 3600, tick=False):
        later = sim.sign(webhook)["Stripe-Signature"]
    assert later != sim.sign(webhook)["Stripe-Signature"]

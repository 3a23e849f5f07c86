"""The simulated GoCardless, judged by our own plugin."""

import threading

import pytest
import requests

from hub.sdk.errors import (
    CredentialsError,
    RateLimitError,
    RejectedError,
    SettingsError,
)
from hub.sdk.facts import (
    ChargebackMade,
    FeeCharged,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    PayoutMade,
    RefundMade,
)
from hub.sdk.money import Money
from hub.sdk.serving import serve
from hub.sdk.webhooks import Heard
from hub_gocardless import client, debits, webhooks

ENDS = {
    "pending": {PaymentPending},
    "completed": {PaymentReceived},
    "denied": {PaymentFailed},
    "retried": {PaymentReceived},
    "late_failure": {PaymentFailed},
    "paid_out": {PaymentReceived, PayoutMade, FeeCharged},
    "charged_back": {PaymentReceived, ChargebackMade},
    "chargeback_cancelled": {PaymentReceived, ChargebackMade},
    "refunded": {PaymentReceived, RefundMade},
}
EUROS = {"value": "520.00", "currency_code": "EUR"}


@pytest.mark.parametrize(("event", "kinds"), ENDS.items())
def test_a_payment_may_go_any_way(event, kinds, sim, hear):
    made = sim.drive("pay", amount=EUROS, event=event, invoice_id="INV-1")
    facts = hear()
    assert kinds <= {type(fact) for fact in facts}
    money = [fact for fact in facts if hasattr(fact, "match")]
    assert {Money.parse("520.00", "EUR")} == {fact.amount for fact in money}
    assert {made["payment"]} == {fact.reference for fact in money}
    assert {"INV-1"} == {fact.match.invoice_number for fact in money}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"amount": {"value": "-1", "currency_code": "EUR"}},
        {"amount": {"value": 5, "currency_code": "EUR"}},
        {"amount": {"value": "1", "currency_code": "JPY"}},
        {"amount": EUROS, "event": "fireworks"},
    ],
)
def test_what_cannot_be_paid_is_refused_and_tells_nobody(given, sim):
    answer = requests.post(f"{sim.address}/_sim/pay", json=given, timeout=10)
    assert 400 <= answer.status_code < 500
    assert ([], {}) == (list(sim.webhooks.sent), sim.payments)


@pytest.mark.parametrize(
    ("thing", "event"),
    [("payment", "paid_out"), ("payment", "boiled"), ("payment", "retried")],
)
def test_what_cannot_happen_now_is_refused(thing, event, sim):
    made = sim.drive("pay", amount=EUROS, event="pending")
    answer = requests.post(
        f"{sim.address}/_sim/event",
        json={thing: made[thing], "event": event},
        timeout=10,
    )
    assert 422 == answer.status_code


def test_the_bank_can_be_told_to_decline(sim, connected, mandate, invoice, charge):
    sim.drive("faults", kind="declined")
    (fact,) = debits.collect(invoice, charge, mandate, connected)
    assert isinstance(fact, PaymentFailed)
    assert 0 == sim.declines


def test_money_may_come_by_itself_after_a_while(
    sim, connected, mandate, invoice, charge, monkeypatch
):
    came = threading.Event()
    tell = sim.tell

    def listening(*happened):
        tell(*happened)
        if any(event["action"] == "confirmed" for event in happened):
            came.set()

    monkeypatch.setattr(sim, "tell", listening)
    sim.drive("config", confirm_after=0.05)
    (fact,) = debits.collect(invoice, charge, mandate, connected)
    assert isinstance(fact, PaymentPending)
    assert came.wait(30)
    facts = debits.settle(fact.reference, connected)
    assert isinstance(facts[-1], PaymentReceived)


def test_a_payment_can_only_be_retried_three_times(sim, connected, mandate):
    given = {"amount": 1, "currency": "GBP", "links": {"mandate": mandate.reference}}
    id = client.create(connected, "payments", given, key="k")["id"]
    for _ in range(3):
        sim.drive("event", payment=id, event="failed")
        client.act(connected, "payments", id, "retry")
    sim.drive("event", payment=id, event="failed")
    with pytest.raises(RejectedError) as caught:
        client.act(connected, "payments", id, "retry")
    assert "retry_failed" == caught.value.code


def test_the_page_escapes_what_it_shows_and_goes_with_the_request(sim, connected):
    asked = {"amount": 1200, "currency": "GBP", "description": "<img src=x>"}
    made = client.create(
        connected, "billing_requests", {"payment_request": asked}, key="k"
    )
    back = {
        "redirect_uri": "https://hub.example/r",
        "exit_uri": "https://hub.example/e",
    }
    flow = client.create(
        connected,
        "billing_request_flows",
        back | {"links": {"billing_request": made["id"]}},
        key="f",
    )
    page = f"{sim.address}/billing/static/flow?id={flow['id']}"
    shown = requests.get(page, timeout=10).text
    assert "12.00 GBP" in shown
    assert "<img" not in shown
    assert back["exit_uri"] == sim.choose(page, "close").headers["Location"]
    assert back["redirect_uri"] == sim.choose(page, "approve").headers["Location"]
    assert 404 == requests.get(page, timeout=10).status_code
    style = requests.get(f"{sim.address}/billing/static/style.css", timeout=10)
    assert style.headers["Content-Type"].startswith("text/css")


def test_a_person_can_let_things_happen(sim, connected):
    """Every button of the page does something."""
    made = sim.drive("pay", amount=EUROS, event="pending")
    page = f"{sim.address}/_sim/scenarios"
    assert made["payment"] in requests.get(page, timeout=10).text
    for event in ("confirmed", "paid_out", "charged_back"):
        assert f'value="{event}"' in requests.get(page, timeout=10).text
        given = {"payment": made["payment"], "event": event}
        answer = requests.post(page, data=given, timeout=10)
        assert (200, page) == (answer.status_code, answer.url)
    requests.post(
        page, data={"mandate": made["mandate"], "event": "expired"}, timeout=10
    )
    state = requests.get(f"{sim.address}/_sim/state", timeout=10).json()
    assert "charged_back" == state["payments"][0]["status"]
    assert "expired" == state["mandates"][0]["status"]


def test_who_asks_too_much_is_told_until_when_to_wait(sim, connected):
    sim.drive("faults", kind="429")
    with pytest.raises(RateLimitError) as caught:
        client.test(connected)
    assert 0 < (caught.value.retry_after or 0) <= 60


def test_a_wrong_token_needs_a_person(sim, connected, make_ctx):
    sim.drive("config", access_token="another")
    with pytest.raises(CredentialsError):
        client.test(connected)
    with pytest.raises(SettingsError, match="access_token"):
        client.test(make_ctx(access_token=""))


def test_webhooks_may_come_twice_and_in_any_order(sim, connected, kept, make_ctx):
    """What came is understood the same, whichever came first."""
    taken = []

    def inbox(environ, start_response):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        taken.append((environ["HTTP_WEBHOOK_SIGNATURE"], body))
        start_response("204 No Content", [])
        return []

    with serve(inbox) as hub:
        sim.drive("config", webhook_url=f"{hub.url}/webhooks/gocardless")
        sim.drive("faults", kind="duplicate", count=1)
        sim.drive("faults", kind="out_of_order", count=3)
        sim.drive("pay", amount=EUROS, event="completed")
        sim.wait_idle()
    assert len(taken) > len({body for _, body in taken}) >= 3
    facts = {
        fact.id: fact
        for _, body in taken
        for result in webhooks.parse(kept(body), connected)
        if isinstance(result, Heard)
        for fact in result.facts
    }
    newest = max(facts.values(), key=lambda fact: fact.as_of)
    assert isinstance(newest, PaymentReceived)

"""Calls to PayPal: the token, the errors, the webhook's registration."""

import pytest
import requests

from hub.sdk.errors import (
    CredentialsError,
    RateLimitError,
    RejectedError,
    SettingsError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub_paypal import client

API = "https://api-m.sandbox.paypal.com"
TOKEN_URL = f"{API}/v1/oauth2/token"
ORDER_URL = f"{API}/v2/checkout/orders/7GX41283LP556081K"
HOOKS_URL = f"{API}/v1/notifications/webhooks"
SECRET = "EC-made-up-secret-of-tests"
KEY = "token:sandbox:AeA1QIZXiflr1"


def token_reply(token="A21AA-first-token", expires_in=32400):
    return {"access_token": token, "token_type": "Bearer", "expires_in": expires_in}


def refusal(issue, status=422):
    body = {"name": "X", "debug_id": "90957fca61718", "details": [{"issue": issue}]}
    return {"json": body, "status_code": status}


@pytest.fixture
def paypal(requests_mock):
    requests_mock.post(TOKEN_URL, json=token_reply())
    return requests_mock


def read(ctx):
    return client.call(ctx, "GET", "/v2/checkout/orders/7GX41283LP556081K")


def test_the_token_is_fetched_once_and_kept_secret_until_it_ends(paypal, make_ctx):
    paypal.get(ORDER_URL, json={"id": "7GX41283LP556081K"})
    ctx = make_ctx()
    assert [read(ctx), read(ctx)] == [{"id": "7GX41283LP556081K"}] * 2
    assert [request.url for request in paypal.request_history] == [
        TOKEN_URL,
        ORDER_URL,
        ORDER_URL,
    ]
    asked, first, _ = paypal.request_history
    assert asked.text == "grant_type=client_credentials"
    assert asked.headers["Authorization"].startswith("Basic ")
    assert first.headers["Authorization"] == "Bearer A21AA-first-token"
    assert first.headers["Prefer"] == "return=representation"
    assert ctx.state.secret == {KEY}
    assert ctx.state.lifetimes == {KEY: 32400 - 60}


def test_each_account_and_environment_has_its_own_token(paypal, make_ctx):
    ctx = make_ctx(client_id="other")
    client.test(ctx)
    assert set(ctx.state.values) == {"token:sandbox:other"}


def test_a_refused_token_is_fetched_anew_and_the_call_repeated_once(paypal, make_ctx):
    ctx = make_ctx()
    ctx.state.set(KEY, "stale")
    paypal.get(ORDER_URL, [{"status_code": 401}, {"json": {"id": "7GX"}}])
    assert read(ctx) == {"id": "7GX"}
    used = [r.headers["Authorization"] for r in paypal.request_history]
    assert (used[0], used[2]) == ("Bearer stale", "Bearer A21AA-first-token")


def test_a_token_refused_twice_needs_a_person(paypal, make_ctx):
    ctx = make_ctx()
    ctx.state.set(KEY, "stale")
    paypal.get(ORDER_URL, status_code=401)
    with pytest.raises(CredentialsError):
        read(ctx)
    assert [r.url for r in paypal.request_history] == [ORDER_URL, TOKEN_URL, ORDER_URL]


def test_a_missing_permission_is_not_tried_again(paypal, make_ctx):
    ctx = make_ctx()
    ctx.state.set(KEY, "good")
    paypal.get(ORDER_URL, status_code=403)
    with pytest.raises(CredentialsError):
        read(ctx)
    assert len(paypal.request_history) == 1


@pytest.mark.parametrize("status", [400, 401])
def test_wrong_credentials_are_told_apart_and_never_repeated(
    status, requests_mock, make_ctx
):
    requests_mock.post(TOKEN_URL, status_code=status, json={"error": "invalid_client"})
    with pytest.raises(CredentialsError, match="environment") as caught:
        client.test(make_ctx())
    assert caught.value.code == "invalid_client"
    assert len(requests_mock.request_history) == 1


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_missing_credentials_are_named(name, make_ctx):
    with pytest.raises(SettingsError, match=name):
        client.test(make_ctx(**{name: ""}))


def test_testing_the_connection_asks_for_a_token_anew(paypal, make_ctx):
    ctx = make_ctx()
    ctx.state.set(KEY, "old")
    assert client.test(ctx) == "PayPal accepted the credentials (sandbox)."
    assert ctx.state.get(KEY) == "A21AA-first-token"


def test_live_has_its_own_host(requests_mock, make_ctx):
    requests_mock.post("https://api-m.paypal.com/v1/oauth2/token", json=token_reply())
    assert "live" in client.test(make_ctx(environment="live"))


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {}},
        {"json": []},
        {"json": {"access_token": "", "expires_in": 1}},
        {"json": {"access_token": "x", "expires_in": "soon"}},
        {"text": "<html>"},
    ],
)
def test_an_answer_without_a_token_is_drift(answer, requests_mock, make_ctx):
    requests_mock.post(TOKEN_URL, **answer)
    with pytest.raises(UnexpectedResponseError):
        client.test(make_ctx())


def test_a_token_about_to_end_is_used_but_not_kept(requests_mock, make_ctx):
    requests_mock.post(TOKEN_URL, json=token_reply(expires_in=30))
    ctx = make_ctx()
    client.test(ctx)
    assert ctx.state.values == {}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status_code": 429, "headers": {"Retry-After": "7"}}, RateLimitError),
        (refusal("MISSING_REQUIRED_PARAMETER", 400), RejectedError),
        (refusal("INVALID_RESOURCE_ID", 404), RejectedError),
        (refusal("ORDER_ALREADY_CAPTURED"), RejectedError),
        (refusal("PREVIOUS_REQUEST_IN_PROGRESS", 409), UnavailableError),
        ({"status_code": 422, "text": "<html>"}, RejectedError),
        ({"status_code": 422, "json": ["?"]}, RejectedError),
        ({"status_code": 422, "json": {"details": ["?"]}}, RejectedError),
        ({"status_code": 500}, UnavailableError),
        ({"status_code": 503}, UnavailableError),
        ({"exc": requests.ReadTimeout}, UnavailableError),
        ({"exc": requests.ConnectionError}, UnavailableError),
        ({"text": "<html>maintenance</html>"}, UnexpectedResponseError),
    ],
)
def test_each_answer_becomes_the_right_error(answer, kind, paypal, make_ctx, calls):
    paypal.post(ORDER_URL + "/capture", **answer)
    with pytest.raises(kind) as caught:
        client.call(
            make_ctx(),
            "POST",
            "/v2/checkout/orders/7GX41283LP556081K/capture",
            json={},
            request_id="hub-1-capture",
        )
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    sent = paypal.request_history[-1].headers
    assert sent["PayPal-Request-Id"] == "hub-1-capture"
    assert sent["Content-Type"] == "application/json"
    kept = repr(calls)
    assert SECRET not in kept
    assert "A21AA-first-token" not in kept


def test_a_refusal_carries_paypals_code_and_its_id_for_support(paypal, make_ctx):
    paypal.get(ORDER_URL, **refusal("ORDER_NOT_APPROVED"))
    with pytest.raises(RejectedError, match="ORDER_NOT_APPROVED") as caught:
        read(make_ctx())
    error = caught.value
    assert (error.code, error.reference) == ("ORDER_NOT_APPROVED", "90957fca61718")


def test_the_rate_limit_says_how_long(paypal, make_ctx):
    paypal.get(ORDER_URL, status_code=429, headers={"Retry-After": "7"})
    with pytest.raises(RateLimitError) as caught:
        read(make_ctx())
    assert caught.value.retry_after == 7


def test_the_token_answer_is_kept_nowhere(paypal, make_ctx, calls):
    client.test(make_ctx())
    (record,) = calls
    assert (record.request_excerpt, record.response_excerpt) == ("", "")


WANTED = ("PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.DECLINED")
OURS = "https://hub.example.com/webhooks/paypal"


def offer(paypal, *names):
    types = [{"name": name} for name in names]
    paypal.get(
        f"{API}/v1/notifications/webhooks-event-types", json={"event_types": types}
    )


def hook(id="0EH40505U7160970P", url=OURS, types=WANTED):
    return {"id": id, "url": url, "event_types": [{"name": name} for name in types]}


def test_the_webhook_is_made_with_the_events_paypal_offers(paypal, make_ctx):
    offer(paypal, "PAYMENT.CAPTURE.COMPLETED", "BILLING.PLAN.CREATED")
    paypal.get(HOOKS_URL, json={"webhooks": [hook(url="https://other.example/")]})
    paypal.post(HOOKS_URL, json=hook(id="9AB"), status_code=201)
    made = client.register_webhook(make_ctx(), WANTED)
    assert (made.reference, made.settings) == ("9AB", {"webhook_id": "9AB"})
    assert paypal.request_history[-1].json() == {
        "url": OURS,
        "event_types": [{"name": "PAYMENT.CAPTURE.COMPLETED"}],
    }


def test_the_webhook_of_our_address_is_kept(paypal, make_ctx):
    offer(paypal, *WANTED)
    paypal.get(HOOKS_URL, json={"webhooks": [hook()]})
    made = client.register_webhook(make_ctx(), WANTED)
    assert made.settings == {"webhook_id": "0EH40505U7160970P"}
    assert {r.method for r in paypal.request_history[1:]} == {"GET"}


def test_the_webhooks_events_are_brought_up_to_date(paypal, make_ctx):
    offer(paypal, *WANTED)
    paypal.get(HOOKS_URL, json={"webhooks": [hook(types=WANTED[:1])]})
    paypal.patch(f"{HOOKS_URL}/0EH40505U7160970P", json=hook())
    client.register_webhook(make_ctx(), WANTED)
    assert paypal.request_history[-1].json() == [
        {
            "op": "replace",
            "path": "/event_types",
            "value": [{"name": name} for name in WANTED],
        }
    ]


@pytest.mark.parametrize(
    "listed",
    [{"webhooks": "none"}, {"webhooks": ["x"]}, [], {"webhooks": [{"url": OURS}]}],
)
def test_a_list_that_is_none_is_drift(listed, paypal, make_ctx):
    offer(paypal, *WANTED)
    paypal.get(HOOKS_URL, json=listed)
    with pytest.raises(UnexpectedResponseError):
        client.register_webhook(make_ctx(), WANTED)

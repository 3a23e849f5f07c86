"""Calls to Stripe: what each answer means."""

import pytest
import requests

from hub.sdk.errors import (
    CredentialsError,
    RateLimitError,
    RejectedError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub_stripe import client
from hub_stripe.provider import API_VERSION

URL = "https://api.stripe.com/v1/refunds"


def refusal(code, status=400, kind="invalid_request_error"):
    error = {"type": kind, "code": code, "message": "No."}
    return {"status_code": status, "json": {"error": error}}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal("rate_limit", 429), RateLimitError),
        (refusal("rate_limit"), RateLimitError),
        (refusal("lock_timeout", 409), UnavailableError),
        (refusal("idempotency_key_in_use", 409, "idempotency_error"), UnavailableError),
        (refusal("", 409, "idempotency_error"), RejectedError),
        (refusal("card_declined", 402, "card_error"), RejectedError),
        (refusal("charge_already_refunded"), RejectedError),
        (refusal("resource_missing", 404), RejectedError),
        ({"status_code": 400, "text": "<html>"}, RejectedError),
        ({"status_code": 400, "json": ["?"]}, RejectedError),
        ({"status_code": 401}, CredentialsError),
        ({"status_code": 403}, CredentialsError),
        ({"status_code": 500}, UnavailableError),
        ({"exc": requests.ReadTimeout}, UnavailableError),
        ({"text": "<html>maintenance</html>"}, UnexpectedResponseError),
        ({"json": ["?"]}, UnexpectedResponseError),
    ],
)
def test_each_answer_becomes_the_right_error(answer, kind, requests_mock, make_ctx):
    requests_mock.post(URL, **answer)
    with pytest.raises(kind) as caught:
        client.call(make_ctx(), "POST", "/v1/refunds", form={"a": "b"}, key="k1")
    assert type(caught.value) is kind
    sent = requests_mock.last_request.headers
    assert ("k1", API_VERSION) == (sent["Idempotency-Key"], sent["Stripe-Version"])


def test_a_refusal_carries_stripes_code_and_its_id_for_support(requests_mock, make_ctx):
    requests_mock.get(URL, headers={"Request-Id": "req_1"}, **refusal("no_account"))
    with pytest.raises(RejectedError, match="no_account") as caught:
        client.call(make_ctx(), "GET", "/v1/refunds")
    assert ("no_account", "req_1") == (caught.value.code, caught.value.reference)


@pytest.mark.parametrize("answer", [{}, {"data": "none"}, {"data": ["x"]}])
def test_a_list_that_is_none_is_drift(answer, requests_mock, make_ctx):
    requests_mock.get(URL, json=answer)
    with pytest.raises(UnexpectedResponseError):
        list(client.pages(make_ctx(), "/v1/refunds"))


def test_a_list_without_end_is_not_followed_for_ever(requests_mock, make_ctx):
    requests_mock.get(URL, json={"data": [{"id": "re_1"}], "has_more": True})
    with pytest.raises(UnexpectedResponseError, match="no end"):
        list(client.pages(make_ctx(), "/v1/refunds"))


@pytest.mark.parametrize(
    ("key", "mode"),
    [("rk_live_x", "live"), ("sk_live_x", "live"), ("rk_test_x", "test")],
)
def test_the_key_says_which_mode(key, mode, make_ctx):
    assert mode == client.mode(make_ctx(api_key=key))

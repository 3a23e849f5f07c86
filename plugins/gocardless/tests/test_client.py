"""Calls to GoCardless: what each answer means."""

import pytest
import requests
import time_machine

from hub.sdk.errors import (
    CredentialsError,
    RateLimitError,
    RejectedError,
    SettingsError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub_gocardless import client
from hub_gocardless.provider import API_VERSION

URL = "https://api-sandbox.gocardless.com/payments"


def refusal(status, kind="invalid_state", **first):
    error = {"type": kind, "code": status, "message": "No.", "errors": [first]}
    return {"status_code": status, "json": {"error": error | {"request_id": "r-1"}}}


CONFLICT = {"reason": client.CONFLICT, "message": "x"}


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (
            refusal(422, reason="mandate_is_inactive"),
            RejectedError,
            "mandate_is_inactive",
        ),
        (refusal(422, field="amount"), RejectedError, "amount"),
        (refusal(422), RejectedError, "invalid_state"),
        (
            refusal(404, reason="resource_not_found"),
            RejectedError,
            "resource_not_found",
        ),
        (refusal(410), RejectedError, "invalid_state"),
        (refusal(409, reason="something_else"), RejectedError, "something_else"),
        # The first of two at once isn't done yet: there is nothing to look at.
        (refusal(409, **CONFLICT), UnavailableError, client.CONFLICT),
        (
            refusal(429, reason="rate_limit_exceeded"),
            RateLimitError,
            "rate_limit_exceeded",
        ),
        ({"status_code": 429, "json": {"error": "slow down"}}, RateLimitError, ""),
        ({"status_code": 400, "json": {"error": "from a gateway"}}, RejectedError, ""),
        ({"status_code": 400, "json": {"error": {"errors": "?"}}}, RejectedError, ""),
        ({"status_code": 400, "text": "<html>"}, RejectedError, None),
        ({"status_code": 400, "json": ["?"]}, RejectedError, None),
        ({"status_code": 401}, CredentialsError, None),
        ({"status_code": 403}, CredentialsError, None),
        ({"status_code": 500, "text": ""}, UnavailableError, None),
        ({"status_code": 502, "text": "<html>"}, UnavailableError, None),
        ({"exc": requests.ReadTimeout}, UnavailableError, None),
        ({"text": "<html>maintenance</html>"}, UnexpectedResponseError, None),
        ({"json": ["?"]}, UnexpectedResponseError, None),
        ({"json": {"payments": "?"}}, UnexpectedResponseError, None),
    ],
)
def test_each_answer_becomes_the_right_error(
    answer, kind, code, requests_mock, make_ctx
):
    requests_mock.post(URL, **answer)
    with pytest.raises(kind) as caught:
        client.create(make_ctx(), "payments", {"amount": 1}, key="k1")
    assert type(caught.value) is kind
    assert code == caught.value.code
    sent = requests_mock.last_request
    assert ("k1", API_VERSION) == (
        sent.headers["Idempotency-Key"],
        sent.headers["GoCardless-Version"],
    )
    assert {"payments": {"amount": 1}} == sent.json()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"RateLimit-Reset": "Thu, 03 May 2018 16:00:00 GMT"}, 42.0),
        ({"RateLimit-Reset": "Thu, 03 May 2018 15:00:00 GMT"}, 0.0),
        ({"Retry-After": "7", "RateLimit-Reset": "Thu, 03 May 2018 16:00:00 GMT"}, 7.0),
        ({"RateLimit-Reset": "soon"}, None),
        ({}, None),
    ],
)
def test_the_end_of_the_wait_is_told_as_a_date(
    headers, seconds, requests_mock, make_ctx
):
    requests_mock.get(URL, headers=headers, **refusal(429))
    with (
        time_machine.travel("2018-05-03T15:59:18Z", tick=False),
        pytest.raises(RateLimitError) as caught,
    ):
        client.page(make_ctx(), "payments", {})
    assert seconds == caught.value.retry_after


def test_what_the_key_made_before_is_fetched(requests_mock, make_ctx):
    links = {"conflicting_resource_id": "PM1"}
    requests_mock.post(URL, **refusal(409, links=links, **CONFLICT))
    requests_mock.get(f"{URL}/PM1", json={"payments": {"id": "PM1"}})
    assert {"id": "PM1"} == client.create(make_ctx(), "payments", {}, key="k1")


def test_a_refusal_carries_the_id_for_support(requests_mock, make_ctx):
    requests_mock.get(f"{URL}/PM1", **refusal(422, reason="x", message="Not so."))
    with pytest.raises(RejectedError, match="Not so") as caught:
        client.get(make_ctx(), "payments", "PM1")
    assert "r-1" == caught.value.reference


@pytest.mark.parametrize("answer", [{}, {"payments": "none"}, {"payments": ["x"]}])
def test_a_list_that_is_none_is_drift(answer, requests_mock, make_ctx):
    requests_mock.get(URL, json=answer)
    with pytest.raises(UnexpectedResponseError):
        list(client.listed(make_ctx(), "payments"))


def test_a_list_without_end_is_not_followed_for_ever(requests_mock, make_ctx):
    meta = {"cursors": {"after": "PM1"}}
    requests_mock.get(URL, json={"payments": [{"id": "PM1"}], "meta": meta})
    with pytest.raises(UnexpectedResponseError, match="no end"):
        list(client.listed(make_ctx(), "payments"))


def test_live_and_sandbox_are_two_hosts(requests_mock, make_ctx):
    requests_mock.get(
        "https://api.gocardless.com/creditors?limit=1", json={"creditors": []}
    )
    said = client.test(make_ctx(environment="live"))
    assert "GoCardless accepted the token (live)." == said


def test_without_a_token_a_person_is_asked_for_one(make_ctx):
    with pytest.raises(SettingsError, match="access_token"):
        client.test(make_ctx(access_token=""))

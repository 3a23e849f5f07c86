"""Calls to a receiver: what is sent, and what its answers mean."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
import requests_mock
from marshmallow import ValidationError
from standardwebhooks.webhooks import Webhook

from hub.sdk.errors import (
    CredentialsError,
    GoneError,
    ProviderError,
    RateLimitError,
    RejectedError,
    UnavailableError,
)
from hub.sdk.events import Event, Message
from hub.sdk.http import CallRecord
from hub_outbound import actions
from hub_outbound.provider import OutboundSettings

Make = Callable[..., Any]
URL = "https://hooks.example.com/hub"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def paid(event_of: Make) -> Event:
    event: Event = event_of("invoice.paid")
    return event


def test_event_is_posted_signed(
    ctx_with: Make, paid: Event, requests_mock: requests_mock.Mocker
) -> None:
    sent = requests_mock.post(URL, status_code=204)

    actions.post_event(paid, ctx_with())

    request = sent.request_history[0]
    told = Webhook(SECRET).verify(request.body, dict(request.headers))
    assert ("invoice.paid", "invoice:inv_1") == (told["type"], told["subject"])
    assert "dlv_1" == request.headers["webhook-id"]
    assert "application/json; charset=utf-8" == request.headers["Content-Type"]


def test_retry_carries_the_same_id(
    ctx_with: Make, paid: Event, requests_mock: requests_mock.Mocker
) -> None:
    sent = requests_mock.post(URL, [{"status_code": 500}, {"status_code": 200}])
    with pytest.raises(UnavailableError):
        actions.post_event(paid, ctx_with())
    actions.post_event(paid, ctx_with())
    assert {"dlv_1"} == {each.headers["webhook-id"] for each in sent.request_history}


def test_free_message_and_test_are_events_of_their_own(
    ctx_with: Make, requests_mock: requests_mock.Mocker
) -> None:
    sent = requests_mock.post(URL, status_code=200, text="OK")
    actions.send_message(Message(text="Hello", blocks=({"a": 1},)), ctx_with())
    said = actions.test_connection(ctx_with(delivery=None))

    types = [each.json()["type"] for each in sent.request_history]
    assert ["custom.message", "custom.test"] == types
    assert [{"a": 1}] == sent.request_history[0].json()["data"]["blocks"]
    assert "signed test" in said


def test_empty_message_is_refused(ctx_with: Make) -> None:
    with pytest.raises(RejectedError, match="empty"):
        actions.send_message(Message(text=" "), ctx_with())


@pytest.mark.parametrize(
    ("status", "error", "unknown"),
    [
        (400, RejectedError, False),
        (413, RejectedError, False),
        (422, RejectedError, False),
        (401, CredentialsError, False),
        (403, CredentialsError, False),
        (302, CredentialsError, False),
        (410, GoneError, False),
        (404, UnavailableError, False),
        (409, UnavailableError, False),
        (425, UnavailableError, False),
        (500, UnavailableError, True),
        (502, UnavailableError, True),
        (503, UnavailableError, False),
    ],
)
def test_answers(
    status: int,
    error: type[ProviderError],
    unknown: bool,
    ctx_with: Make,
    paid: Event,
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(URL, status_code=status, text="junk " * 100)
    with pytest.raises(error) as caught:
        actions.post_event(paid, ctx_with())
    assert error is type(caught.value)
    assert (status, unknown) == (caught.value.status, caught.value.outcome_unknown)


def test_429_is_obeyed(
    ctx_with: Make, paid: Event, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL, status_code=429, headers={"Retry-After": "7"})
    with pytest.raises(RateLimitError) as caught:
        actions.post_event(paid, ctx_with())
    assert 7 == caught.value.retry_after


def test_time_out_is_an_unknown_outcome(
    ctx_with: Make, paid: Event, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL, exc=requests.exceptions.ReadTimeout)
    with pytest.raises(UnavailableError) as caught:
        actions.post_event(paid, ctx_with())
    assert caught.value.outcome_unknown


def test_secret_shows_nowhere(
    ctx_with: Make,
    paid: Event,
    calls: list[CallRecord],
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(URL, status_code=400, text=f"Bad key {SECRET}")
    with pytest.raises(RejectedError) as caught:
        actions.post_event(paid, ctx_with())
    assert SECRET.removeprefix("whsec_") not in f"{caught.value!r}{calls!r}"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"url": "hooks.example.com"}, "url"),
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://a:b@hooks.example.com/"}, "url"),
        ({"url": "https://[::1"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"signing_secret": "hunter2"}, "signing_secret"),
        ({"allowed_networks": "everywhere"}, "allowed_networks"),
    ],
)
def test_settings_that_can_not_be_used_are_refused(
    values: dict[str, str], field: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        OutboundSettings().load(values)
    assert [field] == list(caught.value.normalized_messages())


def test_settings_of_this_machine_and_of_the_internet_are_taken() -> None:
    for url in ("http://127.0.0.1:8100/x", "https://hooks.example.com/?a=b"):
        OutboundSettings().load(
            {"url": url, "signing_secret": SECRET, "allowed_networks": "10.0.0.0/8"}
        )

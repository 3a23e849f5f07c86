"""Signatures, judged by the specification's own library."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hub.sdk import clock
from hub.sdk.events import EVENT_TYPES, Event
from hub_outbound import messages, signing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_aGVyZSBpcyBhbiBvbGRlciBzZWNyZXQu"
NAMES = (
    "Zoë 👍",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "\ud800 half",
    "x" * 5000,
    'quote " \\ \n',
)


def signed(body: bytes, secrets: str = SECRET) -> dict[str, str]:
    now = int(clock.now().timestamp())
    return dict(signing.headers("dlv_1", now, body, signing.secrets_of(secrets)))


@pytest.mark.parametrize("type", EVENT_TYPES)
def test_each_event_is_verified(type: str, event_of: Callable[..., Event]) -> None:
    body = messages.event(event_of(type))
    told = Webhook(SECRET).verify(body, signed(body))
    assert (type, 1, "42") == (told["type"], told["version"], told["id"])


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_are_verified_and_unchanged(
    name: str, event_of: Callable[..., Event]
) -> None:
    body = messages.event(event_of("invoice.paid", client=name))
    told = Webhook(SECRET).verify(body, signed(body))
    assert name.encode("utf-8", "replace").decode() == told["data"]["client"]


@given(st.binary(max_size=200))
def test_any_body_is_verified(body: bytes) -> None:
    content = b'{"x":"' + body.hex().encode() + b'"}'
    assert {"x": body.hex()} == Webhook(SECRET).verify(content, signed(content))


def test_while_rotating_both_secrets_verify() -> None:
    body = b"{}"
    headers = signed(body, f"{SECRET}, {OLD}")
    assert {} == Webhook(SECRET).verify(body, headers)
    assert {} == Webhook(OLD).verify(body, headers)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "dlv_2"},
        {"webhook-timestamp": "1"},
        {"webhook-signature": "v1,AAAA"},
    ],
)
def test_changed_headers_are_refused(changed: dict[str, str]) -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b"{}", signed(b"{}") | changed)


def test_changed_body_and_other_secret_are_refused() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b"{ }", signed(b"{}"))
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(b"{}", signed(b"{}"))


@pytest.mark.parametrize("text", ["whsec_%%%", "whsec_YQ==", "whsec_" + "YWFh" * 40])
def test_secret_that_can_not_be_used_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="openssl rand"):
        signing.secrets_of(text)


def test_no_secret_is_none(event_of: Any) -> None:
    assert () == signing.secrets_of(" , ")

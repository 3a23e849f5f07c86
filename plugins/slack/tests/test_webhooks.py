"""Requests from Slack: all signature cases, dedupe keys, and what is malformed."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier

import hub_slack
from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, SignatureError
from hub.sdk.testing import make_context, no_network
from hub.sdk.webhooks import (
    Headers,
    Heard,
    InboundWebhook,
    Result,
    Unheard,
    Verified,
    WebhookRequest,
)
from hub_slack import conversation, webhooks

NOW = 1767225600
SECRET = "6f1c0a5e8b7d4c2f9e3a1b0d5c7e8f90"
Make = Callable[..., Any]


class StoppedClock(Clock):
    """The reference's clock, at the vectors' time."""

    def now(self) -> float:
        return NOW


@pytest.fixture
def verify(ctx_with: Make, request_with: Make) -> Callable[..., Verified]:
    """Sign a body as Slack does and verify it, at the vectors' time."""

    def check(body: bytes) -> Verified:
        signature = webhooks.sign(SECRET, str(NOW), body)
        headers = {
            "X-Slack-Request-Timestamp": str(NOW),
            "X-Slack-Signature": signature,
        }
        with time_machine.travel(NOW, tick=False):
            ctx = ctx_with(signing_secret=SECRET)
            return webhooks.verify(request_with(headers, body), ctx)

    return check


def form(payload: Any) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def kept(body: bytes) -> InboundWebhook:
    received = datetime(2026, 1, 1, tzinfo=UTC)
    return InboundWebhook(
        id="whk_1", path="", headers=Headers([]), body=body, received_at=received
    )


def heard(webhook: InboundWebhook) -> Result:
    """What the hub makes of a request; nothing is answered to it by network."""
    ctx = make_context(hub_slack, {}, delivery=None)
    with no_network():
        [result] = conversation.handle(webhook, ctx)
    return result


def test_signature_case(
    vector: dict[str, Any], ctx_with: Make, request_with: Make
) -> None:
    request = request_with(vector["headers"], vector["body"].encode())
    ctx = ctx_with(signing_secret=vector["config"]["signing_secret"])

    with time_machine.travel(vector["config"]["now"], tick=False):
        assert vector["expected"] == judged(request, ctx)


def judged(request: WebhookRequest, ctx: Context) -> str:
    try:
        webhooks.verify(request, ctx)
    except SignatureError:
        return "invalid"
    return "valid"


def test_slack_s_own_verifier_agrees(vector: dict[str, Any]) -> None:
    """The judge: Slack's SDK says the same, or raises where a refusal is due."""
    verifier = SignatureVerifier(vector["config"]["signing_secret"], StoppedClock())

    try:
        valid = verifier.is_valid_request(vector["body"].encode(), vector["headers"])
    except (ValueError, TypeError) as error:
        assert vector["reference_raises"] == type(error).__name__
        valid = False

    assert vector["expected"] == ("valid" if valid else "invalid")


@given(body=st.binary(max_size=200))
def test_our_signature_is_slack_s(body: bytes) -> None:
    # The reference signs text: bytes that are not UTF-8 it can't take.
    text = body.decode("utf-8", "ignore")
    reference = SignatureVerifier(SECRET).generate_signature(
        timestamp=str(NOW), body=text
    )

    assert reference == webhooks.sign(SECRET, str(NOW), text.encode())


def test_without_a_secret_everything_is_refused(
    ctx_with: Make, request_with: Make
) -> None:
    body = b"{}"
    headers = {
        "X-Slack-Request-Timestamp": str(NOW),
        "X-Slack-Signature": webhooks.sign("", str(NOW), body),
    }

    with (
        time_machine.travel(NOW, tick=False),
        pytest.raises(SignatureError, match="No signing_secret is set"),
    ):
        webhooks.verify(request_with(headers, body), ctx_with())


def test_wrong_clock_is_named(ctx_with: Make, request_with: Make) -> None:
    headers = {"X-Slack-Request-Timestamp": str(NOW - 3600)}

    with (
        time_machine.travel(NOW, tick=False),
        pytest.raises(SignatureError, match=r"3600 s away .* set the clock right"),
    ):
        webhooks.verify(request_with(headers, b""), ctx_with(signing_secret=SECRET))


def test_handshake_is_answered_and_not_kept(
    verify: Callable[..., Verified], sample: Make
) -> None:
    case = sample("url-verification.json")

    verified = verify(json.dumps(case["request"]).encode())

    assert verified.answer is not None
    assert case["response"]["status"] == verified.answer.status
    assert case["response"]["body"] == verified.answer.body.decode()
    assert verified.answer.content_type.startswith(case["response"]["content_type"])
    assert (False, None) == (verified.keep, verified.dedupe_key)


def test_connectivity_check_is_not_kept(verify: Callable[..., Verified]) -> None:
    verified = verify(b"ssl_check=1&token=x")

    assert not verified.keep


def hashed(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(str(NOW).encode() + body).hexdigest()


def test_slash_command_counts_by_timestamp_and_body(
    verify: Callable[..., Verified], sample: Make
) -> None:
    body = urlencode(dict(sample("slash-command-form.json")["params"])).encode()

    assert hashed(body) == verify(body).dedupe_key


def test_button_counts_by_trigger(
    verify: Callable[..., Verified], sample: Make
) -> None:
    payload = sample("block-actions-payload.json")

    key = verify(form(payload)).dedupe_key

    assert "trigger_id:13345224609.738474920.placeholder" == key


def test_button_without_trigger_counts_by_user_and_time(
    verify: Callable[..., Verified], sample: Make
) -> None:
    payload = sample("block-actions-payload.json")
    del payload["trigger_id"]

    key = verify(form(payload)).dedupe_key

    assert "action:U0ADMIN001:1767225599.101010" == key


def test_event_counts_by_its_id(verify: Callable[..., Verified]) -> None:
    body = b'{"type": "event_callback", "event_id": "Ev0HUB0001"}'

    assert "event_id:Ev0HUB0001" == verify(body).dedupe_key


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b"{}",
        b"payload=",
        b"payload=%7B",
        b"payload=[]",
        b"payload=null",
        b'{"type": "event_callback", "event_id": 7}',
        b'{"type": "event_callback", "event_id": "a\\u0000b"}',
        b'{"type": "event_callback", "event_id": "' + b"E" * 5000 + b'"}',
        b'{"type": "url_verification", "challenge": {"a": 1}}',
        b'{"type": "block_actions", "user": [], "actions": {}}',
        b'{"type": "block_actions", "user": {"id": "U1"}, "actions": []}',
        b"[" * 100_000,
        b"a=1&" * 1000,
        b"\xff\xfe\x00",
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"event": {"type": "a\\u0000"}, "command": ["x"]}',
    ],
)
def test_malformed_but_signed_is_kept_and_answered(
    body: bytes, verify: Callable[..., Verified]
) -> None:
    verified = verify(body)
    result = heard(kept(body))

    assert hashed(body) == verified.dedupe_key
    assert verified.keep
    assert verified.answer is not None
    assert (200, b"") == (verified.answer.status, verified.answer.body)
    assert "whk_1" == result.event_id
    assert "\x00" not in result.event_type


@given(body=st.binary(max_size=300))
def test_no_body_crashes(body: bytes) -> None:
    result = heard(kept(body))

    assert isinstance(result, Heard) or isinstance(result.error, PayloadError)


@pytest.mark.parametrize(
    ("body", "event_type"),
    [
        (b'{"type":"event_callback","event":{"type":"app_mention"}}', "app_mention"),
        (form({"type": "block_actions"}), "block_actions"),
        (b"command=%2Finvoice&text=status", "/invoice"),
        (b"", "unknown"),
    ],
)
def test_what_is_heard_moves_nothing(body: bytes, event_type: str) -> None:
    expected = Heard(event_id="whk_1", event_type=event_type)

    assert expected == heard(kept(body))


def test_unreadable_body_is_said_to_be_so() -> None:
    result = heard(kept(b"{"))

    assert isinstance(result, Unheard)
    assert isinstance(result.error, PayloadError)


def test_event_keeps_its_own_id(sample: Make) -> None:
    result = heard(kept(form(sample("block-actions-payload.json"))))

    assert "trigger_id:13345224609.738474920.placeholder" == result.event_id

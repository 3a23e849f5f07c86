"""Requests from Slack: verify and parse (pure).

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, SignatureError
from hub.sdk.facts import Fact
from hub.sdk.webhooks import (
    Answer,
    Heard,
    InboundWebhook,
    Verified,
    WebhookRequest,
    read_json,
)

TOLERANCE_SECONDS = 300
MOST_FIELDS = 200
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)
# What is kept of Slack's own words: no NUL and nothing endless may reach a table.
_WORD = re.compile(r"[\x21-\x7e]{1,80}")

Payload = Mapping[str, Any]


def verify(request: WebhookRequest, ctx: Context) -> Verified:
    """Check signature and age; answer the handshake, and all else with nothing."""
    timestamp = _checked_timestamp(request, ctx)
    _check_signature(request, timestamp, ctx.settings.get("signing_secret") or "")
    try:
        payload = read(request.body)
    except PayloadError:
        payload = {}
    challenge = payload.get("challenge")
    if payload.get("type") == "url_verification" and isinstance(challenge, str):
        answer = Answer(body=challenge.encode("utf-8", "replace"))
        return Verified(dedupe_key=None, answer=answer, keep=False)
    key = _own_key(payload) or _digest(timestamp, request.body)
    return Verified(dedupe_key=key, answer=Answer(), keep="ssl_check" not in payload)


def hear(
    webhook: InboundWebhook, payload: Payload, facts: tuple[Fact, ...] = ()
) -> Heard:
    """Say what was heard."""
    return Heard(
        event_id=_own_key(payload) or webhook.id,
        event_type=event_type(payload),
        facts=facts,
    )


def secrets_of(setting: str) -> list[str]:
    """Return the signing secrets, which a setting holds separated by commas."""
    return [each.strip() for each in setting.split(",") if each.strip()]


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature Slack puts beside a body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.digest(secret.encode(), base, "sha256").hex()


def read(body: bytes) -> Payload:
    """Read JSON, a form, or JSON in a form's `payload`; PayloadError if none."""
    if not body.lstrip().startswith((b"{", b"[")):
        form = _form(body)
        if "payload" not in form:
            return form
        body = form["payload"].encode("utf-8", "replace")
    payload = read_json(body)
    if not isinstance(payload, Mapping):
        raise PayloadError("The body is JSON, but not an object as Slack sends it.")
    return payload


def event_type(payload: Payload) -> str:
    """Name what Slack sent: `app_mention`, `block_actions`, `/invoice`."""
    event = payload.get("event")
    inner = event.get("type") if isinstance(event, Mapping) else None
    for name in (inner, payload.get("type"), payload.get("command")):
        if _is_word(name):
            return str(name)
    return "unknown"


def _checked_timestamp(request: WebhookRequest, ctx: Context) -> str:
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureError("The request carries no readable timestamp of Slack's.")
    age = ctx.now().timestamp() - int(timestamp)
    if abs(age) > TOLERANCE_SECONDS:
        raise SignatureError(
            f"The request's timestamp is {age:.0f} s away from this machine's clock;"
            f" {TOLERANCE_SECONDS} are allowed. If all of Slack's requests fail so,"
            " set the clock right."
        )
    return timestamp


def _check_signature(request: WebhookRequest, timestamp: str, secret: str) -> None:
    if not secrets_of(secret):
        raise SignatureError(
            "No signing_secret is set, so requests from Slack can't be checked. Copy"
            " it from the app's Basic Information page."
        )
    # Bytes: comparing text that is not ASCII raises.
    signature = request.headers.get("X-Slack-Signature", "").encode("utf-8", "replace")
    # While the secret is being changed, the old and the new one both hold.
    expected = [
        sign(each, timestamp, request.body).encode() for each in secrets_of(secret)
    ]
    if not any([hmac.compare_digest(signature, each) for each in expected]):
        raise SignatureError("The signature is missing or does not fit the request.")


def _form(body: bytes) -> dict[str, str]:
    text = body.decode("utf-8", "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise PayloadError("The body is not readable as a form.") from error


def _own_key(payload: Payload) -> str:
    """Return Slack's own name for this request; "" if it gave none.

    A slash command has a trigger_id as well, but no JSON type: it counts by its
    bytes and timestamp.
    """
    if "type" not in payload:
        return ""
    for name in ("event_id", "trigger_id"):
        value = payload.get(name)
        if _is_word(value):
            return f"{name}:{value}"
    return _action_key(payload)


def _action_key(payload: Payload) -> str:
    match payload:
        case {"user": {"id": user}, "actions": [{"action_ts": time}, *_]}:
            if _is_word(user) and _is_word(time):
                return f"action:{user}:{time}"
    return ""


def _digest(timestamp: str, body: bytes) -> str:
    return f"sha256:{hashlib.sha256(timestamp.encode() + body).hexdigest()}"


def _is_word(value: object) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None

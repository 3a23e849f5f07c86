"""Twilio's webhooks: delivery reports, and what people text to our numbers."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, SignatureError
from hub.sdk.text import clean
from hub.sdk.webhooks import (
    Answer,
    Heard,
    InboundWebhook,
    Result,
    Verified,
    WebhookRequest,
    read_json,
)
from hub_twilio import inbound, reports, signatures
from hub_twilio.reports import Report

# An empty TwiML document: nothing is texted back.
TWIML: Final = Answer(
    body=b'<?xml version="1.0" encoding="UTF-8"?><Response/>', content_type="text/xml"
)
NOTHING: Final = Answer(status=204)


def verify(request: WebhookRequest, ctx: Context) -> Verified:
    """Check signature and account; the key of a text's report is its SID and state."""
    signatures.check(request, ctx.settings)
    if signatures.is_json(request):
        found = reports.streamed(read_json(request.body))
        _check_account({report.account for report in found}, ctx)
        # Several events may come at once; each fact has its own id.
        return Verified(
            dedupe_key=hashlib.sha256(request.body).hexdigest(), answer=NOTHING
        )
    given = parameters(request.body, request.query)
    sid = reports.sid_of(given)
    if not sid:
        raise PayloadError("The request names no message (MessageSid).")
    _check_account({given.get("AccountSid", "")}, ctx)
    is_report = reports.is_report(given)
    state = reports.status_of(given) if is_report else inbound.RECEIVED
    return Verified(dedupe_key=f"{sid}:{state}", answer=NOTHING if is_report else TWIML)


def handle(webhook: InboundWebhook, ctx: Context) -> Iterator[Result]:
    """Say what a report or an incoming text means."""
    mid = reports.delivery_of(webhook.query)
    if "json" in webhook.headers.get("Content-Type", "").lower():
        for report in reports.streamed(webhook.json()):
            yield from reports.heard(report, mid, webhook.received_at, ctx)
        return
    given = parameters(webhook.body, webhook.query)
    sid = reports.sid_of(given)
    if not sid:
        raise PayloadError("The request names no message (MessageSid).")
    if reports.is_report(given):
        yield from reports.heard(Report.of(given), mid, webhook.received_at, ctx)
        return
    facts = inbound.facts(sid, given, webhook.received_at, ctx.settings)
    yield Heard(event_id=f"{sid}:received", event_type="message.received", facts=facts)


def parameters(body: bytes, query: Mapping[str, str]) -> dict[str, str]:
    """Return what a form says, made fit to be stored; a GET says it in the query."""
    found = signatures.pairs(body) if body else list(query.items())
    # The first of a name counts.
    return {name: _readable(value) for name, value in reversed(found)}


def _readable(value: str) -> str:
    raw = value.encode("utf-8", "surrogateescape")
    return clean(raw.decode("utf-8", "replace"))


def _check_account(named: set[Any], ctx: Context) -> None:
    if named != {ctx.settings.get("account_sid") or None}:
        raise SignatureError(
            "The request is about another account than the connection's. Webhooks of a"
            " sub-account need a connection of their own."
        )

"""GoCardless's webhooks: who signed, and what the many events in one say.

The rules: https://developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks
(read 2026-11).
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, ProviderError, SignatureError
from hub.sdk.webhooks import (
    Heard,
    InboundWebhook,
    Result,
    Unheard,
    Verified,
    WebhookRequest,
    read_json,
)
from hub_gocardless import events, schemas


def verify(request: WebhookRequest, settings: Mapping[str, Any]) -> Verified:
    """Check that one of our secrets signed these very bytes."""
    secrets = _secrets(settings)
    header = request.headers.get("Webhook-Signature", "")
    given = header.encode("utf-8", "surrogateescape")
    fits = [
        hmac.compare_digest(
            hmac.new(secret, request.body, hashlib.sha256).hexdigest().encode(), given
        )
        for secret in secrets
    ]
    if not any(fits):
        raise SignatureError(
            "The signature is missing or does not fit. If the webhook is genuine, check"
            " that the webhook secret is the one GoCardless shows for this endpoint."
        )
    _events(read_json(request.body))
    return Verified(dedupe_key=hashlib.sha256(request.body).hexdigest())


def _secrets(settings: Mapping[str, Any]) -> list[bytes]:
    given = str(settings.get("webhook_secret") or "").split(",")
    if found := [each.strip().encode() for each in given if each.strip()]:
        return found
    raise SignatureError(
        "The connection has no webhook secret: copy it from the webhook endpoint in the"
        " GoCardless dashboard."
    )


def _events(body: Any) -> list[Any]:
    found = body.get("events") if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise PayloadError("The webhook holds no list of events.")
    return found


def parse(webhook: InboundWebhook, ctx: Context) -> Iterator[Result]:
    """Understand each event by itself: one that fails takes no other with it."""
    fetched = events.Fetched(ctx)
    known: set[str] = set()
    for number, data in enumerate(_events(webhook.json())):
        result = _result(data, f"{webhook.id}:{number}", fetched)
        if result.event_id not in known:
            known.add(result.event_id)
            yield result


def _result(data: Any, made_up: str, fetched: events.Fetched) -> Result:
    event_id, event_type = made_up, ""
    try:
        event = schemas.read(schemas.Event, data, "event")
        event_id = event["id"]
        event_type = f"{event['resource_type']}.{event['action']}"
        facts = events.facts_of(event, fetched)
    except (PayloadError, ProviderError) as error:
        return Unheard(event_id=event_id, event_type=event_type, error=error)
    return Heard(event_id=event_id, event_type=event_type, facts=tuple(facts))

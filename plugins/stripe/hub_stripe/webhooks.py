"""Stripe's webhooks: who signed, when, and what they say.

The rules: https://docs.stripe.com/webhooks/signature (read 2026-11).
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, ProviderError, SignatureError
from hub.sdk.facts import Fact
from hub.sdk.webhooks import (
    Heard,
    InboundWebhook,
    Result,
    Unheard,
    Verified,
    WebhookRequest,
    read_json,
)
from hub_stripe import client, fetching, resources, reversals, schemas
from hub_stripe.resources import Told

TOLERANCE: Final = timedelta(seconds=300)
# Thin events name an object of the newer API and carry nothing to read.
_THIN: Final = "v2.core.event"
_TIME = re.compile(r"\d{1,12}", re.ASCII)
_EVENT_ID = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)

Reader = Callable[[object, Told], Fact | Iterable[Fact]]
Asker = Callable[[object, Told, Context], Iterable[Fact]]

# What Stripe tells → how it is read. All others are kept and ignored.
READERS: Final[Mapping[str, Reader]] = {
    "checkout.session.completed": resources.session,
    "checkout.session.async_payment_succeeded": resources.session,
    "checkout.session.async_payment_failed": resources.session_failed,
    "checkout.session.expired": resources.session_expired,
    "payment_intent.succeeded": resources.intent,
    "payment_intent.processing": resources.intent,
    "payment_intent.payment_failed": resources.intent,
    "payment_intent.canceled": resources.intent,
    "refund.created": reversals.refund,
    "refund.updated": reversals.refund,
    "refund.failed": reversals.refund,
    # The older name of the same.
    "charge.refund.updated": reversals.refund,
    "charge.dispute.created": reversals.dispute,
    "charge.dispute.updated": reversals.dispute,
    "charge.dispute.closed": reversals.dispute,
    "charge.dispute.funds_withdrawn": reversals.withdrawn,
    "charge.dispute.funds_reinstated": reversals.reinstated,
}
# What only points to money: it is fetched.
ASKERS: Final[Mapping[str, Asker]] = {
    "charge.refunded": fetching.refunds,
    "invoice.paid": fetching.invoice,
    "invoice_payment.paid": fetching.invoice_payment,
}


def verify(
    request: WebhookRequest, settings: Mapping[str, Any], *, now: datetime
) -> Verified:
    """Check that one of our secrets signed these very bytes, not long ago."""
    secrets = _secrets(settings)
    moment, signatures = _parts(request.headers.get("Stripe-Signature", ""))
    message = moment.encode() + b"." + request.body
    wanted = [
        hmac.new(each, message, hashlib.sha256).hexdigest().encode() for each in secrets
    ]
    # Each is compared with each: while a secret is rolled, both sides have two.
    fits = [hmac.compare_digest(w, s) for w in wanted for s in signatures]
    if not any(fits):
        raise SignatureError(
            "The signature does not fit. If the webhook is genuine, check that the"
            " signing secret is the one Stripe shows for this endpoint."
        )
    if abs(now.timestamp() - int(moment)) > TOLERANCE.total_seconds():
        raise SignatureError(
            "The signature is too old or of the future. If the webhook is genuine,"
            " check this machine's clock."
        )
    return Verified(dedupe_key=_event_id(read_json(request.body)))


def _secrets(settings: Mapping[str, Any]) -> list[bytes]:
    """Return the signing secrets; the whole text is the key, `whsec_` included."""
    given = str(settings.get("webhook_secret") or "").split(",")
    if found := [each.strip().encode() for each in given if each.strip()]:
        return found
    raise SignatureError(
        "The connection has no signing secret: copy it from the webhook endpoint in"
        " the Stripe dashboard."
    )


def _parts(header: str) -> tuple[str, list[bytes]]:
    """Return the time as it was signed and all v1 signatures; other schemes are
    passed over."""
    pairs = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in pairs if name.strip() == "t"]
    signatures = [
        value.strip().encode("utf-8", "surrogateescape")
        for name, _, value in pairs
        if name.strip() == "v1"
    ]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not signatures:
        raise SignatureError("The header Stripe-Signature is missing or incomplete.")
    return times[0], signatures


def _event_id(body: Any) -> str:
    """Return the id that stays the same however often Stripe sends the event."""
    event_id = body.get("id") if isinstance(body, dict) else None
    if not isinstance(event_id, str) or not _EVENT_ID.fullmatch(event_id):
        raise PayloadError("The event has no readable id.")
    return event_id


def parse(webhook: InboundWebhook, ctx: Context) -> Result:
    """Understand one webhook, which is one event."""
    event_id, event_type = webhook.id, ""
    try:
        body = webhook.json()
        event_id = _event_id(body)
        if body.get("object") == _THIN:
            return Heard(event_id=event_id, event_type=_THIN)
        if body.get("object") != "event":
            raise PayloadError("This is no event of Stripe's.")
        envelope = schemas.read(schemas.Envelope, body, "event")
        event_type = envelope["type"]
        facts = _facts(event_type, envelope, event_id, ctx)
    except (PayloadError, ProviderError) as error:
        return Unheard(event_id=event_id, event_type=event_type, error=error)
    return Heard(event_id=event_id, event_type=event_type, facts=facts)


def _facts(
    event_type: str, envelope: Mapping[str, Any], event_id: str, ctx: Context
) -> tuple[Fact, ...]:
    told = Told(at=envelope["created"], id=event_id, live=envelope["livemode"])
    resource = envelope["data"]["object"]
    if event_type not in READERS and event_type not in ASKERS:
        return ()
    if client.can_ask(ctx) and told.live != (client.mode(ctx) == "live"):
        raise PayloadError(
            f"Stripe told of {'live' if told.live else 'test'} money, but the key is"
            f" a {client.mode(ctx)} one. Give the connection key and signing secret of"
            " the same mode."
        )
    if event_type in ASKERS:
        return tuple(ASKERS[event_type](resource, told, ctx))
    found = READERS[event_type](resource, told)
    return (found,) if isinstance(found, Fact) else tuple(found)

"""PayPal's webhooks: where the certificate is, whether it signed, what it says.

The rules: https://developer.paypal.com/api/rest/webhooks/rest/ (read 2026-11).
"""

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from hub.sdk.errors import PayloadError, SignatureError, UnavailableError
from hub.sdk.facts import Fact
from hub.sdk.webhooks import (
    Headers,
    Heard,
    InboundWebhook,
    Result,
    Unheard,
    Verified,
    WebhookRequest,
    read_json,
)
from hub_paypal import resources, schemas
from hub_paypal.provider import MOCK_WEBHOOK_ID, Site, site

Reader = Callable[..., Fact | Iterable[Fact]]

# What PayPal tells → how it is read. An order's completion is information only:
# its captures decide. All others are kept and ignored.
READERS: Final[Mapping[str, Reader]] = {
    "PAYMENT.CAPTURE.COMPLETED": resources.capture,
    "PAYMENT.CAPTURE.PENDING": resources.capture,
    "PAYMENT.CAPTURE.DENIED": resources.capture,
    # The older name of the same.
    "PAYMENT.CAPTURE.DECLINED": resources.capture,
    "PAYMENT.CAPTURE.REFUNDED": resources.refund,
    "PAYMENT.CAPTURE.REVERSED": resources.reversal,
    "CUSTOMER.DISPUTE.CREATED": resources.dispute,
    "CUSTOMER.DISPUTE.UPDATED": resources.dispute,
    "CUSTOMER.DISPUTE.RESOLVED": resources.dispute,
    "CHECKOUT.ORDER.APPROVED": resources.approval,
}

_HEADERS: Final = (
    "paypal-transmission-id",
    "paypal-transmission-time",
    "paypal-transmission-sig",
    "paypal-cert-url",
    "paypal-auth-algo",
)
# One way to write each address, so that nothing can be hidden in another: no
# user-info, escapes, dot-segments, fragments or foreign ports.
_KEY_URL = re.compile(
    r"https://(?P<host>[a-z0-9.-]+)(?::443)?"
    r"(?P<path>/v1/notifications/certs(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+)"
    r"(?P<query>\?[A-Za-z0-9_.~=&-]*)?",
    re.ASCII,
)
_EVENT_ID = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)


def key_url(request: WebhookRequest, settings: Mapping[str, Any]) -> str:
    """Return where to fetch the certificate, once its address proved to be PayPal's.

    All that can be refused without a request is refused here.
    """
    url = _signed_headers(request.headers)["paypal-cert-url"]
    _webhook_id(settings)
    found = _KEY_URL.fullmatch(url)
    if found is None or found["host"] not in site(settings).key_hosts:
        raise SignatureError(
            "The certificate's address is none of PayPal's. If the webhook is genuine,"
            " check that the connection names the right environment."
        )
    base = settings.get("webhook_cert_base_url")
    if not base:
        return url
    return str(base).rstrip("/") + found["path"] + (found["query"] or "")


def verify(
    request: WebhookRequest, settings: Mapping[str, Any], *, now: datetime
) -> Verified:
    """Check that PayPal signed these very bytes for this very webhook."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    from hub_paypal import certificates

    headers = _signed_headers(request.headers)
    message = _message(headers, _webhook_id(settings), request.body)
    signature = _signature(headers["paypal-transmission-sig"])
    if request.key is None:
        raise UnavailableError("PayPal's certificate could not be fetched.")
    key = certificates.signing_key(
        request.key,
        trust=settings.get("webhook_trust_roots") or "",
        name=site(settings).certificate_name,
        now=now,
    )
    try:
        key.verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise SignatureError(
            "The signature does not fit. If the webhook is genuine, check that the"
            " webhook id is the one PayPal shows for this address."
        ) from None
    return Verified(dedupe_key=_event_id(read_json(request.body)))


def _signed_headers(headers: Headers) -> dict[str, str]:
    found = {name: headers.get(name, "").strip() for name in _HEADERS}
    if missing := [name for name, value in found.items() if not value]:
        raise SignatureError(f"The header {missing[0]} is missing.")
    if found["paypal-auth-algo"] != "SHA256withRSA":
        raise SignatureError("PayPal signs with SHA256withRSA and nothing else.")
    return found


def _webhook_id(settings: Mapping[str, Any]) -> str:
    webhook_id = (settings.get("webhook_id") or "").strip()
    if not webhook_id or webhook_id == MOCK_WEBHOOK_ID:
        raise SignatureError(
            "The connection has no webhook id: register the webhook, or copy its id"
            " from the PayPal dashboard."
        )
    return str(webhook_id)


def _message(headers: Mapping[str, str], webhook_id: str, body: bytes) -> bytes:
    return "|".join(
        (
            headers["paypal-transmission-id"],
            headers["paypal-transmission-time"],
            webhook_id,
            str(zlib.crc32(body)),
        )
    ).encode()


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SignatureError("The signature is not base64.") from None


def _event_id(body: Any) -> str:
    """Return the id that stays the same however often PayPal sends the event."""
    event_id = body.get("id") if isinstance(body, dict) else None
    if not isinstance(event_id, str) or not _EVENT_ID.fullmatch(event_id):
        raise PayloadError("The event has no readable id.")
    return event_id


def parse(webhook: InboundWebhook, settings: Mapping[str, Any]) -> Result:
    """Understand one webhook, which is one event."""
    event_id, event_type = webhook.id, ""
    try:
        body = webhook.json()
        event_id = _event_id(body)
        envelope = schemas.read(schemas.Envelope, body, "event")
        event_type = envelope["event_type"]
        told = envelope["create_time"] or webhook.received_at
        facts = _facts(event_type, envelope["resource"], site(settings), told, event_id)
    except PayloadError as error:
        return Unheard(event_id=event_id, event_type=event_type, error=error)
    return Heard(event_id=event_id, event_type=event_type, facts=facts)


def _facts(
    event_type: str, resource: object, site: Site, told: datetime, event_id: str
) -> tuple[Fact, ...]:
    reader = READERS.get(event_type)
    if reader is None:
        return ()
    found = reader(resource, site, told=told, id=event_id)
    return (found,) if isinstance(found, Fact) else tuple(found)

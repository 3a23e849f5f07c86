"""Who signed a webhook: Twilio's rules, over what came and nothing else.

https://www.twilio.com/docs/usage/webhooks/webhooks-security (read 2026-11). There is no
time in a signature: what comes again verifies again.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from hub.sdk.errors import SignatureError
from hub.sdk.webhooks import WebhookRequest
from hub_twilio.provider import tokens

Pairs = list[tuple[str, str]]
SIGNATURE: Final = "X-Twilio-Signature"
SETTINGS: Final = "X-Twilio-Webhooks-Signature-Settings"
# What a header names: the hash, and the setting with the key.
_ALGORITHMS: Final[Mapping[str, tuple[str, str]]] = {
    "HMAC_SHA1": ("sha1", "auth_token"),
    "HMAC_SHA256": ("sha256", "shared_key_secret"),
}
_URL = re.compile(r"(?P<scheme>[a-z]+)://(?P<host>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_PORT = re.compile(r":[0-9]*\Z")
_PORTS: Final = {"https": ":443", "http": ":80"}
_MOST = 1_000

WRONG: Final = (
    "The signature is missing or does not fit. If the webhook is genuine, check the"
    " auth token, and that HUB_BASE_URL is the address that Twilio calls, letter by"
    " letter."
)


def check(request: WebhookRequest, settings: Mapping[str, Any]) -> None:
    """Check that Twilio signed this very request, or raise SignatureError."""
    hash_name, key = _algorithm(request.headers.get(SETTINGS, ""))
    given = request.headers.get(SIGNATURE, "").encode("latin-1", "replace")
    signed = [url + _appended(request) for url in _spellings(request.url)]
    fits = [
        hmac.compare_digest(_signature(text, secret, hash_name), given)
        for secret in _secrets(settings, key)
        for text in signed
    ]
    if not any(fits):
        raise SignatureError(WRONG)


def is_json(request: WebhookRequest) -> bool:
    """Tell whether the body is JSON, which is signed in another way."""
    return "json" in request.headers.get("Content-Type", "").lower()


def pairs(body: bytes) -> Pairs:
    """Read a form: repeated and empty parameters stay, and so does every blank."""
    try:
        return parse_qsl(
            body.decode("utf-8", "surrogateescape"),
            keep_blank_values=True,
            errors="surrogateescape",
            max_num_fields=_MOST,
        )
    except ValueError:
        raise SignatureError("The request holds more parameters than any.") from None


def _algorithm(header: str) -> tuple[str, str]:
    """Return hash and setting; without a header it is the auth token's."""
    named = "HMAC_SHA1"
    for part in header.split(","):
        name, _, value = part.partition("=")
        if name.strip().lower() == "algorithm" and value.strip():
            named = value.strip().upper()
    if named not in _ALGORITHMS:
        raise SignatureError(
            "The request is signed in a way that the plugin doesn't know; it needs an"
            " update."
        )
    return _ALGORITHMS[named]


def _secrets(settings: Mapping[str, Any], key: str) -> list[str]:
    if found := tokens(settings, key):
        return found
    what = "auth token" if key == "auth_token" else "shared key secret"
    raise SignatureError(
        f"The connection has no {what}: nothing signed with it can be checked."
    )


def _appended(request: WebhookRequest) -> str:
    """Return what is signed behind the URL, once the rest of the body is accounted
    for."""
    if is_json(request):
        digest = hashlib.sha256(request.body).hexdigest()
        told = request.query.get("bodySHA256", "").encode("utf-8", "replace")
        if not hmac.compare_digest(digest.encode(), told):
            raise SignatureError(WRONG)
        return ""
    if request.method != "POST":
        # All it says stands in the URL.
        if request.body:
            raise SignatureError("The request has a body that nobody signed.")
        return ""
    return "".join(name + value for name, value in sorted(set(pairs(request.body))))


def _spellings(url: str) -> Iterator[str]:
    """Yield the URL as configured, and with and without a port: Twilio signs either.

    It is cut by hand, since every byte of it counts.
    """
    yield url
    parts = _URL.match(url)
    if parts is None:
        return
    host = _PORT.sub("", parts["host"])
    yield f"{parts['scheme']}://{host}{parts['rest']}"
    if host == parts["host"]:
        port = _PORTS.get(parts["scheme"], "")
        yield f"{parts['scheme']}://{host}{port}{parts['rest']}"


def _signature(text: str, secret: str, hash_name: str) -> bytes:
    signed = text.encode("utf-8", "surrogateescape")
    return base64.b64encode(hmac.digest(secret.encode(), signed, hash_name))

"""Secrets and signatures by the Standard Webhooks spec. All pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

PREFIX: Final = "whsec_"
SHORTEST, LONGEST = 24, 64
UNUSABLE: Final = (
    "A secret is whsec_ and 24 to 64 bytes in base64; several are separated by commas."
    ' Make one with: echo "whsec_$(openssl rand -base64 32)"'
)


def secrets_of(text: str) -> tuple[bytes, ...]:
    """Return the keys of secrets separated by commas; ValueError if one is none."""
    return tuple(_key(each.strip()) for each in text.split(",") if each.strip())


def headers(
    id: str, timestamp: int, body: bytes, secrets: Sequence[bytes]
) -> Mapping[str, str]:
    """Sign a body with each secret: a receiver may know the old or the new one."""
    content = f"{id}.{timestamp}.".encode() + body
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signed(s, content)}" for s in secrets),
    }


def _signed(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()


def _key(text: str) -> bytes:
    encoded = text.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if encoded == text or not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(UNUSABLE)
    return key

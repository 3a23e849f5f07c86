"""Who signed a webhook: PayPal's certificate, followed back to a trusted root."""

import re
import warnings
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification

from hub.sdk.errors import SignatureError, UnavailableError

_BLOCK = re.compile(
    rb"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL
)


@dataclass(frozen=True)
class Trust:
    """The roots a chain may end at, and intermediates it may pass through."""

    store: verification.Store
    intermediates: tuple[x509.Certificate, ...] = ()


def signing_key(pem: bytes, *, trust: str, name: str, now: datetime) -> RSAPublicKey:
    """Return the key of the leaf in `pem`, once its chain, name and dates hold.

    `trust` is the setting webhook_trust_roots (empty: the usual web roots). What
    is served beside the leaf may complete the chain but is never trusted itself.
    """
    # The chain is walked once a minute, the leaf's own dates are checked each time.
    minute = now.replace(second=0, microsecond=0)
    leaf, key = _verified_leaf(pem, _trust_text(trust), name, minute)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise SignatureError("PayPal's certificate is not valid at this time.")
    return key


@lru_cache(maxsize=64)
def _verified_leaf(
    pem: bytes, trust_pem: bytes, name: str, moment: datetime
) -> tuple[x509.Certificate, RSAPublicKey]:
    leaf, *served = _served(pem)
    trust = _trust(trust_pem)
    # The name in the SAN is what counts; the common name beside it is history.
    verifier = (
        verification.PolicyBuilder()
        .store(trust.store)
        .time(moment)
        .build_server_verifier(x509.DNSName(name))
    )
    try:
        verifier.verify(leaf, [*served, *trust.intermediates])
    except verification.VerificationError as error:
        raise SignatureError(
            f"The certificate does not lead from {name} to a trusted root."
        ) from error
    key = leaf.public_key()
    if not isinstance(key, RSAPublicKey):
        raise SignatureError("PayPal signs with RSA; this certificate holds no RSA key")
    return leaf, key


def _served(pem: bytes) -> list[x509.Certificate]:
    """Read what the certificate's address answered; junk there is a passing fault."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise UnavailableError(
            "PayPal's certificate address answered something that is no certificate."
            " PayPal will send the webhook again."
        ) from error


def _trust_text(setting: str) -> bytes:
    if "-----BEGIN" in setting:
        return setting.encode()
    path = Path(setting) if setting else Path(certifi.where())
    try:
        return _file(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise UnavailableError(
            f"webhook_trust_roots names a file that can't be read: {path}. Correct the"
            " path, or paste the PEM text itself."
        ) from error


@lru_cache(maxsize=16)
def _file(path: Path, changed: int) -> bytes:
    return path.read_bytes()


@lru_cache(maxsize=16)
def _trust(pem: bytes) -> Trust:
    """Sort PEM text: what is self-signed is a root, the rest are intermediates.

    Intermediates alone are candidates on the way to the usual web roots.
    """
    found = [one for block in _BLOCK.findall(pem) for one in _readable(block)]
    roots = [c for c in found if c.issuer == c.subject]
    others = tuple(c for c in found if c.issuer != c.subject)
    if roots:
        return Trust(verification.Store(roots), others)
    if others:
        return Trust(_trust(_trust_text("")).store, others)
    raise UnavailableError(
        "webhook_trust_roots holds no certificate. Paste PEM text, or empty it to use"
        " the usual web roots."
    )


def _readable(block: bytes) -> list[x509.Certificate]:
    """Read one certificate of a bundle; a malformed root in it isn't ours to use."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        try:
            return x509.load_pem_x509_certificates(block)
        except (ValueError, CryptographyDeprecationWarning):
            return []

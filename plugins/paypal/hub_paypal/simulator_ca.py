"""The simulated PayPal's own certificate authority, and what it signs with."""

import base64
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.sdk import clock
from hub_paypal.provider import SITES

_YEARS = timedelta(days=3650)
_FILE = "paypal-authority.pem"
_ROOT_FILE = "paypal-root.pem"


@dataclass(frozen=True)
class Authority:
    """A root, and a leaf in PayPal's name with its key."""

    root: x509.Certificate
    leaf: x509.Certificate
    key: rsa.RSAPrivateKey

    @classmethod
    def at(cls, folder: str) -> "Authority":
        """Return the authority kept in `folder`, made when there is none yet."""
        path = Path(folder) / _FILE
        if path.exists():
            return cls._read(path.read_bytes())
        made = cls.made()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(_ROOT_FILE).write_bytes(made.root_pem)
        _write_private(path, made._written())
        return made

    @classmethod
    def made(cls) -> "Authority":
        """Make one. Nobody keeps the root's key: it signs a single leaf."""
        root_key = ec.generate_private_key(ec.SECP256R1())
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        root = _root(root_key)
        return cls(root, _leaf(key, root, root_key), key)

    @property
    def root_pem(self) -> bytes:
        """The root, for webhook_trust_roots."""
        return _pem(self.root)

    @property
    def leaf_pem(self) -> bytes:
        """What the certificate's address answers."""
        return _pem(self.leaf)

    @property
    def certificate_id(self) -> str:
        """The last part of the certificate's address: another leaf, another address."""
        return f"CERT-{self.leaf.fingerprint(hashes.SHA256()).hex()[:32]}"

    def headers(
        self, body: bytes, webhook_id: str, environment: str
    ) -> Mapping[str, str]:
        """Sign a body as PayPal does; each call is a transmission of its own."""
        transmission = str(uuid4())
        time = clock.iso(clock.now().replace(microsecond=0))
        message = f"{transmission}|{time}|{webhook_id}|{zlib.crc32(body)}".encode()
        signature = self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        host = "api.paypal.com" if environment == "live" else "api.sandbox.paypal.com"
        address = f"https://{host}/v1/notifications/certs/{self.certificate_id}"
        return {
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": time,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
            "PAYPAL-CERT-URL": address,
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
            "PAYPAL-AUTH-VERSION": "v2",
            "User-Agent": "PayPal/AUHD-simulated",
        }

    @classmethod
    def _read(cls, pem: bytes) -> "Authority":
        root, leaf = x509.load_pem_x509_certificates(pem)
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{_FILE} holds no RSA key; delete it.")
        return cls(root, leaf, key)

    def _written(self) -> bytes:
        private = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return private + self.root_pem + self.leaf_pem


def _write_private(path: Path, content: bytes) -> None:
    """Write the file whole or not at all, for nobody else to read."""
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    new.replace(path)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Simulator, not PayPal"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes
) -> x509.CertificateBuilder:
    now = clock.now()
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Test clocks stand in the past, too.
        .not_valid_before(now - _YEARS)
        .not_valid_after(now + _YEARS)
    )


def _root(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("Simulated PayPal Root")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: rsa.RSAPrivateKey, root: x509.Certificate, root_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    names = [site.certificate_name for site in SITES.values()]
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(
        root_key.public_key()
    )
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        _builder(_name(names[0]), root.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(authority, critical=False)
        .sign(root_key, hashes.SHA256())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )

"""Takes secrets out of text before anybody keeps or reads it."""

import base64
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import (
    parse_qsl,
    quote,
    quote_plus,
    unquote_plus,
    urlsplit,
    urlunsplit,
)

HIDDEN = "[hidden]"
EXCERPT_CHARS = 4096
# Reading a larger body only to show its first lines is not worth the time.
LARGEST_EXCERPTED = 256 * 1024
# Shorter values occur in ordinary text; they are hidden by field name only.
SHORTEST_NEEDLE = 8
# A signed link opens what it names to whoever has it, or unsubscribes them.
_LINK = re.compile(r"\b(?:lnk|con)_[0-9a-z]{26}\.[\w-]{20,}")
# What requests leaves as it is in a URL.
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"

_CONTAINED = ("secret", "password", "passwd", "passphrase", "credential")
_ENDINGS = (
    "authorization",
    "token",
    "tokens",
    "apikey",
    "accesskey",
    "privatekey",
    "signature",
    "sig",
    "cookie",
    "assertion",
    "codeverifier",
)
_PAIR = re.compile(
    r"""(?P<name>[\w.-]+)(?P<mark>["']?\s*[:=]\s*["']?)"""
    r"""(?P<value>(?:(?:Bearer|Basic)\s+)?[^"'&\s,;}\]]+)""",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Tell whether a field, header or parameter of this name holds a secret."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return plain.endswith(_ENDINGS) or any(part in plain for part in _CONTAINED)


def redact_fields(value: Any) -> Any:
    """Hide what stands under a secret name, at any depth of a JSON value."""
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if held and is_secret_name(str(name)) else redact_fields(held)
            for name, held in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact_fields(item) for item in value]
    return value


def redact_pairs(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Hide the values of secret names among headers, form fields or parameters."""
    return [
        (name, HIDDEN if value and is_secret_name(name) else value)
        for name, value in pairs
    ]


class Redactor:
    """Hides the secrets of one connection, by value and by field name.

    A value is found plain, JSON-escaped, URL-encoded and inside base64 wherever it
    starts in it, so that Basic auth gives nothing away.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._adding = threading.Lock()
        self._known: set[str] = set()
        self._needles: tuple[str, ...] = ()
        self._short: frozenset[str] = frozenset()
        for secret in secrets:
            self.add(secret)

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._known)} secrets>"

    def add(self, secret: str) -> None:
        """Hide this value too from now on."""
        if secret in self._known:
            return
        with self._adding:
            needles = set(self._needles)
            for part in _parts(secret):
                needles.update(_needles(part))
                if part and len(part) < SHORTEST_NEEDLE:
                    self._short |= {part}
            # Longest first: a needle inside another must not leave the rest standing.
            self._needles = tuple(sorted(needles, key=len, reverse=True))
            self._known.add(secret)

    def text(self, text: str) -> str:
        """Hide all known values in `text`."""
        for needle in self._needles:
            if needle in text:
                text = text.replace(needle, HIDDEN)
        signed = "lnk_" in text or "con_" in text
        return _LINK.sub(HIDDEN, text) if signed else text

    def is_short_secret(self, text: str) -> bool:
        """True if `text`, or its last word (`Bearer …`), is a value that is too short
        to be hidden wherever it occurs."""
        if not self._short:
            return False
        words = text.split()
        return text.strip() in self._short or bool(words and words[-1] in self._short)

    def url(self, url: str) -> str:
        """Hide known values, a password and secret parameters in a URL."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return HIDDEN
        netloc = parts.netloc.rpartition("@")
        host = f"{HIDDEN}@{netloc[2]}" if netloc[1] else parts.netloc
        query = self._form(parts.query)
        return self.text(urlunsplit(parts._replace(netloc=host, query=query)))

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Hide known values and secret names among headers."""
        return {name: self.text(value) for name, value in redact_pairs(headers.items())}

    def excerpt(self, body: bytes, content_type: str = "") -> str:
        """Return the beginning of a body, fit to be kept: hidden first, then cut."""
        if len(body) > LARGEST_EXCERPTED:
            return f"[{len(body)} bytes]"
        try:
            plain = body.decode()
        except UnicodeDecodeError:
            return f"[{len(body)} bytes, not text]"
        return self.text(self._fields_hidden(plain, content_type))[:EXCERPT_CHARS]

    def _fields_hidden(self, plain: str, content_type: str) -> str:
        if "form-urlencoded" in content_type.lower():
            return self._form(plain)
        try:
            return self._json(plain)
        except (ValueError, RecursionError):
            return _PAIR.sub(_pair_hidden, plain)

    def _json(self, plain: str) -> str:
        """Leave JSON letter by letter as it is, unless something in it has to be
        hidden or might be escaped in a way of its own: an excerpt is evidence."""
        named = False

        def look(pairs: list[tuple[str, Any]]) -> None:
            nonlocal named
            named = named or any(held != "" and is_secret_name(n) for n, held in pairs)

        json.loads(plain, object_pairs_hook=look)
        if not named and "\\" not in plain:
            return plain
        value = json.loads(plain, parse_float=_Number, parse_int=_Number)
        return _json_text(redact_fields(value), self)

    def _form(self, text: str) -> str:
        """Hide among `name=value&…`: as written (where + is a plus to those who
        don't encode) and as meant."""
        return "&".join(map(self._form_pair, self.text(text).split("&")))

    def _form_pair(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        meant = unquote_plus(value)
        if value and is_secret_name(unquote_plus(name)):
            value = HIDDEN
        elif meant != (hidden := self.text(meant)):
            value = quote_plus(hidden, safe="[]")
        return name + equals + value


class _Number(str):
    """A number of a JSON text, kept letter by letter."""

    __slots__ = ()


def _json_text(value: Any, redactor: Redactor) -> str:
    """Write JSON again with each text hidden *before* it is escaped."""
    if isinstance(value, dict):
        inside = (
            f"{_json_text(name, redactor)}: {_json_text(held, redactor)}"
            for name, held in value.items()
        )
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_json_text(item, redactor) for item in value) + "]"
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, str):
        return json.dumps(redactor.text(value), ensure_ascii=False)
    return json.dumps(value)


def _pair_hidden(found: re.Match[str]) -> str:
    if not is_secret_name(found["name"]):
        return found[0]
    return found["name"] + found["mark"] + HIDDEN


def _parts(secret: str) -> Iterator[str]:
    """Yield what is secret in a setting: itself, and the pieces it is made of.

    Several secrets may stand in one setting, comma separated. A secret URL loses
    its host when `api_base_url` is set: what follows the host is a secret, too.
    """
    for part in {secret, *map(str.strip, re.split(r"[,\n]", secret))}:
        pieces = list(_url_parts(part)) if "://" in part else []
        # Where the path alone is hidden, the host stays: it says who was called.
        if not pieces:
            yield part
        yield from pieces


def _url_parts(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return
    if password or parts.scheme not in ("http", "https"):
        yield url
        yield password or ""
    if len(parts.path.strip("/")) >= SHORTEST_NEEDLE:
        yield parts.path
    yield from (piece for piece in parts.path.split("/") if len(piece) >= 16)
    for name, value in parse_qsl(parts.query):
        if len(value) >= 16 or is_secret_name(name):
            yield value


def _needles(secret: str) -> Iterator[str]:
    if len(secret) < SHORTEST_NEEDLE:
        return
    for written in {secret, *_json_forms(secret)}:
        for form in {written, *_url_forms(written)}:
            yield form
            yield from _base64_forms(form)


def _json_forms(secret: str) -> Iterator[str]:
    for ascii_only in (True, False):
        form = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield form
        yield form.replace("/", "\\/")


def _url_forms(text: str) -> Iterator[str]:
    for form in (
        quote(text),
        quote(text, safe=""),
        quote(text, safe=_URL_SAFE),
        quote_plus(text),
    ):
        yield form
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form)


def _base64_forms(text: str) -> Iterator[str]:
    """Yield what base64 makes of `text` after 0, 1 or 2 bytes of something else,
    without the letters at both ends that depend on the neighbours."""
    raw = text.encode()
    for before in range(3):
        length = before + len(raw)
        padded = bytes(before) + raw
        first, last = -(-before * 8 // 6), length * 8 // 6
        yield base64.b64encode(padded).decode()[first:last]
        yield base64.urlsafe_b64encode(padded).decode()[first:last]

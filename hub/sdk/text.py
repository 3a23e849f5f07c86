"""Text from outside, made fit to be stored, logged and sent on."""

import re
from typing import Any
from urllib.parse import quote, urlsplit

# Control characters, halves of surrogate pairs, and marks that turn the direction
# of everything after them on the line.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"
LONGEST_URL = 3000
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """Replace what no database or UTF-8 encoder takes: NUL and half characters.

    JSON may carry both (`\\u0000`, a lone `\\ud83d`), and one of them in a client's
    name or a provider's error must not keep a result from being written.
    """
    if text.isascii():
        return text.replace("\0", _REPLACEMENT) if "\0" in text else text
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\0", _REPLACEMENT)


def clean_all(value: Any) -> Any:
    """Clean every text in a JSON value, keys too."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_all(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean_all(item) for key, item in value.items()}
    return value


def may_hold_halves(body: bytes) -> bool:
    """True if JSON in these bytes may hold what `clean` replaces."""
    return b"\\u" in body


def one_line(text: str) -> str:
    """Put a value on one line; "" if nothing of it would be seen."""
    line = " ".join(_UNSEEN.sub(" ", text).split())
    return line if any(c.isprintable() and c != " " for c in line) else ""


def web_address(url: str) -> str:
    """Percent-encode a web address; "" if it isn't one or is too long."""
    encoded = quote(_UNSEEN.sub("", url), safe=_URL_SAFE, errors="replace")
    try:
        parts = urlsplit(encoded)
    except ValueError:
        return ""
    is_web = parts.scheme in {"http", "https"} and bool(parts.netloc)
    return encoded if is_web and len(encoded) <= LONGEST_URL else ""

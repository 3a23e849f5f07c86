"""Text from outside, made fit to be stored, logged and sent on."""

from typing import Any

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

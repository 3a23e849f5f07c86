"""Headers as they are kept: raw lines, in bytes, without the secrets in them."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from hub.sdk.redaction import HIDDEN, Redactor, is_secret_name

Pairs = Sequence[tuple[str, str]]


def write(headers: Iterable[tuple[str, str]], redactor: Redactor) -> bytes:
    """Write latin-1 text as lines, hiding what a provider sends along as a secret:
    in headers named like one, and wherever one of the connection's stands."""
    short = redactor.is_short_secret
    lines = [
        f"{name}: {HIDDEN if _is_secret(name) or short(text) else text}"
        for name, text in headers
    ]
    joined = "\n".join(lines)
    if "\r" in joined or joined.count("\n") >= len(lines):
        joined = "\n".join(map(_on_one_line, lines))
    return redactor.text(joined).encode("latin-1", "replace")


def read(lines: bytes) -> Pairs:
    """Read what `write` wrote."""
    split = (line.partition(": ") for line in lines.decode("latin-1").split("\n"))
    return [(name, text) for name, _, text in split if name]


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    # Signatures are no secrets, and evidence.
    return is_secret_name(name) and not name.lower().endswith(("signature", "sig"))


def _on_one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ")

"""How large a message is, and how it becomes smaller (pure).

Teams takes about 28 kB for all of a message, counted in bytes:
https://learn.microsoft.com/connectors/teams/#limits
"""

import json
from typing import Any, Final

BYTES: Final = 25_000
_MORE = "… and {} more"

Body = dict[str, Any]


def encoded(message: Body) -> bytes:
    """Write a message as it is sent: UTF-8, since `\\u…` is up to 3 times larger."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def length(message: Body) -> int:
    """Count a message's bytes."""
    return len(encoded(message))


def fitted(message: Body) -> Body:
    """Leave out facts, the last ones first, until a message is small enough.

    Changes the message it is given.
    """
    body = message["attachments"][0]["content"]["body"]
    for part in body:
        if part["type"] == "FactSet":
            facts = part["facts"]
            for kept in range(len(facts), -1, -1):
                part["facts"] = facts[:kept] + _more(len(facts) - kept)
                if length(message) <= BYTES:
                    break
    return message


def starting(text: str, most: int) -> str:
    """Return what of a text fits into `most` bytes of UTF-8."""
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def shortened(kept: str, text: str) -> str:
    """Say at the end of what is kept how much of a text is missing."""
    missing = len(text) - len(kept)
    more = _MORE.format(f"{missing:,}") + " characters"
    return f"{kept}\n{more}" if missing else kept


def _more(count: int) -> list[Body]:
    text = _MORE.format(count).removeprefix("… ")
    return [{"title": "…", "value": text}] if count else []

"""Slack's mrkdwn: escaping, links, times, and cutting to length. All pure."""

import re
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

# Exactly these three; anything else (`&quot;`) would be shown as it stands.
# https://docs.slack.dev/messaging/formatting-message-text/#escaping
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# What may only be kept or dropped whole: a token, an entity, a character.
_PIECE = re.compile(r"<[^<>]*>|&(?:amp|lt|gt);|.", re.DOTALL)
# Control characters, halves of surrogate pairs, and marks that turn the direction
# of everything after them on the line.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"
LONGEST_URL = 3000


def escape(text: str) -> str:
    """Make text harmless: no markup token, and so no ping, survives."""
    return text.translate(_ESCAPES)


def one_line(text: str) -> str:
    """Put a value on one line; "" if nothing of it would be seen."""
    line = " ".join(_UNSEEN.sub(" ", text).split())
    return line if any(c.isprintable() and c != " " for c in line) else ""


def fit(escaped: str, limit: int) -> str:
    """Cut escaped text to `limit` characters, never inside an entity or a token."""
    if len(escaped) <= limit:
        return escaped
    kept, room = [], limit - 1
    for piece in _PIECE.findall(escaped):
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + "…"


def web_address(url: str) -> str:
    """Percent-encode a web address; "" if it isn't one or is too long."""
    encoded = quote(_UNSEEN.sub("", url), safe=_URL_SAFE, errors="replace")
    try:
        parts = urlsplit(encoded)
    except ValueError:
        return ""
    is_web = parts.scheme in {"http", "https"} and bool(parts.netloc)
    return encoded if is_web and len(encoded) <= LONGEST_URL else ""


def link(url: str, label: str) -> str:
    """Link an escaped label; the label alone where there is no web address."""
    address = web_address(url)
    label = label.replace("|", "").replace("&gt;", "").strip()
    return f"<{escape(address)}|{label}>" if address and label else label


def moment(time: datetime) -> str:
    """Show a time in each reader's own time zone."""
    plain = time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(time.timestamp())}^{{date_short_pretty}} {{time}}|{plain}>"

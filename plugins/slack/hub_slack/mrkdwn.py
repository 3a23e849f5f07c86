"""Slack's mrkdwn: escaping, links, times, and cutting to length. All pure."""

import re
from datetime import UTC, datetime

from hub.sdk.text import web_address

# Exactly these three; anything else (`&quot;`) would be shown as it stands.
# https://docs.slack.dev/messaging/formatting-message-text/#escaping
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# What may only be kept or dropped whole: a token, an entity, a character.
_PIECE = re.compile(r"<[^<>]*>|&(?:amp|lt|gt);|.", re.DOTALL)


def escape(text: str) -> str:
    """Make text harmless: no markup token, and so no ping, survives."""
    return text.translate(_ESCAPES)


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


def link(url: str, label: str) -> str:
    """Link an escaped label; the label alone where there is no web address."""
    address = web_address(url)
    label = label.replace("|", "").replace("&gt;", "").strip()
    return f"<{escape(address)}|{label}>" if address and label else label


def moment(time: datetime) -> str:
    """Show a time in each reader's own time zone."""
    plain = time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(time.timestamp())}^{{date_short_pretty}} {{time}}|{plain}>"

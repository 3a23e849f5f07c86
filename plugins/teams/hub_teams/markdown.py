"""The Markdown that Teams reads in cards: escaping, links, times. All pure.

https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format
"""

import re
from datetime import UTC, datetime

from hub.sdk.text import one_line, web_address

# Shown by nobody, but it keeps two characters from being read as one mark.
APART = "\N{ZERO WIDTH SPACE}"
_MENTION = re.compile(r"</?\s*at\b[^<>]*>", re.IGNORECASE)
_MARKS = re.compile(r"[\\*_\[\]`]")
# A tag or a link in angle brackets, and a function such as {{DATE(…)}}.
_OPENING = re.compile(r"<(?=[A-Za-z/!?])|\{(?=\{)")
# What would begin a list, a heading, a quote, a line or a block of code.
_LEADING = re.compile(r"^(?=(?:[-+]|#{1,6}|\d{1,9}[.)])(?:\s|$)|>|-{3}|={3}|~{3})")


def short(text: str, limit: int) -> str:
    """Put a value on one line, harmless, of at most `limit` characters of it."""
    return escape(cut(without_mentions(one_line(text)), limit))


def plain(text: str, limit: int) -> str:
    """The same for a place that knows no Markdown."""
    return cut(without_mentions(one_line(text)), limit)


def escape(line: str) -> str:
    """Make one line harmless: it is shown as it stands."""
    marked = _MARKS.sub(lambda found: "\\" + found[0], line)
    return _LEADING.sub(APART, _OPENING.sub(lambda m: m[0] + APART, marked))


def without_mentions(text: str) -> str:
    """Take out what Teams reads as a mention, however it is nested."""
    while (less := _MENTION.sub("", text)) != text:
        text = less
    return text


def cut(text: str, limit: int) -> str:
    """Cut text to `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def link(url: str, label: str) -> str:
    """Link an escaped label; the label alone where there is no web address."""
    address = web_address(url).replace("(", "%28").replace(")", "%29")
    return f"[{label}]({address})" if address and label else label


def unlinked(_url: str, label: str) -> str:
    """The label, for a place that knows no links."""
    return label


def moment(time: datetime) -> str:
    """Show a time; Teams knows no functions that show a reader's own."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")

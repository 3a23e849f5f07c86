"""Event or message → title and plain text (pure)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from hub.sdk import cards
from hub.sdk.cards import LOOKS, Kind, Voice
from hub.sdk.events import Event, Message
from hub.sdk.text import clean, one_line, web_address

TITLE, TEXT = 250, 16_000
# What services know as success, warning, failure and none of these.
KINDS: Final[Mapping[Kind, str]] = {
    "payment": "success",
    "recovered": "success",
    "invoice": "info",
    "quote": "info",
    "anomaly": "warning",
    "overdue": "warning",
    "trouble": "failure",
}
APART: Final = "\N{ZERO WIDTH SPACE}"
# Services such as Discord look for these in a text and call people by them.
_MENTION = re.compile(r"(?<!\w)@(?=\w)|<(?=[@!#])")


@dataclass(frozen=True)
class Note:
    """What a service is told."""

    title: str
    body: str
    kind: str = "info"


def short(text: str, limit: int) -> str:
    """Put a value on one line, of at most `limit` characters; it calls nobody."""
    line = one_line(clean(text))
    cut = line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    return _MENTION.sub(lambda found: found[0] + APART, cut)


def _unlinked(_url: str, label: str) -> str:
    return label


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


VOICE: Final = Voice(escape=short, link=_unlinked, moment=_moment, strong="")


def of_event(event: Event, hub_url: str) -> Note:
    """Put an event that has a look into words."""
    look = LOOKS[event.type]
    said = cards.words(event, hub_url, VOICE)
    lines = [f"{label}: {value}" for label, value in cards.facts(look, said).items()]
    link = web_address(event.url)
    parts = (VOICE.fill(look.sentence, said), "\n".join(lines), link)
    title = VOICE.fill(look.summary, said)
    title = title if len(title) <= TITLE else title[: TITLE - 1].rstrip() + "…"
    return Note(title, "\n\n".join(filter(None, parts)), KINDS[look.kind])


def of_message(message: Message) -> Note:
    """Put a free message into words: as a person wrote it."""
    text = clean(message.text).strip()
    if len(text) > TEXT:
        text = f"{text[:TEXT]}\n… and {len(text) - TEXT:,} more characters"
    link = web_address(message.link)
    parts = (text, link if link not in text else "")
    subject = one_line(clean(message.subject))[:TITLE]
    return Note(subject, "\n\n".join(filter(None, parts)))


def of_test(connection: str) -> Note:
    """What shows an admin that a URL works."""
    name = short(connection, cards.SHORT)
    return Note("Test of the hub", f"The connection {name} works.", "success")

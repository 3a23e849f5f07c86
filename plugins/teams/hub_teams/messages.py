"""Event → message with an Adaptive Card of version 1.4 (pure)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from hub.sdk import cards
from hub.sdk.cards import LOOKS, Kind, Voice
from hub.sdk.errors import RejectedError
from hub.sdk.events import Event, Message
from hub.sdk.text import clean, clean_all, web_address
from hub_teams.markdown import escape, link, moment, plain, short, unlinked
from hub_teams.size import BYTES, fitted, length, shortened, starting

TYPE: Final = "application/vnd.microsoft.card.adaptive"
SCHEMA: Final = "http://adaptivecards.io/schemas/adaptive-card.json"
# Workflows don't show cards marked higher, though Teams itself takes 1.5:
# https://github.com/prometheus/alertmanager/issues/3920
VERSION: Final = "1.4"
TITLE, SUMMARY, LABEL, TEXT = 150, 400, 60, 16_000

Body = dict[str, Any]


class Style(NamedTuple):
    """How a container and the text in it are coloured; there are no free colours."""

    container: str
    text: str


STYLES: Final[Mapping[Kind, Style]] = {
    "payment": Style("good", "Good"),
    "recovered": Style("good", "Good"),
    "invoice": Style("accent", "Accent"),
    "quote": Style("accent", "Accent"),
    "anomaly": Style("warning", "Warning"),
    "overdue": Style("attention", "Attention"),
    "trouble": Style("attention", "Attention"),
}
MARKDOWN: Final = Voice(escape=short, link=link, moment=moment, strong="**")
PLAIN: Final = Voice(escape=plain, link=unlinked, moment=moment, strong="")


def card(event: Event, hub_url: str = "") -> Body:
    """Build the message for an event that has a look."""
    look = LOOKS[event.type]
    said = cards.words(event, hub_url, MARKDOWN)
    spoken = PLAIN.fill(look.summary, cards.words(event, hub_url, PLAIN))
    facts = [
        {"title": label, "value": value}
        for label, value in cards.facts(look, said).items()
    ]
    body = [
        _header(cards.spoken(event.type), STYLES[look.kind]),
        _text(MARKDOWN.fill(look.sentence, said), spacing="Medium"),
        *([{"type": "FactSet", "facts": facts}] if facts else []),
        _footer(event.occurred_at),
    ]
    return fitted(_message(spoken, body, _actions(event)))


def test_card(connection: str, now: datetime) -> Body:
    """Build the card that shows an admin that the connection works."""
    name = short(connection, cards.SHORT)
    body = [
        _header("Test card", STYLES["payment"]),
        _text(f"The connection **{name}** works: the hub's cards arrive here."),
        _footer(now),
    ]
    spoken = f"Test card: the connection {plain(connection, cards.SHORT)} works"
    return _message(spoken, body, [])


def free(message: Message) -> Body:
    """Build a free message: plain text, and a card or elements of one."""
    text = clean(message.text).strip()
    blocks = [clean_all(dict(block)) for block in message.blocks]
    if any(block.get("type") == "AdaptiveCard" for block in blocks):
        return _within(_envelope(text, _own(blocks)))
    if blocks:
        return _within(_message(text, [*_lines(text), *blocks], []))
    return _shortest(text)


def _shortest(text: str) -> Body:
    """Build a message of as much of a text as fits."""
    most = TEXT
    while True:
        lines = _lines(shortened(starting(text, most), text))
        message = _message(text, lines, [])
        if length(message) <= BYTES:
            return message
        most = most * 3 // 4


def _own(blocks: list[Body]) -> Body:
    if len(blocks) > 1:
        raise RejectedError("Give one whole card, or elements of one; not both.")
    version = str(blocks[0].get("version") or "")
    if version not in ("1.0", "1.1", "1.2", "1.3", VERSION):
        raise RejectedError(
            "Workflows show cards of version 1.0 to 1.4 only. Set the card's version"
            " to 1.4 and leave out what is newer, such as tables."
        )
    return blocks[0]


def _within(message: Body) -> Body:
    if length(message) > BYTES:
        raise RejectedError(
            f"The card is larger than Teams takes: {length(message)} bytes, and"
            f" {BYTES} are safe. Leave some of it out."
        )
    return message


def _lines(text: str) -> list[Body]:
    """Put free text into a block per paragraph: a block has no other line break."""
    lines = [short(line, TEXT) for line in text.splitlines()]
    return [_text(line) for line in lines if line]


def _message(spoken: str, body: list[Body], actions: list[Body]) -> Body:
    content: Body = {
        "$schema": SCHEMA,
        "type": "AdaptiveCard",
        "version": VERSION,
        "fallbackText": plain(spoken, SUMMARY),
        "speak": plain(spoken, SUMMARY),
        "body": body,
    }
    if actions:
        content["actions"] = actions
    return _envelope(spoken, content | {"msteams": {"width": "Full"}})


def _envelope(summary: str, content: Body) -> Body:
    attachment = {"contentType": TYPE, "contentUrl": None, "content": content}
    told = {"summary": plain(summary, SUMMARY)} if summary else {}
    return {"type": "message", **told, "attachments": [attachment]}


def _header(title: str, style: Style) -> Body:
    look = {"weight": "Bolder", "size": "Large", "color": style.text}
    items = [_text(escape(plain(title, TITLE)), **look)]
    return {
        "type": "Container",
        "style": style.container,
        "bleed": True,
        "items": items,
    }


def _footer(time: datetime) -> Body:
    told = f"Billing hub • {moment(time)}"
    return _text(told, isSubtle=True, size="Small")


def _text(text: str, **look: Any) -> Body:
    return {"type": "TextBlock", "text": text, **look, "wrap": True}


def _actions(event: Event) -> list[Body]:
    url = web_address(event.url)
    if not url:
        return []
    noun = plain(event.subject.partition(":")[0], LABEL)
    title = f"View {noun}".strip()
    return [{"type": "Action.OpenUrl", "title": title, "url": url}]

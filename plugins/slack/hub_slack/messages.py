"""Event → Slack message (pure). A colour bar needs the blocks in an attachment:
https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hub.sdk.cards import facts, spoken
from hub.sdk.events import Event, Message
from hub.sdk.text import web_address
from hub_slack.cards import CARDS, COLOURS, GREEN, VOICE, short, words
from hub_slack.mrkdwn import escape, fit, moment

# https://docs.slack.dev/reference/block-kit/blocks
HEADER, SECTION, FIELD, FIELDS, LABEL, ID, TEXT = 150, 3000, 2000, 10, 75, 255, 4000
WITHOUT_TEXT = "A message from the billing hub"

Body = dict[str, Any]


def card(event: Event, hub_url: str = "") -> Body:
    """Build the message for an event that has a card."""
    look, said = CARDS[event.type], words(event, hub_url)
    blocks = [
        {"type": "header", "text": _plain(spoken(event.type), HEADER)},
        {"type": "section", "text": _mrkdwn(VOICE.fill(look.sentence, said), SECTION)},
        *_fields(facts(look, said)),
        *_button(event),
        _context(event.occurred_at),
    ]
    return _message(VOICE.fill(look.summary, said), COLOURS[look.kind], blocks)


def test_card(connection: str, now: datetime) -> Body:
    """Build the card that shows an admin that the connection works."""
    name = short(connection)
    sentence = f"The connection *{name}* works: the hub's cards arrive here."
    blocks = [
        {"type": "header", "text": _plain("Test card", HEADER)},
        {"type": "section", "text": _mrkdwn(sentence, SECTION)},
        _context(now),
    ]
    return _message(f"Test card: the connection {name} works", GREEN, blocks)


def free(message: Message) -> Body:
    """Build a free message: its text is plain, its blocks are Slack's own."""
    text = fit(escape(message.text.strip()), TEXT) or WITHOUT_TEXT
    body: Body = {"text": text, "unfurl_links": False}
    if message.blocks:
        body["blocks"] = [dict(block) for block in message.blocks]
    return body


def _message(summary: str, colour: str, blocks: list[Body]) -> Body:
    text = fit(summary, TEXT)
    attachment = {"color": colour, "fallback": text, "blocks": blocks}
    return {"text": text, "unfurl_links": False, "attachments": [attachment]}


def _fields(facts: Mapping[str, str]) -> list[Body]:
    known = [
        _mrkdwn(f"*{label}*\n{value}", FIELD) for label, value in facts.items() if value
    ]
    return [{"type": "section", "fields": known[:FIELDS]}] if known else []


def _button(event: Event) -> list[Body]:
    url = web_address(event.url)
    if not url:
        return []
    noun, _, id = event.subject.partition(":")
    button = {
        "type": "button",
        "text": _plain(f"View {noun}", LABEL),
        "action_id": f"open_{noun}"[:ID],
        "url": url,
    }
    block_id = f"{event.type.replace('.', '_')}:{id}"[:ID]
    return [{"type": "actions", "block_id": block_id, "elements": [button]}]


def _context(time: datetime) -> Body:
    told = f"Billing hub • {moment(time)}"
    return {"type": "context", "elements": [_mrkdwn(told, FIELD)]}


def _plain(text: str, limit: int) -> Body:
    return {"type": "plain_text", "text": text[:limit], "emoji": True}


def _mrkdwn(text: str, limit: int) -> Body:
    # verbatim: Slack must not make links and mentions out of a client's name.
    return {"type": "mrkdwn", "text": fit(text, limit), "verbatim": True}

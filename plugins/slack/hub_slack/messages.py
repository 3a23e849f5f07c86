"""Event → Slack message (pure)."""

from collections.abc import Iterator
from datetime import datetime

from hub.sdk.cards import facts, spoken
from hub.sdk.events import Event, Message
from hub_slack import buttons
from hub_slack.blocks import (
    TEXT,
    Body,
    actions,
    coloured,
    fields,
    header,
    link_button,
    section,
    signed,
)
from hub_slack.cards import CARDS, COLOURS, GREEN, VOICE, short, words
from hub_slack.mrkdwn import escape, fit

WITHOUT_TEXT = "A message from the billing hub"


def card(event: Event, hub_url: str = "", *, interactive: bool = False) -> Body:
    """Build the message for an event that has a card; an `interactive` one has
    buttons that the hub hears of."""
    look, said = CARDS[event.type], words(event, hub_url)
    block_id = f"{event.type.replace('.', '_')}:{event.subject.partition(':')[2]}"
    blocks = [
        header(spoken(event.type)),
        section(VOICE.fill(look.sentence, said)),
        *fields(facts(look, said)),
        *actions(block_id, _buttons(event, interactive)),
        signed(event.occurred_at),
    ]
    return coloured(VOICE.fill(look.summary, said), COLOURS[look.kind], blocks)


def test_card(connection: str, now: datetime) -> Body:
    """Build the card that shows an admin that the connection works."""
    name = short(connection)
    sentence = f"The connection *{name}* works: the hub's cards arrive here."
    blocks = [header("Test card"), section(sentence), signed(now)]
    return coloured(f"Test card: the connection {name} works", GREEN, blocks)


def free(message: Message) -> Body:
    """Build a free message: its text is plain, its blocks are Slack's own."""
    text = fit(escape(message.text.strip()), TEXT) or WITHOUT_TEXT
    body: Body = {"text": text, "unfurl_links": False}
    if message.blocks:
        body["blocks"] = [dict(block) for block in message.blocks]
    return body


def _buttons(event: Event, interactive: bool) -> Iterator[Body]:
    noun = event.subject.partition(":")[0]
    yield from link_button(f"View {noun}", f"open_{noun}", event.url)
    if interactive:
        yield from buttons.of(event)

"""Which events Slack is told of, and how the hub's words are written there."""

from collections.abc import Mapping
from typing import Final

from hub.sdk import cards
from hub.sdk.cards import Kind, Look, Voice, Words
from hub.sdk.events import Event
from hub.sdk.text import one_line
from hub_slack.mrkdwn import escape, fit, link, moment

GREEN, BLUE, AMBER, RED = "#2EB67D", "#36C5F0", "#ECB22E", "#E01E5A"
COLOURS: Final[Mapping[Kind, str]] = {
    "payment": GREEN,
    "recovered": GREEN,
    "invoice": BLUE,
    "quote": BLUE,
    "anomaly": AMBER,
    "overdue": RED,
    "trouble": RED,
}
CARDS: Final[Mapping[str, Look]] = {
    event_type: cards.LOOKS[event_type]
    for event_type in (
        "payment.received",
        "payment.failed",
        "payment.refunded",
        "payment.disputed",
        "invoice.sent",
        "invoice.overdue",
        "invoice.anomaly",
        "quote.accepted",
        "mandate.changed",
        "connection.failing",
        "connection.recovered",
    )
}


def short(text: str, limit: int = cards.SHORT) -> str:
    """Put a value on one line, harmless and cut to `limit`."""
    return fit(escape(one_line(text)), limit)


VOICE: Final = Voice(escape=short, link=link, moment=moment)


def words(event: Event, hub_url: str = "") -> Words:
    """Put an event's data into Slack's words."""
    return cards.words(event, hub_url, VOICE)

"""The parts that messages are made of, each within Slack's limits. All pure.

https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from hub.sdk.text import web_address
from hub_slack.mrkdwn import fit, moment

HEADER, SECTION, FIELD, FIELDS, LABEL, ID, TEXT = 150, 3000, 2000, 10, 75, 255, 4000
# A confirmation dialog's title, text, and its two buttons.
TITLE, QUESTION, CHOICE = 100, 300, 30

Body = dict[str, Any]


def header(text: str) -> Body:
    """Return a headline of plain text."""
    return {"type": "header", "text": plain(text, HEADER)}


def section(text: str) -> Body:
    """Return a paragraph."""
    return {"type": "section", "text": mrkdwn(text, SECTION)}


def fields(facts: Mapping[str, str]) -> list[Body]:
    """Return facts under their labels, without the blank ones."""
    known = [
        mrkdwn(f"*{label}*\n{value}", FIELD) for label, value in facts.items() if value
    ]
    return [{"type": "section", "fields": known[:FIELDS]}] if known else []


def actions(block_id: str, buttons: Iterable[Body]) -> list[Body]:
    """Return a row of buttons; nothing if there are none."""
    elements = list(buttons)
    if not elements:
        return []
    return [{"type": "actions", "block_id": block_id[:ID], "elements": elements}]


def button(label: str, action_id: str, **more: Any) -> Body:
    """Return a button; `more` is its `url`, or its `value` and a `confirm`."""
    text = plain(label, LABEL)
    return {"type": "button", "text": text, "action_id": action_id[:ID], **more}


def link_button(label: str, action_id: str, url: str) -> list[Body]:
    """Return a button that opens a page; nothing where there is no web address."""
    address = web_address(url)
    return [button(label, action_id, url=address)] if address else []


def question(title: str, text: str, confirm: str, deny: str) -> Body:
    """Return a dialog that asks before a button does what it does."""
    return {
        "title": plain(title, TITLE),
        "text": plain(text, QUESTION),
        "confirm": plain(confirm, CHOICE),
        "deny": plain(deny, CHOICE),
    }


def signed(time: datetime) -> Body:
    """Return the line at the foot of a card."""
    told = f"Billing hub • {moment(time)}"
    return {"type": "context", "elements": [mrkdwn(told, FIELD)]}


def coloured(summary: str, colour: str, blocks: list[Body]) -> Body:
    """Return a message with a colour bar. For that its blocks are in an attachment:
    https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
    """
    text = fit(summary, TEXT)
    attachment = {"color": colour, "fallback": text, "blocks": blocks}
    return {"text": text, "unfurl_links": False, "attachments": [attachment]}


def plain(text: str, limit: int) -> Body:
    """Return a text object that knows no markup."""
    return {"type": "plain_text", "text": text[:limit], "emoji": True}


def mrkdwn(text: str, limit: int) -> Body:
    """Return a text object of mrkdwn."""
    # verbatim: Slack must not make links and mentions out of a client's name.
    return {"type": "mrkdwn", "text": fit(text, limit), "verbatim": True}

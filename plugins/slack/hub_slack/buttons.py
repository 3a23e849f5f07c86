"""Buttons that the hub hears of: what they are on a card, and what a press says.

https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from hub.sdk.events import Event
from hub.sdk.facts import ActionTaken
from hub_slack.blocks import Body, button, question

Action = Literal["acknowledge", "remind"]

ACKNOWLEDGE, REMIND = "hub_acknowledge", "hub_remind"
ACTIONS: Final[Mapping[str, Action]] = {
    ACKNOWLEDGE: "acknowledge",
    REMIND: "remind",
}
# An unusual invoice is to be checked before anybody is reminded of it.
ON_CARDS: Final[Mapping[str, tuple[str, ...]]] = {
    "invoice.sent": (ACKNOWLEDGE, REMIND),
    "invoice.overdue": (ACKNOWLEDGE, REMIND),
    "invoice.anomaly": (ACKNOWLEDGE,),
}
ASK_FIRST: Final = question(
    "Send a reminder?",
    "The client's contacts get a reminder of this invoice, by the ways they agreed to"
    " and within the hub's sending rules.",
    "Send reminder",
    "Not now",
)
_SUBJECT = re.compile(r"invoice:[A-Za-z0-9_-]{1,64}", re.ASCII)
_ID = re.compile(r"[A-Z0-9]{1,30}", re.ASCII)
_TIME = re.compile(r"(\d{1,10})\.(\d{6})", re.ASCII)
NOBODY: Final = "unknown"


@dataclass(frozen=True)
class Press:
    """A button that somebody pressed; `message` is the card's channel and time."""

    action: Action
    subject: str
    user: str
    message: str
    time: datetime | None

    @property
    def id(self) -> str:
        """What names it: however often and by whomever one button of one card is
        pressed, it is done once."""
        return f"button:{self.action}:{self.subject}:{self.message}"

    def fact(self, received_at: datetime) -> ActionTaken:
        """Say what was asked for."""
        return ActionTaken(
            id=self.id,
            as_of=self.time or received_at,
            action=self.action,
            subject=self.subject,
            by=f"slack:{self.user}",
        )


def of(event: Event) -> Iterator[Body]:
    """Yield the buttons of an event's card."""
    subject = f"invoice:{event.data.get('invoice_id') or ''}"
    if not _SUBJECT.fullmatch(subject):
        return
    for action_id in ON_CARDS.get(event.type, ()):
        if action_id == REMIND:
            yield button("Send reminder", REMIND, value=subject, confirm=ASK_FIRST)
        else:
            yield button("Acknowledge", ACKNOWLEDGE, value=subject)


def pressed(payload: Mapping[str, Any]) -> list[Press]:
    """Read which of our buttons were pressed; whatever is not of their shape is
    none of them."""
    actions = payload.get("actions")
    if payload.get("type") != "block_actions" or not isinstance(actions, list):
        return []
    found = [_press(each, payload) for each in actions]
    return list({press.id: press for press in found if press}.values())


def thread_of(payload: Mapping[str, Any]) -> str:
    """Return the thread that the pressed card stands in; "" if in none."""
    thread = _inner(payload, "container", "thread_ts")
    return thread if _TIME.fullmatch(thread) else ""


def team_of(payload: Mapping[str, Any]) -> str:
    """Return the workspace a request comes from; "" where it names none."""
    return _inner(payload, "team", "id") or str(payload.get("team_id") or "")


def _press(given: object, payload: Mapping[str, Any]) -> Press | None:
    if not isinstance(given, Mapping):
        return None
    action_id, subject = given.get("action_id"), given.get("value")
    if not isinstance(action_id, str) or not isinstance(subject, str):
        return None
    channel = _inner(payload, "container", "channel_id")
    ts = _inner(payload, "container", "message_ts")
    is_whole = _ID.fullmatch(channel) and _TIME.fullmatch(ts)
    if action_id not in ACTIONS or not is_whole or not _SUBJECT.fullmatch(subject):
        return None
    user = _inner(payload, "user", "id")
    return Press(
        action=ACTIONS[action_id],
        subject=subject,
        user=user if _ID.fullmatch(user) else NOBODY,
        message=f"{channel}:{ts}",
        time=_moment(given.get("action_ts")),
    )


def _inner(payload: Mapping[str, Any], outer: str, name: str) -> str:
    held = payload.get(outer)
    value = held.get(name) if isinstance(held, Mapping) else None
    return value if isinstance(value, str) else ""


def _moment(text: object) -> datetime | None:
    """Read Slack's time: a text, since as a float it would lose digits."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    seconds, micros = int(found[1]), int(found[2])
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)

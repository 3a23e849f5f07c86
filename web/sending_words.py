"""What became of a message, in a word with its tone and in a sentence."""

from datetime import datetime
from typing import Any, Final

from flask import Flask
from markupsafe import Markup

from hub.core.policy import kinds
from hub.sdk.clock import now
from hub.sdk.segments import segments
from web.hub import the_hub

_STATES: Final = {
    "skipped": ("", "Not sent"),
    "pending": ("", "Waits"),
    "sending": ("", "Being sent"),
    "retrying": ("warn", "Tried again later"),
    "in_doubt": ("warn", "In doubt"),
    "dead": ("bad", "Not sent"),
    "delivered": ("good", "Sent"),
}
# What the provider says goes before what we know: it looked at the phone.
_TOLD: Final = {
    "delivered": ("good", "Arrived"),
    "undelivered": ("bad", "Did not arrive"),
    "failed": ("bad", "Did not arrive"),
    "canceled": ("bad", "Called off"),
}
_SKIPPED: Final = {
    "policy": "Settings say not to tell of this here.",
    "opt-out": "This address wants no messages from us.",
    "daily cap": "The client had a text that day already.",
    "stale": "It was too old to be news.",
    "echo": "It came from there.",
    "digest": "It is told in a digest.",
    "no address": "No number or address is known.",
    "no consent": "Nobody there agreed to be written to.",
    "unticked": "Settings say not to tell of this here.",
}
TITLES: Final = {
    **{kind.type: kind.title for kind in kinds.KINDS.values()},
    "statement": "Statement",
}
AUDIENCES: Final = {
    "channel": "a channel",
    "contact": "the client",
    "staff": "one of us",
}


def register(app: Flask) -> None:
    """Give templates these words."""
    app.jinja_env.filters.update(
        became=became,
        because=because,
        audience=audience,
        waits=waits,
        clock=clock,
        segments=segments,
    )
    app.context_processor(lambda: {"titles": TITLES})


def became(row: Any, message: Any = None) -> tuple[str, str]:
    """Tone and word for a delivery and what its provider said of it."""
    if message is not None and message.state in _TOLD:
        return _TOLD[message.state]
    if row.digest_id and row.state == "skipped":
        return "", "In a digest"
    if row.state == "pending" and not row.explanation:
        return "", "On its way"
    return _STATES.get(row.state, ("", row.state))


def because(row: Any) -> str:
    """Why it was not sent, or what it waits for; "" if there is nothing to say."""
    if row.explanation:
        return str(row.explanation)
    if row.state == "skipped":
        return _SKIPPED.get(row.reason, str(row.reason))
    return str(row.reason or "")


def waits(row: Any) -> bool:
    """True if it will go out by itself at a time that is known."""
    return row.state in ("pending", "retrying") and row.next_attempt_at is not None


def audience(name: str) -> str:
    """Whom it is for."""
    return AUDIENCES.get(name, name)


def clock(moment: datetime) -> Markup:
    """`14:00` where the installation is; another day than today says which."""
    zone = the_hub().settings.time_zone
    local = moment.astimezone(zone)
    text = f"{local:%H:%M}"
    if local.date() != now().astimezone(zone).date():
        text = f"{local.day} {local:%b}, {text}"
    exact = moment.isoformat(timespec="seconds")
    return Markup('<time datetime="{}">{}</time>').format(exact, text)

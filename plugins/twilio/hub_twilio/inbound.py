"""What people text to our numbers: STOP, START, or something for a person to read.

Twilio blocks, unblocks and answers keywords by itself; the hub only takes note.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from hub.sdk.facts import ConsentSaid, Fact, MessageReceived
from hub_twilio.provider import sender_of

RECEIVED: Final = "received"
STOP: Final = frozenset(
    {
        *("STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT"),
        *("CANCEL", "REVOKE", "OPTOUT"),
    }
)
START: Final = frozenset({"START", "YES", "UNSTOP"})
HELP: Final = frozenset({"HELP", "INFO"})
Word = Literal["stop", "start", "help", ""]


def facts(
    sid: str, given: Mapping[str, str], at: datetime, settings: Mapping[str, Any]
) -> tuple[Fact, ...]:
    """Return what an incoming text says; none for HELP, which Twilio answers."""
    who: dict[str, Any] = {
        "id": f"{sid}:{RECEIVED}",
        "as_of": at,
        "address": given.get("From", ""),
        "sender": _sender(given, settings),
    }
    match _word(given):
        case "stop":
            return (ConsentSaid(**who, says="stop", how=_how(given)),)
        case "start":
            return (ConsentSaid(**who, says="start", how=_how(given)),)
        case "help":
            return ()
    return (MessageReceived(**who, text=_text(given)),)


def _word(given: Mapping[str, str]) -> Word:
    """Tell a keyword: what Twilio took it for, else the whole body, as Twilio does.

    "STOP please" is no opt-out for Twilio, and so a text for a person.
    """
    told = given.get("OptOutType", "").strip().upper()
    body = given.get("Body", "").strip().upper()
    for word in (told, body):
        if word in STOP:
            return "stop"
        if word in START:
            return "start"
        if word in HELP:
            return "help"
    return ""


def _how(given: Mapping[str, str]) -> str:
    body = " ".join(given.get("Body", "").split())[:40]
    return f"texted {body!r} to {given.get('To') or 'us'}" if body else "by text"


def _sender(given: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    """Return which of our senders was texted: the block holds for it alone.

    A number of a messaging service may be ours by itself, too: then it is the name
    under which we send that counts.
    """
    named = [given.get("MessagingServiceSid", ""), given.get("To", "")]
    ours = sender_of(settings)
    if ours in named:
        return ours
    return next(filter(None, named), "")


def _text(given: Mapping[str, str]) -> str:
    body = given.get("Body", "").strip()
    count = given.get("NumMedia", "")
    if count.isdecimal() and int(count):
        files = "1 file" if int(count) == 1 else f"{int(count)} files"
        return f"{body} [{files}: see the message at Twilio]".strip()
    return body or "(an empty text)"

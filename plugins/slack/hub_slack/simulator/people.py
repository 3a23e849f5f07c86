"""What Slack sends to an app when people use it: buttons, commands, events."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from hub_slack.simulator.wire import FORM
from hub_slack.simulator.workspace import Posted

TEAM: Final = {"id": "T0HUB00001", "domain": "northwind-msp"}
USER: Final = {"id": "U0ADMIN001", "username": "dana", "team_id": TEAM["id"]}
APP, BOT, BOT_USER = "A0HUBAPP01", "B0HUBBOT1", "U0HUBBOT01"
CHANNEL: Final = "#billing"

# Body and media type of a request.
Sent = tuple[bytes, str]


def channel_id(channel: str) -> str:
    """Return a channel's id: its own if it is one, else made from its name."""
    if channel[:1] in {"C", "G", "D"} and channel.isalnum() and channel.isupper():
        return channel
    return "C" + sha256(channel.encode()).hexdigest()[:10].upper()


def command(number: int, channel: str, text: str) -> Sent:
    """Somebody types a slash command, `/hub …`."""
    word, _, rest = (text.strip() or "/hub help").partition(" ")
    return _form(
        {
            "team_id": TEAM["id"],
            "team_domain": TEAM["domain"],
            "channel_id": channel_id(channel),
            "channel_name": channel.removeprefix("#"),
            "user_id": USER["id"],
            "user_name": USER["username"],
            "command": word,
            "text": _escaped(rest.strip()),
            "api_app_id": APP,
            "is_enterprise_install": "false",
            **_ways_back("commands", number),
        }
    )


def mention(number: int, channel: str, text: str) -> Sent:
    """Somebody mentions the app."""
    said = f"<@{BOT_USER}> {_escaped(text) or 'how is INV-1042?'}"
    return _json(
        {
            "type": "event_callback",
            "event_id": f"Ev0HUB{number:04d}",
            "team_id": TEAM["id"],
            "api_app_id": APP,
            "event": {"type": "app_mention", "user": USER["id"], "text": said},
        }
    )


def handshake(number: int, channel: str, text: str) -> Sent:
    """An admin enters the hub's address into the app."""
    return _json({"type": "url_verification", "challenge": f"challenge-{number}"})


SAYINGS: Final[Mapping[str, Callable[[int, str, str], Sent]]] = {
    "command": command,
    "mention": mention,
    "handshake": handshake,
}


def press(number: int, time: float, posted: Posted, action: Mapping[str, Any]) -> Sent:
    """Somebody presses a button of a message."""
    id = channel_id(posted.channel)
    told = ("type", "action_id", "block_id", "text", "value", "style")
    pressed = {name: action[name] for name in told if name in action}
    payload = {
        "type": "block_actions",
        "api_app_id": APP,
        "team": TEAM,
        "user": USER,
        "channel": {"id": id, "name": posted.channel.removeprefix("#")},
        "container": {
            "type": "message_attachment",
            "message_ts": posted.ts,
            **({"thread_ts": posted.thread} if posted.thread else {}),
            "attachment_id": 1,
            "channel_id": id,
            "is_ephemeral": False,
            "is_app_unfurl": False,
        },
        **_ways_back("actions", number),
        "actions": [{**pressed, "action_ts": f"{time:.6f}"}],
    }
    return _form({"payload": json.dumps(payload)})


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _ways_back(kind: str, number: int) -> dict[str, str]:
    url = f"https://hooks.slack.com/{kind}/{TEAM['id']}/{number}/simulated"
    return {"response_url": url, "trigger_id": f"{number}.738474920.simulated"}


def _form(fields: Mapping[str, str]) -> Sent:
    return urlencode(fields).encode(), FORM


def _json(value: Mapping[str, Any]) -> Sent:
    return json.dumps(value).encode(), "application/json"

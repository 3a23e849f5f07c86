"""What Slack sends to an app when people use it: buttons, commands, events."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from hub_slack.simulator.wire import FORM

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


def command(number: int) -> Sent:
    """Somebody types a slash command."""
    return _form(
        {
            "team_id": TEAM["id"],
            "team_domain": TEAM["domain"],
            "channel_id": channel_id(CHANNEL),
            "channel_name": CHANNEL[1:],
            "user_id": USER["id"],
            "user_name": USER["username"],
            "command": "/invoice",
            "text": "status INV-1042",
            "api_app_id": APP,
            "is_enterprise_install": "false",
            **_ways_back("commands", number),
        }
    )


def mention(number: int) -> Sent:
    """Somebody mentions the app."""
    text = f"<@{BOT_USER}> how is INV-1042?"
    return _json(
        {
            "type": "event_callback",
            "event_id": f"Ev0HUB{number:04d}",
            "team_id": TEAM["id"],
            "api_app_id": APP,
            "event": {"type": "app_mention", "user": USER["id"], "text": text},
        }
    )


def handshake(number: int) -> Sent:
    """An admin enters the hub's address into the app."""
    return _json({"type": "url_verification", "challenge": f"challenge-{number}"})


SAYINGS: Final[Mapping[str, Callable[[int], Sent]]] = {
    "command": command,
    "mention": mention,
    "handshake": handshake,
}


def press(
    number: int, time: float, channel: str, ts: str, action: Mapping[str, Any]
) -> Sent:
    """Somebody presses a button of the message `ts`."""
    id = channel_id(channel)
    payload = {
        "type": "block_actions",
        "api_app_id": APP,
        "team": TEAM,
        "user": USER,
        "channel": {"id": id, "name": channel.removeprefix("#")},
        "container": {
            "type": "message_attachment",
            "message_ts": ts,
            "attachment_id": 1,
            "channel_id": id,
            "is_ephemeral": False,
            "is_app_unfurl": False,
        },
        **_ways_back("actions", number),
        "actions": [{**action, "action_ts": f"{time:.6f}"}],
    }
    return _form({"payload": json.dumps(payload)})


def _ways_back(kind: str, number: int) -> dict[str, str]:
    url = f"https://hooks.slack.com/{kind}/{TEAM['id']}/{number}/simulated"
    return {"response_url": url, "trigger_id": f"{number}.738474920.simulated"}


def _form(fields: Mapping[str, str]) -> Sent:
    return urlencode(fields).encode(), FORM


def _json(value: Mapping[str, Any]) -> Sent:
    return json.dumps(value).encode(), "application/json"

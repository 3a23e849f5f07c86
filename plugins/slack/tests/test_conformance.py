"""Slack before the suites that every plugin passes."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests
import requests_mock
import time_machine

import hub_slack
from hub.sdk import clock
from hub.sdk.events import Event, Message
from hub.sdk.testing import (
    Action,
    ActionSuite,
    ProviderSuite,
    SimulatorSuite,
    Stage,
    WebhookSuite,
)
from hub_slack.cards import CARDS

SAMPLES = Path(__file__).parent / "samples"
# No address or token of a real workspace has this form.
WEBHOOK = "https://hooks.slack.com/services/T0HUB00001/B0HUB00001/xyzzyplugh"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOT = {"bot_token": "xoxb-made-up-for-tests"}


def event(event_type: str) -> Event:
    held = json.loads((SAMPLES / "events" / f"{event_type}.json").read_bytes())
    held["occurred_at"] = clock.parse(held["occurred_at"])
    return Event(**held)


def cards() -> tuple[Action, ...]:
    return tuple(
        Action(
            hook="on_" + event_type.replace(".", "_"),
            file=f"{event_type}.json",
            arguments={"event": event(event_type)},
            returns=None,
        )
        for event_type in CARDS
    )


class TestProvider(ProviderSuite):
    """What Slack says of itself."""

    plugin = hub_slack
    settings: ClassVar[Mapping[str, Any]] = {"webhook_url": WEBHOOK, **BOT}
    readme = Path(__file__).parents[1] / "README.md"


class TestWebhooks(WebhookSuite):
    """Requests from Slack."""

    plugin = hub_slack
    samples = SAMPLES / "webhooks"
    settings: ClassVar[Mapping[str, Any]] = {
        "channel": "#billing",
        "signing_secret": "6f1c0a5e8b7d4c2f9e3a1b0d5c7e8f90",
    }
    secret_setting = "signing_secret"
    signature_headers = ("X-Slack-Request-Timestamp", "X-Slack-Signature")
    tolerance = timedelta(seconds=300)
    now = NOW
    rotating: ClassVar[Mapping[str, Any]] = {
        "signing_secret": "the-new-one, 6f1c0a5e8b7d4c2f9e3a1b0d5c7e8f90"
    }
    unknown_event = b'{"type":"event_callback","event":{"type":"tea_is_ready"}}'

    def mock(self, mocker: requests_mock.Mocker) -> None:
        """Whoever asked is answered."""
        mocker.post(re.compile("https://hooks.slack.com/(actions|commands)/"), text="")


class TestActions(ActionSuite):
    """Calls to Slack."""

    plugin = hub_slack
    samples = SAMPLES / "api"
    settings: ClassVar[Mapping[str, Any]] = {
        "webhook_url": WEBHOOK,
        "signing_secret": "a-signing-secret",
    }
    actions = (
        *cards(),
        Action(
            hook="on_payment_received",
            file="payment.received.by-bot.json",
            arguments={"event": event("payment.received")},
            settings=BOT,
            returns=None,
        ),
        Action(
            hook="on_invoice_overdue",
            file="invoice.overdue.by-bot.json",
            arguments={"event": event("invoice.overdue")},
            settings=BOT,
            returns=None,
        ),
        Action(
            hook="send_message",
            file="message.json",
            arguments={"message": Message(text="Lunch & learn <today>")},
            returns=None,
        ),
        Action(
            hook="send_message",
            file="message.by-bot.json",
            arguments={
                "message": Message(
                    text="Hello", to="#general", blocks=({"type": "divider"},)
                )
            },
            settings=BOT,
            returns="1767225600.000200",
        ),
        Action(
            hook="test_connection",
            file="test.json",
            returns="A test card is in the webhook's channel.",
        ),
        Action(
            hook="test_connection",
            file="test.by-bot.json",
            settings=BOT,
            returns="A test card is in #billing of Northwind MSP.",
        ),
    )

    @pytest.fixture(autouse=True)
    def _stopped_clock(self) -> Iterator[None]:
        """The test card tells the time."""
        with time_machine.travel(NOW, tick=False):
            yield


class TestSimulator(SimulatorSuite):
    """The stand-in for Slack, by bot token."""

    plugin = hub_slack

    def happen(self, stage: Stage) -> None:
        said = {"what": "mention"}
        requests.post(f"{stage.url}/say", data=said, timeout=10, allow_redirects=False)


class TestSimulatorByWebhook(SimulatorSuite):
    """The same, by incoming webhook."""

    plugin = hub_slack
    settings: ClassVar[Mapping[str, Any]] = {"bot_token": "", "webhook_url": WEBHOOK}

"""Twilio before the suites that every plugin passes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import requests_mock

import hub_twilio
from hub.sdk.events import Message
from hub.sdk.testing import (
    Action,
    ActionSuite,
    ProviderSuite,
    SimulatorSuite,
    Stage,
    WebhookSuite,
)

SAMPLES = Path(__file__).parent / "samples"
ACCOUNT = "AC00000000000000000000000000000001"
SID = "SM00000000000000000000000000000003"
TOKEN = "12f0e0d1c2b3a495867708f9e0d1c2b3"
SETTINGS: Mapping[str, Any] = {
    "account_sid": ACCOUNT,
    "auth_token": TOKEN,
    "messaging_service_sid": "MG00000000000000000000000000000002",
}
NUMBER: Mapping[str, Any] = {
    "messaging_service_sid": "",
    "from_number": "+15005550006",
}
BODY = (
    "Northwind MSP: invoice INV-0977 (640.00 USD) is 14 days overdue. Pay:"
    " https://pay.example/977 Reply STOP to opt out."
)


class TestProvider(ProviderSuite):
    """What Twilio says of itself."""

    plugin = hub_twilio
    settings = SETTINGS
    readme = Path(__file__).parents[1] / "README.md"


class TestActions(ActionSuite):
    """Calls to the API."""

    plugin = hub_twilio
    samples = SAMPLES / "api"
    settings = SETTINGS
    actions = (
        Action(
            hook="send_message",
            file="message.json",
            arguments={"message": Message(text=BODY, to="+15005550010")},
            returns=SID,
        ),
        Action(
            hook="send_message",
            file="message.from_number.json",
            arguments={
                "message": Message(
                    text='Grüße 👋 & "mehr" = 100 % +1', to="+49 30 123456"
                )
            },
            settings=NUMBER,
            returns=SID,
        ),
        Action(
            hook="test_connection",
            file="test.json",
            returns="Twilio knows the account. Texts come from"
            " MG00000000000000000000000000000002.",
        ),
    )


class TestWebhooks(WebhookSuite):
    """Reports and incoming texts."""

    plugin = hub_twilio
    settings = SETTINGS
    samples = SAMPLES / "webhooks"
    now = datetime(2026, 1, 1, tzinfo=UTC)
    signature_headers = ("X-Twilio-Signature",)
    secret_setting = "auth_token"
    rotating: ClassVar[Mapping[str, Any]] = {"auth_token": f"the-new-one, {TOKEN}"}
    unknown_event = (
        f"MessageSid={SID}&MessageStatus=partially_delivered&AccountSid={ACCOUNT}"
    ).encode()

    def mock(self, mocker: requests_mock.Mocker) -> None:
        fetched = json.loads((SAMPLES / "fetch-message-delivered.json").read_bytes())
        url = (
            f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}.json"
        )
        mocker.get(url, json=fetched)


class TestSimulator(SimulatorSuite):
    """The stand-in for Twilio."""

    plugin = hub_twilio

    def happen(self, stage: Stage) -> None:
        """People write back. Behind the suite's address is no hub that reports could
        be sent to; tests/test_endpoint.py hears those."""
        stage.app.configure({"signed_url": stage.ctx.webhook_url})
        for body in ("STOP", "START", "Is it paid?"):
            stage.post("/_sim/text", **{"from": "+15005550010", "body": body})

"""What the tests of this plugin share: samples, events, a connection's context."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import hub_slack
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.events import Event
from hub.sdk.http import CallRecord
from hub.sdk.testing import make_context
from hub.sdk.webhooks import Headers, WebhookRequest
from hub_slack.cards import CARDS

SAMPLES = Path(__file__).parent / "samples"
SECRETS = {
    # No address or token of a real workspace has this form.
    "webhook_url": "https://hooks.slack.com/services/T0HUB00001/B0HUB00001/xyzzyplugh",
    "bot_token": "xoxb-made-up-for-tests",
    "signing_secret": "6f1c0a5e8b7d4c2f9e3a1b0d5c7e8f90",
}


def read(name: str) -> Any:
    return json.loads((SAMPLES / name).read_bytes())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "vector" in metafunc.fixturenames:
        cases = read("signatures.json")
        metafunc.parametrize("vector", cases, ids=[case["name"] for case in cases])
    if "any_type" in metafunc.fixturenames:
        metafunc.parametrize("any_type", sorted(CARDS))


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Any]:
    """Read a sample file."""
    return read


@pytest.fixture(scope="session")
def event_of() -> Callable[..., Event]:
    """Make the sample event of a type; keywords change its data."""

    def make(event_type: str, **changes: Any) -> Event:
        held = read(f"events/{event_type}.json")
        held["occurred_at"] = clock.parse(held["occurred_at"])
        held["data"] |= changes
        return Event(**held)

    return make


@pytest.fixture
def calls() -> list[CallRecord]:
    """The calls the context's client recorded."""
    return []


@pytest.fixture
def ctx_with(calls: list[CallRecord]) -> Callable[..., Context]:
    """Make a connection's context; keywords are its settings."""

    def make(
        *,
        delivery: str | None = "del_1",
        target: str = "",
        api_base_url: str = "",
        **settings: str,
    ) -> Context:
        return make_context(
            hub_slack,
            settings,
            api_base_url=api_base_url,
            delivery=delivery,
            target=target,
            record=calls.append,
        )

    return make


@pytest.fixture(scope="session")
def request_with() -> Callable[..., WebhookRequest]:
    """Make a request from Slack as the hub hands it over."""

    def make(headers: Mapping[str, str], body: bytes) -> WebhookRequest:
        return WebhookRequest(
            method="POST",
            path="",
            url="https://hub.example.com/webhooks/slack",
            headers=Headers(list(headers.items())),
            query={},
            body=body,
            received_at=clock.now(),
        )

    return make


@pytest.fixture(scope="session")
def secrets() -> Mapping[str, str]:
    """Made-up secrets, one per secret setting."""
    return SECRETS

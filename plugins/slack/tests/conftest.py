"""What the tests of this plugin share: samples, events, a connection's context."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.events import Event
from hub.sdk.http import ApiClient, CallRecord
from hub.sdk.redaction import Redactor
from hub.sdk.webhooks import Headers, WebhookRequest
from hub_slack.cards import CARDS
from hub_slack.provider import describe_provider

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

    def make(delivery: str | None = "del_1", **given: str) -> Context:
        settings = {"channel": "#billing", **given}
        secrets = [given[key] for key in SECRETS if key in given]
        client = ApiClient(
            plugin="slack",
            connection="slack",
            title="Slack",
            hosts=describe_provider().hosts,
            given=[given.get("webhook_url", "")],
            api_base_url=given.get("api_base_url", ""),
            redactor=Redactor(secrets),
            record=calls.append,
        )
        return Context(
            plugin="slack",
            connection="slack",
            settings=settings,
            http=client,
            refs=cast(Any, None),
            state=cast(Any, None),
            log=cast(Any, None),
            hub_url="https://hub.example.com",
            webhook_url="https://hub.example.com/webhooks/slack",
            delivery=delivery,
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

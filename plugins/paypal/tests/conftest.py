"""What the tests of this plugin share: samples, signature cases, requests."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.sdk.webhooks import Headers, InboundWebhook, WebhookRequest

SAMPLES = Path(__file__).parent / "samples"
Make = Callable[..., Any]


@pytest.fixture(scope="session")
def sample() -> Callable[[str], dict[str, Any]]:
    """Read a sample event anew, free to be changed."""

    def read(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (SAMPLES / "webhooks" / f"{name}.json").read_bytes()
        )
        return found

    return read


@pytest.fixture(scope="session")
def vector() -> Callable[[str], dict[str, Any]]:
    """Read one signature case by name."""
    cases = {case["name"]: case for case in vectors()}
    return lambda name: cases[name]


def vectors() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SAMPLES / "vectors.json").read_bytes())
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_vector" in metafunc.fixturenames:
        cases = vectors()
        metafunc.parametrize("any_vector", cases, ids=[case["name"] for case in cases])
    if "sample_name" in metafunc.fixturenames:
        names = sorted(path.stem for path in (SAMPLES / "webhooks").glob("*.json"))
        metafunc.parametrize("sample_name", names)


@pytest.fixture(scope="session")
def request_with() -> Make:
    """Make an inbound request as the hub hands it over."""

    def make(
        headers: Mapping[str, str], body: bytes, key: bytes | None = None
    ) -> WebhookRequest:
        return WebhookRequest(
            method="POST",
            path="",
            url="https://hub.example/webhooks/paypal",
            headers=Headers(list(headers.items())),
            query={},
            body=body,
            received_at=datetime(2026, 3, 2, 10, 20, tzinfo=UTC),
            key=key,
        )

    return make


@pytest.fixture(scope="session")
def settings_of() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Turn a case's configuration into a connection's settings."""

    def make(case: Mapping[str, Any]) -> dict[str, Any]:
        config = case["config"]
        trusted = [*config["trust_roots_pem"], *config["extra_intermediates_pem"]]
        return {
            "environment": config["environment"],
            "webhook_id": config["webhook_id"],
            "webhook_trust_roots": "\n".join(trusted),
        }

    return make


@pytest.fixture(scope="session")
def kept() -> Callable[[object], InboundWebhook]:
    """Make a kept webhook of an event, or of raw bytes."""

    def make(body: object) -> InboundWebhook:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return InboundWebhook(
            id="whk_1",
            path="",
            headers=Headers([]),
            body=raw,
            received_at=datetime(2026, 3, 2, 10, 20, tzinfo=UTC),
        )

    return make

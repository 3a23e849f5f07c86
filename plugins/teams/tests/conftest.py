"""What the tests of this plugin share: samples, events, a connection's context."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hub_teams
from hub.sdk import clock
from hub.sdk.cards import LOOKS
from hub.sdk.context import Context
from hub.sdk.events import Event
from hub.sdk.http import CallRecord
from hub.sdk.testing import make_context

SAMPLES = Path(__file__).parent / "samples"
CONTRACT = Path(__file__).parents[4] / "shared" / "specs" / "teams"
# No workflow's address has this form: 32 digits name it.
WEBHOOK = (
    "https://made-up.a1.environment.api.powerplatform.com:443/powerautomate/automations"
    "/direct/workflows/xyzzy/triggers/manual/paths/invoke"
    "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=plugh-Plover_2"
)


def read(name: str) -> Any:
    return json.loads((SAMPLES / name).read_bytes())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_type" in metafunc.fixturenames:
        metafunc.parametrize("any_type", sorted(LOOKS))


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


@pytest.fixture(scope="session")
def webhook() -> str:
    """Return a workflow's address."""
    return WEBHOOK


@pytest.fixture
def calls() -> list[CallRecord]:
    """The calls the context's client recorded."""
    return []


@pytest.fixture
def ctx_with(calls: list[CallRecord]) -> Callable[..., Context]:
    """Make a connection's context."""

    def make(webhook_url: str = WEBHOOK, api_base_url: str = "") -> Context:
        return make_context(
            hub_teams,
            {"webhook_url": webhook_url},
            api_base_url=api_base_url,
            delivery="del_1",
            record=calls.append,
        )

    return make


@pytest.fixture(scope="session")
def contract() -> dict[str, Any]:
    """Return Microsoft's own schema of Adaptive Cards."""
    if not CONTRACT.is_dir():
        pytest.skip(
            "THE CARDS WERE NOT CHECKED AGAINST THE SCHEMA: there is no folder"
            " ../shared/specs/teams beside the repository"
        )
    found: dict[str, Any] = json.loads(
        (CONTRACT / "adaptive-card-1.5.schema.json").read_bytes()
    )
    return found

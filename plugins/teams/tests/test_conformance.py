"""Teams before the suites that every plugin passes."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
import time_machine

import hub_teams
from hub.sdk import clock
from hub.sdk.cards import LOOKS
from hub.sdk.events import Event, Message
from hub.sdk.testing import Action, ActionSuite, ProviderSuite, SimulatorSuite
from hub_teams.actions import SENT

SAMPLES = Path(__file__).parent / "samples"
# No workflow's address has this form: 32 digits name it.
WEBHOOK = (
    "https://made-up.a1.environment.api.powerplatform.com:443/powerautomate/automations"
    "/direct/workflows/xyzzy/triggers/manual/paths/invoke"
    "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=plugh-Plover_2"
)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIST = (
    {"type": "TextBlock", "text": "**Three** things", "wrap": True},
    {"type": "FactSet", "facts": [{"title": "One", "value": "1"}]},
)


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
        for event_type in LOOKS
    )


class TestProvider(ProviderSuite):
    """What Teams says of itself."""

    plugin = hub_teams
    settings: ClassVar[Mapping[str, Any]] = {"webhook_url": WEBHOOK}
    readme = Path(__file__).parents[1] / "README.md"


class TestActions(ActionSuite):
    """Calls to a workflow."""

    plugin = hub_teams
    samples = SAMPLES / "api"
    settings: ClassVar[Mapping[str, Any]] = {"webhook_url": WEBHOOK}
    actions = (
        *cards(),
        Action(
            hook="send_message",
            file="message.json",
            arguments={"message": Message(text="Lunch & *learn*\n<at>today</at>")},
            returns=None,
        ),
        Action(
            hook="send_message",
            file="message.elements.json",
            arguments={"message": Message(text="Hello", blocks=LIST)},
            returns=None,
        ),
        Action(hook="test_connection", file="test.json", returns=SENT),
    )

    @pytest.fixture(autouse=True)
    def _stopped_clock(self) -> Iterator[None]:
        """The test card tells the time."""
        with time_machine.travel(NOW, tick=False):
            yield


class TestSimulator(SimulatorSuite):
    """The stand-in for Teams."""

    plugin = hub_teams

"""What the tests of this plugin share: signature cases, a ctx, a served simulator."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

import hub_twilio
from hub.sdk.context import Context
from hub.sdk.http import CallRecord
from hub.sdk.serving import Simulators, serve
from hub.sdk.testing import make_context
from hub_twilio.simulator import TwilioSimulator

SAMPLES = Path(__file__).parent / "samples"
ACCOUNT = "AC00000000000000000000000000000001"
SERVICE = "MG00000000000000000000000000000002"
# Nobody listens there: reports come to nothing.
NOBODY = "http://127.0.0.1:9"
TOKEN = "12f0e0d1c2b3a495867708f9e0d1c2b3"


def read(name: str) -> Any:
    return json.loads((SAMPLES / name).read_bytes())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_vector" in metafunc.fixturenames:
        cases = read("vectors.json")
        metafunc.parametrize("any_vector", cases, ids=[case["name"] for case in cases])


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Any]:
    """Read a sample file."""
    return read


@pytest.fixture
def calls() -> list[CallRecord]:
    """Every call made, as it would be kept."""
    return []


@pytest.fixture
def make_ctx(calls: list[CallRecord]) -> Callable[..., Context]:
    """Make a connection's ctx; `base` leads to a simulator, `hub` is our address."""

    def make(
        base: str = "", delivery: str | None = "del_1", hub: str = "", **settings: Any
    ) -> Context:
        known = {
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "messaging_service_sid": SERVICE,
        }
        given = {k: v for k, v in (known | settings).items() if v is not None}
        ctx = make_context(
            hub_twilio,
            given,
            api_base_url=base,
            delivery=delivery,
            record=calls.append,
        )
        if hub:
            url = f"{hub}/webhooks/twilio"
            ctx = replace(ctx, hub_url=hub, webhook_url=url)
        return ctx

    return make


class Reachable(TwilioSimulator):
    """Knows where it is served, and what drives it."""

    address = ""

    def drive(self, action: str, /, **given: Any) -> Any:
        answer = requests.post(f"{self.address}/_sim/{action}", json=given, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def sim() -> Iterator[Reachable]:
    """The simulator, served over real HTTP below /twilio."""
    app = Reachable()
    with serve(Simulators({"twilio": app})) as served:
        app.address = f"{served.url}/twilio"
        yield app


@pytest.fixture
def connected(sim: Reachable, make_ctx: Callable[..., Context]) -> Context:
    """A connection of the hub to the simulator."""
    return make_ctx(base=sim.address, hub=NOBODY)

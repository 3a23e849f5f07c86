"""What the tests of this plugin share: samples, signature cases, a served simulator."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

import hub_stripe
from hub.sdk import clock, samples
from hub.sdk.context import Context
from hub.sdk.http import CallRecord
from hub.sdk.ledger import Charge, Company, Invoice
from hub.sdk.money import Money
from hub.sdk.serving import Simulators, serve
from hub.sdk.testing import make_context
from hub.sdk.webhooks import Headers, Heard, InboundWebhook, WebhookRequest
from hub_stripe import webhooks
from hub_stripe.simulator import Simulator
from hub_stripe.simulator_site import DEFAULT_KEY, DEFAULT_SECRET

SAMPLES = Path(__file__).parent / "samples"
PAID = Money(124860, "GBP")


def vectors() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SAMPLES / "vectors.json").read_bytes())
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_vector" in metafunc.fixturenames:
        cases = vectors()
        metafunc.parametrize("any_vector", cases, ids=[case["name"] for case in cases])


@pytest.fixture(scope="session")
def vector() -> Callable[[str], dict[str, Any]]:
    """Read one signature case by name."""
    cases = {case["name"]: case for case in vectors()}
    return lambda name: cases[name]


@pytest.fixture(scope="session")
def sample() -> Callable[[str], dict[str, Any]]:
    """Read a sample event anew, free to be changed."""

    def read(name: str) -> dict[str, Any]:
        recorded = samples.read(SAMPLES / "webhooks" / f"{name}.http")
        found: dict[str, Any] = json.loads(recorded.body)
        return found

    return read


@pytest.fixture(scope="session")
def request_with() -> Callable[..., WebhookRequest]:
    """Make an inbound request as the hub hands it over."""

    def make(headers: dict[str, str], body: bytes) -> WebhookRequest:
        return WebhookRequest(
            method="POST",
            path="",
            url="https://hub.example/webhooks/stripe",
            headers=Headers(list(headers.items())),
            query={},
            body=body,
            received_at=clock.now(),
        )

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
            received_at=clock.now(),
        )

    return make


@pytest.fixture
def calls() -> list[CallRecord]:
    """Every call made, as it would be kept."""
    return []


@pytest.fixture
def make_ctx(calls: list[CallRecord]) -> Callable[..., Context]:
    """Make a connection's ctx; `base` points it at a simulator."""

    def make(base: str = "", **settings: Any) -> Context:
        known = {"api_key": DEFAULT_KEY, "webhook_secret": DEFAULT_SECRET}
        return make_context(
            hub_stripe,
            known | settings,
            api_base_url=base,
            delivery="rfr_1",
            record=calls.append,
        )

    return make


class Reachable(Simulator):
    """Knows where it is served, and what drives it and clicks on its page."""

    address = ""

    def drive(self, action: str, /, **given: Any) -> Any:
        answer = requests.post(f"{self.address}/_sim/{action}", json=given, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def choose(self, session: str, choice: str) -> requests.Response:
        return requests.post(
            f"{self.address}/c/pay/{session}",
            data={"choice": choice},
            allow_redirects=False,
            timeout=10,
        )


@pytest.fixture
def sim() -> Iterator[Reachable]:
    """The simulator, served over real HTTP below /stripe."""
    app = Reachable()
    with serve(Simulators({"stripe": app})) as served:
        app.address = f"{served.url}/stripe"
        yield app


@pytest.fixture
def connected(sim: Reachable, make_ctx: Callable[..., Context]) -> Context:
    """A connection of the hub to the simulator."""
    return make_ctx(base=sim.address)


@pytest.fixture
def hear(sim: Reachable, connected: Context, kept: Any) -> Callable[[], list[Any]]:
    """Understand all that the simulator told so far."""

    def facts() -> list[Any]:
        found: list[Any] = []
        for sent in sim.webhooks.sent:
            result = webhooks.parse(kept(sent.body), connected)
            assert isinstance(result, Heard), result
            found += result.facts
        return found

    return facts


@pytest.fixture
def charge() -> Charge:
    company = Company(
        id="com_1",
        name="Harbour",
        currency="GBP",
        country="GB",
        email="accounts@harbourdental.example",
        phone="",
    )
    invoice = Invoice(
        id="inv_1",
        number="INV-2026-0117",
        company=company,
        issue_date=clock.now().date(),
        due_date=clock.now().date(),
        total=PAID,
        open_amount=PAID,
        lines=(),
    )
    return Charge(
        id="chg_01JQ5Z7M9K",
        invoice=invoice,
        amount=PAID,
        reference=None,
        return_url="https://hub.example/pay/x/stripe/return",
        cancel_url="https://hub.example/pay/x/stripe/cancel",
        created_at=clock.now(),
    )


@pytest.fixture
def started(connected: Context, charge: Charge) -> Charge:
    """The charge with its session."""
    made = hub_stripe.checkout.start(charge, connected)
    return replace(charge, reference=made.reference)

"""What the tests of this plugin share: samples, signature cases, a served simulator."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

import hub_gocardless
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.http import CallRecord
from hub.sdk.ledger import Charge, Company, Invoice, Mandate, MandateRequest
from hub.sdk.money import Money
from hub.sdk.serving import Simulators, serve
from hub.sdk.testing import make_context
from hub.sdk.webhooks import Headers, Heard, InboundWebhook, WebhookRequest
from hub_gocardless import webhooks
from hub_gocardless.simulator import Simulator
from hub_gocardless.simulator_site import DEFAULT_SECRET, DEFAULT_TOKEN

SAMPLES = Path(__file__).parent / "samples"
PAID = Money(124860, "GBP")
BACK = "https://hub.example/pay/x/gocardless"


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
def request_with() -> Callable[..., WebhookRequest]:
    """Make an inbound request as the hub hands it over."""

    def make(headers: dict[str, str], body: bytes) -> WebhookRequest:
        return WebhookRequest(
            method="POST",
            path="",
            url="https://hub.example/webhooks/gocardless",
            headers=Headers(list(headers.items())),
            query={},
            body=body,
            received_at=clock.now(),
        )

    return make


@pytest.fixture(scope="session")
def kept() -> Callable[[object], InboundWebhook]:
    """Make a kept webhook of events, of a whole body, or of raw bytes."""

    def make(body: object) -> InboundWebhook:
        whole = {"events": body} if isinstance(body, list) else body
        raw = whole if isinstance(whole, bytes) else json.dumps(whole).encode()
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

    def make(base: str = "", delivery: str = "rfr_1", **settings: Any) -> Context:
        known = {"access_token": DEFAULT_TOKEN, "webhook_secret": DEFAULT_SECRET}
        return make_context(
            hub_gocardless,
            known | settings,
            api_base_url=base,
            delivery=delivery,
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

    def choose(self, page: str, choice: str) -> requests.Response:
        return requests.post(
            page.partition("?")[0],
            data={
                "id": page.partition("=")[2],
                "choice": choice,
                "company_name": "Harbour Dental Ltd",
                "email": "accounts@harbourdental.example",
                "bank": "Monzo Bank Ltd",
            },
            allow_redirects=False,
            timeout=10,
        )


@pytest.fixture
def sim() -> Iterator[Reachable]:
    """The simulator, served over real HTTP below /gocardless."""
    app = Reachable()
    with serve(Simulators({"gocardless": app})) as served:
        app.address = f"{served.url}/gocardless"
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
        for sent in list(sim.webhooks.sent):
            for result in webhooks.parse(kept(sent.body), connected):
                assert isinstance(result, Heard), result
                found += result.facts
        return found

    return facts


@pytest.fixture
def company() -> Company:
    return Company(
        id="com_1",
        name="Harbour Dental Ltd",
        currency="GBP",
        country="GB",
        email="accounts@harbourdental.example",
        phone="",
    )


@pytest.fixture
def invoice(company: Company) -> Invoice:
    return Invoice(
        id="inv_1",
        number="INV-2026-0117",
        company=company,
        issue_date=clock.now().date(),
        due_date=clock.now().date() + timedelta(days=30),
        total=PAID,
        open_amount=PAID,
        lines=(),
    )


@pytest.fixture
def charge(invoice: Invoice) -> Charge:
    return Charge(
        id="chg_01JQ5Z7M9K",
        invoice=invoice,
        amount=PAID,
        reference=None,
        return_url=f"{BACK}/return?charge=chg_01JQ5Z7M9K",
        cancel_url=f"{BACK}/cancel?charge=chg_01JQ5Z7M9K",
        created_at=clock.now(),
    )


@pytest.fixture
def asked(company: Company) -> MandateRequest:
    """A company's way to a mandate, at its beginning."""
    return MandateRequest(
        id="mrq_01JQ5Z7M9K",
        company=company,
        currency="GBP",
        reference=None,
        return_url=f"{BACK}/return?request=mrq_01JQ5Z7M9K",
        cancel_url=f"{BACK}/cancel?request=mrq_01JQ5Z7M9K",
        created_at=clock.now(),
    )


@pytest.fixture
def mandate(sim: Reachable, company: Company) -> Mandate:
    """A mandate given at the simulator."""
    made = sim.drive("mandate", metadata={"hub_request": "mrq_1"})["mandate"]
    return Mandate(id="mdt_1", company=company, reference=made, state="active")

"""What the tests of this plugin share: samples, signature cases, requests."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

import hub_paypal
from hub.sdk import samples
from hub.sdk.context import Context
from hub.sdk.http import CallRecord
from hub.sdk.serving import Simulators, serve
from hub.sdk.testing import make_context
from hub.sdk.webhooks import Headers, InboundWebhook, WebhookRequest
from hub_paypal.simulator import Simulator
from hub_paypal.simulator_site import DEFAULT_WEBHOOK_ID

SAMPLES = Path(__file__).parent / "samples"
Make = Callable[..., Any]


@pytest.fixture(scope="session")
def sample() -> Callable[[str], dict[str, Any]]:
    """Read a sample event anew, free to be changed."""

    def read(name: str) -> dict[str, Any]:
        recorded = samples.read(SAMPLES / "webhooks" / f"{name}.http")
        found: dict[str, Any] = json.loads(recorded.body)
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
        names = sorted(path.stem for path in (SAMPLES / "webhooks").glob("*.http"))
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


class Kept:
    """The connection's state, in memory; remembers what was secret, and how long."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.secret: set[str] = set()
        self.lifetimes: dict[str, float | None] = {}

    def get(self, key: str) -> Any:
        return self.values.get(key)

    def set(
        self, key: str, value: Any, *, secret: bool = False, ttl: float | None = None
    ) -> None:
        self.values[key] = value
        self.lifetimes[key] = ttl
        if secret:
            self.secret.add(key)

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


@pytest.fixture
def calls() -> list[CallRecord]:
    """Every call made, as it would be kept."""
    return []


@pytest.fixture
def make_ctx(calls: list[CallRecord]) -> Callable[..., Context]:
    """Make a connection's ctx; `base` points it at a simulator."""

    def make(base: str = "", **settings: Any) -> Context:
        known = {
            "client_id": "AeA1QIZXiflr1",
            "client_secret": "EC-made-up-secret-of-tests",
            "webhook_id": "2K7411960N3356127",
        }
        ctx = make_context(
            hub_paypal,
            known | settings,
            api_base_url=base,
            delivery="rfr_1",
            record=calls.append,
        )
        return replace(ctx, state=Kept())

    return make


class Reachable(Simulator):
    """Knows where it is served, and what drives it and clicks on its page."""

    address = ""

    def drive(self, action: str, /, **given: Any) -> Any:
        url = f"{self.address}/_sim/{action}"
        answer = requests.post(url, json=given, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def choose(self, order: Mapping[str, Any], choice: str) -> requests.Response:
        return requests.post(
            f"{self.address}/checkoutnow",
            data={"token": order["id"], "choice": choice},
            allow_redirects=False,
            timeout=10,
        )


@pytest.fixture
def sim() -> Iterator[Reachable]:
    """The simulator, served over real HTTP below /paypal."""
    app = Reachable()
    with serve(Simulators({"paypal": app})) as served:
        app.address = f"{served.url}/paypal"
        yield app


@pytest.fixture
def inbox() -> Iterator[tuple[list[tuple[dict[str, str], bytes]], str]]:
    """A place that takes webhooks: what came, as (headers, body)."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Inbox(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Inbox)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield got, f"http://127.0.0.1:{server.server_port}/webhooks/paypal"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def connected(
    sim: Reachable, make_ctx: Callable[..., Context], inbox: tuple[Any, str]
) -> Context:
    """A connection of the hub to the simulator, and the other way round."""
    sim.drive("config", webhook_url=inbox[1])
    root = requests.get(f"{sim.address}/_sim/ca.pem", timeout=10).text
    return make_ctx(
        base=sim.address,
        webhook_id=DEFAULT_WEBHOOK_ID,
        webhook_trust_roots=root,
        webhook_cert_base_url=sim.address,
    )

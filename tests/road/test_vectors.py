"""The providers' signature cases through the hub's own endpoint, on a faked clock:
the genuine are kept, the forged leave no row."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from hub.boot import Hub
from hub.core.models import InboundWebhook, PluginSwitch
from hub.db import Database
from hub.jobs import Bell
from hub.plugins import Plugins
from hub.settings import Settings
from tests.parts.bank import serving
from tests.parts.hub import KEY, connect

PLUGINS = Path(__file__).parents[2] / "plugins"
Case = dict[str, Any]


def cases(path: str) -> list[Any]:
    found = json.loads((PLUGINS / path).read_bytes())
    return [pytest.param(case, id=case["name"]) for case in found]


class CertificateServer(ThreadingHTTPServer):
    """Stands in for PayPal's hosts, by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Certificates)
        self.answers: dict[str, Case] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Certificates(BaseHTTPRequestHandler):
    server: CertificateServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answer = self.server.answers[self.path]
        self.send_response(answer["status"])
        self.send_header("Content-Type", answer["content_type"])
        self.end_headers()
        self.wfile.write(answer["body"].encode())

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def certificates() -> Iterator[CertificateServer]:
    server = CertificateServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def connected(
    database: Database, settings: Settings, plugin: str, **environ: str
) -> Hub:
    """A hub with one connection whose settings come from the environment."""
    hub = Hub(
        settings=replace(settings, environ=environ),
        database=database,
        plugins=Plugins.load(),
        bell=Bell(settings.redis_url or ""),
        keys=(KEY,),
    )
    with hub.write() as session:
        session.add(PluginSwitch(name=plugin, enabled=True))
    connect(hub, plugin)
    return hub


def sent(hub: Hub, plugin: str, case: Case, now: object) -> TestResponse:
    with time_machine.travel(now, tick=False):  # type: ignore[arg-type]
        return serving(hub).open(
            f"/webhooks/{plugin}",
            method=case.get("method", "POST"),
            data=case["body"].encode(),
            headers=case["headers"],
        )


def rows(hub: Hub) -> int:
    with hub.read() as session:
        return session.scalar(select(func.count(InboundWebhook.id))) or 0


def judged(case: Case, answer: TestResponse, kept: int, *, refused: int) -> None:
    """The genuine are kept; a signed body that is empty is unreadable, no forgery."""
    status = 400 if case["name"] == "empty_body_signed" else refused
    wanted = (200, 1) if case["expected"] == "valid" else (status, 0)
    assert wanted == (answer.status_code, kept)


@pytest.mark.parametrize("case", cases("slack/tests/samples/signatures.json"))
def test_slack(sqlite_database: Database, settings: Settings, case: Case) -> None:
    secret = case["config"]["signing_secret"]
    hub = connected(sqlite_database, settings, "slack", SLACK_SIGNING_SECRET=secret)

    answer = sent(hub, "slack", case, case["config"]["now"])

    if case["expected"] == "invalid":
        assert (401, 0) == (answer.status_code, rows(hub))
        return
    assert 200 == answer.status_code
    if "challenge" in case["body"]:
        assert json.loads(case["body"])["challenge"] in answer.text
    elif case["body"]:
        assert (b"", 1) == (answer.data, rows(hub))


@pytest.mark.parametrize("case", cases("paypal/tests/samples/vectors.json"))
def test_paypal(
    postgres_database: Database,
    settings: Settings,
    certificates: CertificateServer,
    case: Case,
) -> None:
    config = case["config"]
    certificates.answers = {
        urlsplit(url).path: answer for url, answer in config["cert_responses"].items()
    }
    hub = connected(
        postgres_database,
        settings,
        "paypal",
        PAYPAL_ENVIRONMENT=config["environment"],
        PAYPAL_WEBHOOK_ID=config["webhook_id"],
        PAYPAL_WEBHOOK_CERT_BASE_URL=certificates.url,
        PAYPAL_WEBHOOK_TRUST_ROOTS="\n".join(
            config["trust_roots_pem"] + config["extra_intermediates_pem"]
        ),
    )

    answer = sent(hub, "paypal", case, config["now"])

    if case["expected"] == "valid":
        assert (200, 1) == (answer.status_code, rows(hub))
    else:
        assert answer.status_code in (400, 401, 503)
        assert 0 == rows(hub)
    if case.get("must_not_fetch"):
        assert [] == certificates.asked


@pytest.mark.parametrize("case", cases("stripe/tests/samples/vectors.json"))
def test_stripe(sqlite_database: Database, settings: Settings, case: Case) -> None:
    config = case["config"]
    secrets = ",".join(config["secrets"])
    hub = connected(sqlite_database, settings, "stripe", STRIPE_WEBHOOK_SECRET=secrets)
    case["headers"].setdefault("Content-Type", "application/json")

    answer = sent(hub, "stripe", case, config["now"])

    judged(case, answer, rows(hub), refused=401)


@pytest.mark.parametrize("case", cases("gocardless/tests/samples/vectors.json"))
def test_gocardless(
    postgres_database: Database, settings: Settings, case: Case
) -> None:
    hub = connected(
        postgres_database,
        settings,
        "gocardless",
        GOCARDLESS_ACCESS_TOKEN="made-up-token-of-tests",
        GOCARDLESS_WEBHOOK_SECRET=",".join(case["config"]["secrets"]),
    )

    answer = sent(hub, "gocardless", case, "2026-03-09T17:00:00Z")

    judged(case, answer, rows(hub), refused=498)

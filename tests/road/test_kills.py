"""No payment is lost or doubled, whatever is killed and when."""

import os
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, or_, select

from hub import boot, schema
from hub import settings as hub_settings
from hub.boot import Hub
from hub.core import connections
from hub.core.ledger import companies, invoices
from hub.core.models import Delivery, Event, InboundWebhook, Invoice, Movement, Payment
from hub.plugins import Plugins
from hub.sdk.serving import Simulators, serve
from hub.sdk.simulated_webhooks import SentWebhook
from hub.sdk.simulator import Simulator
from tests.parts.hub import KEY
from tests.road import killing

JSON = {"Content-Type": "application/json"}
SHORT = (80, 6, 20)
LONG = (2_000, 40, 7)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def simulators() -> Simulators:
    plugins = Plugins.load()
    played: dict[str, Simulator] = {
        name: plugins.call(name, "simulator")() for name in ("paypal", "slack")
    }
    return Simulators(played)


def make_hub(environment: dict[str, str], played: Simulators, url: str) -> Hub:
    hub = boot.start(hub_settings.load(environment))
    schema.upgrade(hub.database)
    with hub.write() as session:
        for name, simulator in played.apps.items():
            given = dict(simulator.settings(f"{url}/{name}"))
            if name == "slack":
                given["rate_limit"] = "1000"
            connections.add(session, name, settings=given)
    return hub


def add_invoices(hub: Hub, count: int) -> list[str]:
    numbers = []
    for start in range(0, count, 100):
        with hub.write() as session:
            client = companies.create(session, {"name": "Client", "currency": "EUR"})
            for _ in range(start, min(start + 100, count)):
                line = {"description": "Work", "quantity": "1", "unit_price": "10"}
                made = invoices.create(
                    session, invoices.NewInvoice(company_id=client.id, lines=[line])
                )
                numbers.append(made.number)
    return numbers


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it is not done in time"
        time.sleep(0.2)


def unfinished(hub: Hub) -> int:
    open_webhooks = select(func.count()).where(InboundWebhook.state == "received")
    open_deliveries = select(func.count()).where(
        Delivery.state.in_(("pending", "sending", "retrying"))
    )
    with hub.read() as session:
        return (session.scalar(open_webhooks) or 0) + (
            session.scalar(open_deliveries) or 0
        )


def run(
    folder: Path, database: dict[str, str], count: int, kills: int, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 — to repeat a run
    played = simulators()
    port = free_port()
    environment = {
        "HUB_DATA_DIR": str(folder),
        "HUB_BASE_URL": f"http://localhost:{port}",
        "HUB_LOG_LEVEL": "WARNING",
        **database,
    }
    with serve(played) as served:
        hub = make_hub(environment, played, served.url)
        numbers = add_invoices(hub, count)
        signer = played.apps["paypal"]
        bodies = [
            killing.text_of(killing.capture(n, number))
            for n, number in enumerate(numbers)
        ]
        sent = [
            killing.Sent(
                body, {**JSON, **signer.sign(SentWebhook(f"{n}", body, "json"))}
            )
            for n, body in enumerate(bodies)
        ]
        # Providers send some twice.
        sent += chance.sample(sent, count // 10)
        chance.shuffle(sent)
        with killing.hub_up(environment, port) as launched:
            sending = killing.send_all(f"{launched.url}/webhooks/paypal", sent)
            for _ in range(kills):
                time.sleep(chance.uniform(0.1, 0.6))
                launched.kill(chance.choice(list(killing.PARTS)), chance)
            sending.join()
            wait_until(lambda: unfinished(hub) == 0, 300)
        check(hub, count)
        texts = Counter(
            message["text"]
            for message in played.apps["slack"].state()["messages"]
            if message["text"].startswith("Payment received")
        )
        alone = count - told_together(hub)
        assert alone == len(texts), "every payment is told in Slack"
    hub.database.dispose()


def told_together(hub: Hub) -> int:
    """How many of what came at once are told in one message, and surely were."""
    together = Delivery.state == "skipped", Delivery.reason == "digest"
    untold = Delivery.subject.startswith("digest:"), Delivery.state != "delivered"
    with hub.read() as session:
        assert 0 == session.scalar(select(func.count(Delivery.id)).where(*untold))
        return session.scalar(select(func.count(Delivery.id)).where(*together)) or 0


def check(hub: Hub, count: int) -> None:
    with hub.read() as session:

        def number(statement: object) -> int:
            return session.scalar(statement) or 0  # type: ignore[call-overload]

        paid = select(func.count()).where(Invoice.state == "paid")
        received = select(func.count()).where(Event.type == "payment.received")
        told = select(func.count()).where(
            Delivery.hook == "on_payment_received",
            or_(Delivery.state == "delivered", Delivery.reason == "digest"),
        )
        assert count == number(select(func.count(InboundWebhook.id)))
        assert count == number(select(func.count(Payment.id)))
        assert count == number(select(func.count(Movement.id)))
        assert count == number(paid)
        assert count == number(received)
        assert count == number(told)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings that choose the database: embedded, or PostgreSQL as in
    production."""
    if request.param == "sqlite":
        return {}
    request.getfixturevalue("postgres_database")  # empties it
    return {
        "HUB_DATABASE_URL": request.getfixturevalue("postgres_url"),
        "HUB_SECRET_KEY": "only-for-this-test",
        "HUB_ENCRYPTION_KEYS": KEY,
    }


@pytest.mark.skipif(not os.path.exists("/proc"), reason="kills by /proc and ps")
class TestKills:
    def test_no_payment_is_lost_or_doubled(
        self, tmp_path: Path, database: dict[str, str]
    ) -> None:
        """ROAD 1, 2, 16, 23, 25: a short seeded form of the run below."""
        run(tmp_path, database, *SHORT)

    @pytest.mark.long
    def test_no_payment_is_lost_or_doubled_in_2000(
        self, tmp_path: Path, database: dict[str, str]
    ) -> None:
        """The whole run, forty kills."""
        run(tmp_path, database, *LONG)

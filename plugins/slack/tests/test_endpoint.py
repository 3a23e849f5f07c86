"""Through the hub itself: an invoice's cards, and what people do with them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import requests
from slack_sdk.signature import SignatureVerifier
from sqlalchemy import select

from hub import boot
from hub.app import create_app
from hub.boot import Hub
from hub.core import connections, deliver, process
from hub.core.ledger import companies, invoices, overdue
from hub.core.ledger.invoices import NewInvoice
from hub.core.models import (
    ApiCall,
    AuditEntry,
    Base,
    Connection,
    Delivery,
    FactRow,
    InboundWebhook,
    Invoice,
)
from hub.core.record import record
from hub.db import Database
from hub.sdk import clock
from hub.sdk.facts import Match, PaymentReceived
from hub.sdk.money import Money
from hub.sdk.serving import Simulators, serve
from hub.settings import Settings
from hub_slack.simulator import SlackSimulator

SECRETS = "signing-secret-of-today, signing-secret-of-yesterday"
HOSTILE = "Smith & Sons <!channel>"


@dataclass
class World:
    """A hub that serves, and the Slack it talks to."""

    hub: Hub
    slack: SlackSimulator
    url: str

    def deliver(self) -> None:
        """Let all that is due go out."""
        deliver.drain_all(self.hub)

    def listen(self) -> None:
        """Let all that people did be heard."""
        self.slack.wait_idle()
        process.drain_all(self.hub)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(
            f"{self.url}/_sim/state", timeout=10
        ).json()
        return found

    def press(self, message: dict[str, Any], action_id: str) -> None:
        """Press a button of a message, and let the hub hear of it."""
        [block] = [
            block
            for block in message["attachments"][0]["blocks"]
            if block["type"] == "actions"
        ]
        form = {"ts": message["ts"], "block_id": block["block_id"]}
        answer = requests.post(
            f"{self.url}/click", {**form, "action_id": action_id}, timeout=10
        )
        assert answer.ok, answer.text
        self.listen()

    def ask(self, text: str) -> str:
        """Type a command; returns what the person who did is shown."""
        said = {"what": "command", "text": text}
        requests.post(f"{self.url}/say", said, timeout=10)
        self.listen()
        return str(self.state()["answers"][-1])

    def rows(self, model: type[Base]) -> list[Any]:
        with self.hub.read() as session:
            return list(session.scalars(select(model)))


@pytest.fixture
def world(sqlite_database: Database, settings: Settings) -> Iterator[World]:
    apps: list[Any] = []

    def late(environ: Any, start_response: Any) -> Any:
        return apps[0](environ, start_response)

    slack = SlackSimulator()
    with serve(late) as served, serve(Simulators({"slack": slack})) as simulators:
        # The database stands where these settings expect it.
        hub = boot.start(replace(settings, base_url=served.url))
        url = f"{simulators.url}/slack"
        slack.configure(
            {"webhook_url": f"{served.url}/webhooks/slack", "signing_secret": SECRETS}
        )
        with hub.write() as session:
            given = {**slack.settings(url), "rate_limit": "1000"}
            connections.add(session, "slack", None, given)
            connections.enable(session, "slack")
            connections.add(session, "stripe", None, {"webhook_secret": "whsec_test"})
        apps.append(create_app(hub))
        yield World(hub, slack, url)


@pytest.fixture
def invoice(world: World) -> Invoice:
    """An invoice that is overdue, and told so in the channel."""
    today = clock.now().date()
    with world.hub.write() as session:
        client = companies.create(session, {"name": HOSTILE, "currency": "USD"})
        made = invoices.create(
            session,
            NewInvoice(
                company_id=client.id,
                lines=[{"description": "a", "quantity": "1", "unit_price": "640"}],
                issue_date=today - timedelta(days=30),
                due_date=today - timedelta(days=2),
            ),
        )
    overdue.scan(world.hub)
    world.deliver()
    return made


def pay(world: World, invoice: Invoice, amount: str) -> None:
    fact = PaymentReceived(
        id=f"pay:{amount}",
        as_of=clock.now(),
        reference=f"ch_{amount}",
        amount=Money.parse(amount, "USD"),
        match=Match(invoice_number=invoice.number),
    )
    with world.hub.write() as session:
        till = session.scalars(
            select(Connection).where(Connection.slug == "stripe")
        ).one()
        record(session, till, fact)
    world.deliver()


def test_payments_answer_in_the_thread_of_the_overdue_invoice(
    world: World, invoice: Invoice
) -> None:
    pay(world, invoice, "40.00")
    pay(world, invoice, "600.00")

    first, *replies = world.state()["messages"]
    assert "Invoice overdue" in str(first)
    assert [first["ts"], first["ts"]] == [reply["thread_ts"] for reply in replies]


def test_delivery_of_a_process_that_died_is_not_told_twice(
    world: World, invoice: Invoice
) -> None:
    """ROAD 16: its claim is given up, its card is there."""
    pay(world, invoice, "40.00")
    with world.hub.write() as session:
        for row in session.scalars(select(Delivery)):
            row.state, row.finished_at = "retrying", None
            row.next_attempt_at = clock.now()
    world.deliver()

    assert {"delivered"} == {row.state for row in world.rows(Delivery)}
    assert 2 == world.state()["count"]


def test_acknowledging_is_noted_once_however_often_it_is_pressed(
    world: World, invoice: Invoice
) -> None:
    [card] = world.state()["messages"]

    for _ in range(3):
        world.press(card, "hub_acknowledge")

    done = [row for row in world.rows(AuditEntry) if "acknowledged" in row.action]
    assert [f"invoice:{invoice.id}"] == [row.subject for row in done]
    assert ["recorded"] == [row.state for row in world.rows(FactRow)]
    told = [answer["text"] for answer in world.state()["answers"]]
    assert [True, False, False] == [text.startswith("Noted") for text in told]


def test_reminder_is_asked_for_once(world: World, invoice: Invoice) -> None:
    [card] = world.state()["messages"]

    for _ in range(2):
        world.press(card, "hub_remind")

    [fact] = world.rows(FactRow)
    assert ("remind", f"invoice:{invoice.id}", "slack:U0ADMIN001") == (
        fact.data["action"],
        fact.data["subject"],
        fact.data["by"],
    )
    assert "is asked for" in world.state()["answers"][0]["text"]


def test_answer_that_fails_leaves_the_fact(world: World, invoice: Invoice) -> None:
    [card] = world.state()["messages"]
    fault = {"kind": "500", "path": "/actions", "count": None}
    requests.post(f"{world.url}/_sim/faults", json=fault, timeout=10)

    world.press(card, "hub_acknowledge")

    assert ["recorded"] == [row.state for row in world.rows(FactRow)]
    assert ["processed"] == [row.state for row in world.rows(InboundWebhook)]
    assert [] == world.state()["answers"]


def test_way_back_is_not_kept_in_the_trail_of_calls(
    world: World, invoice: Invoice
) -> None:
    [card] = world.state()["messages"]

    world.press(card, "hub_acknowledge")

    urls = [row.url for row in world.rows(ApiCall)]
    assert any("/slack/api/chat.postMessage" in url for url in urls)
    assert [] == [url for url in urls if "/actions/" in url]


def test_invoice_and_client_are_looked_up_in_the_ledger(
    world: World, invoice: Invoice
) -> None:
    pay(world, invoice, "40.00")

    about_invoice = world.ask(f"/hub invoice {invoice.number.lower()}")
    about_client = world.ask("/hub client smith & sons")

    for said in (about_invoice, about_client):
        assert ("600.00 USD" in said, "<!channel>" in said) == (True, False)
    assert "2 days overdue" in about_invoice
    assert "1 invoice overdue" in about_client
    assert "There is no invoice X-1." in world.ask("/hub invoice X-1")


def test_requests_are_what_slack_s_verifier_takes_and_forged_ones_leave_nothing(
    world: World, invoice: Invoice
) -> None:
    world.ask("/hub help")
    kept = world.slack.webhooks.sent[-1]
    signed = {**world.slack.sign(kept), "Content-Type": kept.content_type}
    verifier = SignatureVerifier("signing-secret-of-today")
    assert verifier.is_valid_request(kept.body, signed)

    url = str(world.slack.config["webhook_url"])
    forged = requests.post(url, data=kept.body + b"&x=1", headers=signed, timeout=10)

    assert (401, 1) == (forged.status_code, len(world.rows(InboundWebhook)))


@pytest.mark.parametrize("secret", ["today", "yesterday"])
def test_old_and_new_signing_secret_hold_while_they_rotate(
    secret: str, world: World
) -> None:
    world.slack.configure({"signing_secret": f"signing-secret-of-{secret}"})

    assert "This is what I can tell you" in world.ask("/hub help")

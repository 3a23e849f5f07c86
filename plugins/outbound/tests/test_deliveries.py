"""Webhooks through the hub itself: a delivery, its tries, and a receiver that ends."""

import socket
from collections.abc import Iterator

import pytest
import requests
from jsonschema import Draft202012Validator
from sqlalchemy import select

import hub_outbound
from hub.boot import Hub
from hub.core import connections, deliver, messages
from hub.core.emit import emit
from hub.core.models import Attempt, Connection, Delivery
from hub.db import Database
from hub.jobs import Bell
from hub.plugins import Plugins, check
from hub.sdk.event_schemas import payload_schema
from hub.sdk.events import Message
from hub.sdk.serving import Served, serve
from hub.settings import Settings
from hub_outbound.simulator import OutboundSimulator
from tests.parts.hub import KEY


@pytest.fixture
def simulator() -> OutboundSimulator:
    return OutboundSimulator()


@pytest.fixture
def receiver(simulator: OutboundSimulator) -> Iterator[Served]:
    with serve(simulator) as served:
        yield served


@pytest.fixture
def posting(
    database: Database,
    settings: Settings,
    simulator: OutboundSimulator,
    receiver: Served,
) -> Hub:
    """A hub with a connection to the receiver."""
    hub = Hub(
        settings=settings,
        database=database,
        plugins=Plugins([check("outbound", hub_outbound)]),
        bell=Bell(settings.redis_url or ""),
        keys=(KEY,),
    )
    with hub.write() as session:
        given = simulator.settings(receiver.url)
        connections.add(session, "outbound", settings=given)
    return hub


def alert(hub: Hub) -> None:
    with hub.write() as session:
        emit(session, "alert.raised", {"title": "Disk full"})


def run(hub: Hub) -> Delivery:
    """Deliver what there is now, whenever it would be due."""
    with hub.write() as session:
        for row in session.scalars(select(Delivery)):
            row.next_attempt_at = row.created_at
    deliver.drain_all(hub)
    with hub.read() as session:
        return session.scalars(select(Delivery)).one()


def fault(receiver: Served, kind: str) -> None:
    given = {"kind": kind, "count": 1}
    requests.post(f"{receiver.url}/_sim/faults", json=given, timeout=10)


def test_event_arrives_as_its_schema_says(
    posting: Hub, simulator: OutboundSimulator
) -> None:
    alert(posting)
    row = run(posting)

    [received] = simulator.received
    assert ("delivered", row.id) == (row.state, received["id"])
    schema = payload_schema("alert.raised")
    Draft202012Validator(schema).validate(received["payload"])


def test_message_arrives_as_its_schema_says(
    posting: Hub, simulator: OutboundSimulator
) -> None:
    with posting.write() as session:
        messages.send(session, "outbound", Message(text="Hello"), "user:usr_1")
    run(posting)

    [received] = simulator.received
    schema = payload_schema("custom.message")
    Draft202012Validator(schema).validate(received["payload"])


def test_what_may_have_arrived_is_sent_again_by_the_same_id(
    posting: Hub, simulator: OutboundSimulator, receiver: Served
) -> None:
    alert(posting)
    fault(receiver, "500")
    assert "retrying" == run(posting).state

    row = run(posting)

    assert ("delivered", 2) == (row.state, row.attempts)
    sent = [each.headers for each in simulator.seen if each.path == "/inbox"]
    assert [row.id, row.id] == [each["Webhook-Id"] for each in sent]


def test_receiver_that_is_gone_is_left_alone(posting: Hub, receiver: Served) -> None:
    alert(posting)
    fault(receiver, "410")

    row = run(posting)

    with posting.read() as session:
        connection = session.scalars(select(Connection)).one()
    assert "disabled" == connection.state
    assert "retrying" == row.state, "it is kept for a new address"


def test_private_network_is_not_called(
    posting: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 19: the connection waits for a person, and the webhook with it."""
    inside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.20.0.1", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [inside])
    with posting.write() as session:
        values = {"url": "https://hooks.example.com/hub"}
        connections.set_settings(session, "outbound", values)
    alert(posting)

    row = run(posting)

    with posting.read() as session:
        error = session.scalars(select(Attempt.error)).one()
    assert "retrying" == row.state
    assert "allowed_networks" in error

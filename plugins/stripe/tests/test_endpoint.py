"""Every signature case through the hub's own endpoint: what is forged leaves no row."""

import pytest
import time_machine
from sqlalchemy import select

from hub import boot
from hub.app import create_app
from hub.core import connections
from hub.core.models import InboundWebhook


@pytest.fixture
def hub(sqlite_database, settings):
    # The database stands where these settings expect it.
    return boot.start(settings)


def rows(hub):
    with hub.read() as session:
        return [
            (row.dedupe_key, row.body)
            for row in session.scalars(select(InboundWebhook))
        ]


@pytest.fixture
def deliver(hub):
    """Send a case's request to a connection set up as it says."""

    def send(case, times=1):
        config = case["config"]
        with hub.write() as session:
            secrets = {"webhook_secret": ",".join(config["secrets"])}
            connections.add(session, "stripe", None, secrets)
            connections.enable(session, "stripe")
        client = create_app(hub).test_client()
        with time_machine.travel(config["now"], tick=False):
            return [
                client.post(
                    "/webhooks/stripe",
                    data=case["body"].encode(),
                    headers=case["headers"],
                )
                for _ in range(times)
            ]

    return send


def test_every_signature_case_is_answered_right(any_vector, deliver, hub):
    any_vector["headers"].setdefault("Content-Type", "application/json")
    (answer,) = deliver(any_vector)
    if any_vector["expected"] == "valid":
        assert (200, "accepted") == (answer.status_code, answer.json["status"])
        assert [any_vector["body"].encode()] == [body for _, body in rows(hub)]
        return
    empty = any_vector["name"] == "empty_body_signed"
    assert (400 if empty else 401) == answer.status_code
    assert [] == rows(hub)


def test_the_same_event_again_is_a_duplicate(vector, deliver, hub):
    """ROAD 9: the key is the event's id, from signed content."""
    case = vector("valid_single_signature")
    answers = deliver(case, times=3)
    said = [answer.json["status"] for answer in answers]
    assert ["accepted", "duplicate", "duplicate"] == said
    ((key, _),) = rows(hub)
    assert key.startswith("evt_")

"""Every signature case through the hub's own endpoint: what is forged leaves no row."""

import hashlib

import pytest
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
        with hub.write() as session:
            secrets = {
                "access_token": "sandbox_made-up",
                "webhook_secret": ",".join(case["config"]["secrets"]),
            }
            connections.add(session, "gocardless", None, secrets)
            connections.enable(session, "gocardless")
        client = create_app(hub).test_client()
        return [
            client.post(
                "/webhooks/gocardless",
                data=case["body"].encode(),
                headers=case["headers"],
            )
            for _ in range(times)
        ]

    return send


def test_every_signature_case_is_answered_right(any_vector, deliver, hub):
    """GoCardless wants 498 for a signature that doesn't fit."""
    (answer,) = deliver(any_vector)
    if any_vector["expected"] == "valid":
        assert (200, "accepted") == (answer.status_code, answer.json["status"])
        assert [any_vector["body"].encode()] == [body for _, body in rows(hub)]
        return
    empty = any_vector["name"] == "empty_body_signed"
    assert (400 if empty else 498) == answer.status_code
    assert [] == rows(hub)


def test_the_same_body_again_is_a_duplicate(vector, deliver, hub):
    """ROAD 9: a body holds many events, so its own digest names it."""
    case = vector("valid_multi_event_body")
    answers = deliver(case, times=3)
    said = [answer.json["status"] for answer in answers]
    assert ["accepted", "duplicate", "duplicate"] == said
    ((key, body),) = rows(hub)
    assert hashlib.sha256(body).hexdigest() == key

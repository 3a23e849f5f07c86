"""Every signature case through the hub's own endpoint: what is forged leaves no row."""

from urllib.parse import urlsplit

import pytest
import time_machine
from sqlalchemy import select

from hub import boot
from hub.app import create_app
from hub.core import connections
from hub.core.models import InboundWebhook
from hub.sdk import clock


@pytest.fixture
def hub(sqlite_database, settings):
    # The database stands where these settings expect it.
    return boot.start(settings)


def rows(hub):
    with hub.read() as session:
        found = session.scalars(select(InboundWebhook))
        return [(row.dedupe_key, row.body, row.state) for row in found]


@pytest.fixture
def deliver(hub, settings_of, requests_mock):
    """Send a case's request to a connection set up as it says."""

    def send(case, times=1, **changes):
        fetched = case["config"]["cert_responses"]
        for url, answer in fetched.items():
            requests_mock.get(url, text=answer["body"], status_code=answer["status"])
        with hub.write() as session:
            connections.add(session, "paypal", None, settings_of(case) | changes)
            connections.enable(session, "paypal")
        client = create_app(hub).test_client()
        with time_machine.travel(clock.parse(case["config"]["now"]), tick=True):
            return [
                client.post(
                    "/webhooks/paypal",
                    data=case["body"].encode(),
                    headers=case["headers"],
                    content_type="application/json",
                )
                for _ in range(times)
            ]

    return send


def test_every_signature_case_is_answered_right(
    any_vector, deliver, hub, requests_mock
):
    (answer,) = deliver(any_vector)
    body = any_vector["body"].encode()
    if any_vector["expected"] == "valid":
        assert (answer.status_code, answer.json["status"]) == (200, "accepted")
        ((_, kept, state),) = rows(hub)
        assert (kept, state) == (body, "received")
        return
    refused = {"empty_body_signed": 400, "cert_url_answers_html": 503}
    assert answer.status_code == refused.get(any_vector["name"], 401)
    assert rows(hub) == []
    if any_vector.get("must_not_fetch"):
        assert requests_mock.request_history == []


def test_the_same_event_again_is_a_duplicate(vector, deliver, hub, requests_mock):
    """ROAD 9, 43: one row, and one fetch of the certificate."""
    answers = deliver(vector("valid_leaf_and_intermediate_served"), times=3)
    said = [answer.json["status"] for answer in answers]
    assert said == ["accepted", "duplicate", "duplicate"]
    assert [key for key, _, _ in rows(hub)] == [
        "WH-58D221873R6540932-2JX11834PB0527146"
    ]
    assert len(requests_mock.request_history) == 1


def test_with_a_simulators_address_nothing_else_is_asked(
    vector, deliver, requests_mock
):
    case = vector("valid_leaf_and_intermediate_served")
    (url,) = case["config"]["cert_responses"]
    base = "http://localhost:9/paypal"
    body = case["config"]["cert_responses"][url]["body"]
    requests_mock.get(base + urlsplit(url).path, text=body)
    (answer,) = deliver(case, webhook_cert_base_url=base)
    assert answer.status_code == 200
    assert [request.hostname for request in requests_mock.request_history] == [
        "localhost"
    ]

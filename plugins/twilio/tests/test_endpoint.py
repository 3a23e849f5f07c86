"""Through the hub itself: signed requests at its endpoint, and a text's whole life."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from sqlalchemy import select
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict
from werkzeug.test import Client, TestResponse

from hub import boot
from hub.app import create_app
from hub.boot import Hub
from hub.core import connections, deliver, messages, process
from hub.core.models import AddressBlock, Delivery, InboundWebhook, SentMessage
from hub.db import Database
from hub.sdk.events import Message
from hub.sdk.serving import Simulators, serve
from hub.settings import Settings
from hub_twilio.simulator import TwilioSimulator

PUBLIC = "https://hub.example.com"
ACCOUNT = "AC00000000000000000000000000000001"
SERVICE = "MG00000000000000000000000000000002"
TOKEN = "12f0e0d1c2b3a495867708f9e0d1c2b3"
SID = "SM00000000000000000000000000000003"
PHONE = "+15005550010"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"


@pytest.fixture
def hub(sqlite_database: Database, settings: Settings) -> Hub:
    # The database stands where these settings expect it.
    return boot.start(replace(settings, base_url=PUBLIC))


@pytest.fixture
def client(hub: Hub) -> Client:
    with hub.write() as session:
        given = {
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "messaging_service_sid": SERVICE,
        }
        connections.add(session, "twilio", None, given)
        connections.enable(session, "twilio")
    return create_app(hub).test_client()


def rows(hub: Hub) -> list[InboundWebhook]:
    with hub.read() as session:
        found = select(InboundWebhook).order_by(InboundWebhook.id)
        return list(session.scalars(found))


def post(
    client: Client, target: str, pairs: list[tuple[str, str]], token: str = TOKEN
) -> TestResponse:
    """Post a form as Twilio does, signed now by its own library."""
    url = f"{PUBLIC}/webhooks/twilio{target}"
    made = RequestValidator(token).compute_signature(url, MultiDict(pairs))
    return client.post(
        f"/webhooks/twilio{target}",
        data=urlencode(pairs).encode(),
        headers={"Content-Type": FORM, "X-Twilio-Signature": made},
    )


def report(status: str, **more: str) -> list[tuple[str, str]]:
    given = {"MessageSid": SID, "AccountSid": ACCOUNT, "MessageStatus": status}
    return list((given | more).items())


def text(body: str, **more: str) -> list[tuple[str, str]]:
    given = {"MessageSid": SID, "AccountSid": ACCOUNT, "From": PHONE, "Body": body}
    return list((given | more).items())


def test_every_case_for_our_address_is_answered_right(
    any_vector: dict[str, Any], client: Client, hub: Hub
) -> None:
    case = any_vector
    with hub.write() as session:
        connections.set_settings(session, "twilio", case["config"])
    parts = urlsplit(case["url"])
    answer = client.open(
        f"{parts.path}?{parts.query}" if parts.query else parts.path,
        method=case["method"],
        data=case["body"].encode(),
        headers=case["headers"],
    )

    ours = case["url"].startswith(f"{PUBLIC}/") or case["name"].endswith(
        ("_port_443_url_without_valid", "_url_with_443_valid", "_stripped_valid")
    )
    if case["expected"] == "valid" and ours:
        inbound = "/inbound" in case["url"]
        assert (200 if inbound else 204) == answer.status_code
        assert inbound == answer.data.endswith(b"<Response/>")
        assert answer.headers["X-Hub-Webhook-Id"] == rows(hub)[0].id
        return
    if case["name"] == "http_instead_of_https_invalid":
        # The hub doesn't rebuild the URL: what a proxy made of it is no matter.
        assert 204 == answer.status_code
    elif case["name"] == "other_host_invalid":
        assert 204 == answer.status_code
    else:
        wanted = 404 if case["name"] == "trailing_slash_invalid" else 401
        assert wanted == answer.status_code
        assert [] == rows(hub)


def test_report_signed_now_is_kept_once_for_each_state(
    client: Client, hub: Hub
) -> None:
    """ROAD 9: SID and state name it."""
    for status in ("sent", "delivered", "sent", "sent"):
        answer = post(client, "/status?mid=dlv_1", report(status))
        assert (204, b"") == (answer.status_code, answer.data)

    kept = rows(hub)
    assert {f"{SID}:sent", f"{SID}:delivered"} == {row.dedupe_key for row in kept}
    assert {"mid=dlv_1"} == {row.query for row in kept}


def test_text_signed_now_is_answered_with_empty_twiml(client: Client, hub: Hub) -> None:
    pairs = [*text(" STOP \n"), ("Empty", ""), ("Tag", "b"), ("Tag", "a"), ("Tag", "a")]

    answer = post(client, "", pairs)

    assert (200, "text/xml") == (answer.status_code, answer.content_type)
    assert b'<?xml version="1.0" encoding="UTF-8"?><Response/>' == answer.data
    assert [f"{SID}:received"] == [row.dedupe_key for row in rows(hub)]


def test_shared_key_is_checked_at_the_endpoint(client: Client, hub: Hub) -> None:
    with hub.write() as session:
        given = {"shared_key_secret": "shared-key-secret-for-tests"}
        connections.set_settings(session, "twilio", given)
    pairs = report("sent")
    validator = RequestValidator("shared-key-secret-for-tests")
    url = f"{PUBLIC}/webhooks/twilio/status"
    made = validator.compute_signature(url, MultiDict(pairs), "HMAC_SHA256")
    headers = {"Content-Type": FORM, "X-Twilio-Signature": made}
    body = urlencode(pairs).encode()

    refused = client.post("/webhooks/twilio/status", data=body, headers=headers)
    headers["X-Twilio-Webhooks-Signature-Settings"] = "key=k,algorithm=HMAC_SHA256"
    taken = client.post("/webhooks/twilio/status", data=body, headers=headers)

    assert (401, 204) == (refused.status_code, taken.status_code)


def test_forged_and_foreign_requests_leave_nothing(client: Client, hub: Hub) -> None:
    assert 401 == post(client, "/status", report("sent"), "wrong").status_code
    foreign = report("sent", AccountSid="AC00000000000000000000000000000009")
    assert 401 == post(client, "/status", foreign).status_code
    assert 400 == post(client, "", [("AccountSid", ACCOUNT)]).status_code
    assert 404 == post(client, "/other", report("sent")).status_code
    plain = client.post("/webhooks/twilio", data=b"{}", content_type="text/plain")
    assert 415 == plain.status_code
    assert 405 == client.put("/webhooks/twilio", content_type=FORM).status_code
    assert [] == rows(hub)


# A text's whole life


@dataclass
class World:
    """The hub and the simulated Twilio, each served over HTTP."""

    hub: Hub
    sim: TwilioSimulator
    sim_url: str

    def send(self, to: str, body: str = "Invoice INV-1 is overdue.") -> str:
        """Send a text, as a person does; returns the delivery's id."""
        with self.hub.write() as session:
            id = messages.send(session, "twilio", Message(text=body, to=to), "test").id
        deliver.drain_all(self.hub, seconds=20)
        return id

    def listen(self) -> None:
        """Let all that Twilio says come in and be heard."""
        self.sim.wait_idle()
        process.drain_all(self.hub, seconds=20)

    def delivery(self, id: str) -> Delivery:
        with self.hub.read() as session:
            return session.get_one(Delivery, id)

    def sent(self) -> list[SentMessage]:
        with self.hub.read() as session:
            return list(session.scalars(select(SentMessage)))

    def blocks(self) -> list[tuple[str, str]]:
        with self.hub.read() as session:
            found = select(AddressBlock).where(AddressBlock.ended_at.is_(None))
            return [(row.sender, row.address) for row in session.scalars(found)]

    def write(self, body: str, phone: str = PHONE) -> None:
        given = {"from": phone, "body": body}
        requests.post(f"{self.sim_url}/_sim/text", json=given, timeout=10)
        self.listen()


@pytest.fixture
def world(sqlite_database: Database, settings: Settings) -> Iterator[World]:
    apps: list[Any] = []

    def late(environ: Any, start_response: Any) -> Any:
        return apps[0](environ, start_response)

    sim = TwilioSimulator()
    with serve(late) as served, serve(Simulators({"twilio": sim})) as simulators:
        hub = boot.start(replace(settings, base_url=served.url))
        url = f"{simulators.url}/twilio"
        with hub.write() as session:
            connections.add(session, "twilio", None, dict(sim.settings(url)))
            connections.enable(session, "twilio")
        apps.append(create_app(hub))
        sim.configure({"webhook_url": f"{served.url}/webhooks/twilio"})
        yield World(hub, sim, url)


def test_text_is_sent_and_its_reports_come_back(world: World) -> None:
    id = world.send(PHONE)
    world.listen()

    (text,) = world.sim.phones.of(PHONE)
    (message,) = world.sent()
    delivery = world.delivery(id)
    assert ("delivered", text.sid) == (delivery.state, delivery.provider_reference)
    assert ("delivered", id, text.sid) == (
        *(message.state, message.delivery_id),
        message.reference,
    )
    assert ("0.00790", "USD", 1) == (
        *(str(message.price), message.currency),
        message.segments,
    )
    query = parse_qs(urlsplit(text.callback).query)
    assert {"mid": [id]} == query


def test_lost_answer_is_in_doubt_until_a_report_settles_it(world: World) -> None:
    """ROAD 16, 17: the text may be on its way, and is never sent a second time."""
    world.sim.configure({"reports": "manual"})
    fault = {"kind": "drop", "path": "/2010-04-01"}
    requests.post(f"{world.sim_url}/_sim/faults", json=fault, timeout=10)

    lost = world.send(PHONE, "never arrived")
    deliver.drain_all(world.hub, seconds=20)

    assert "in_doubt" == world.delivery(lost).state
    assert [] == world.sim.phones.of(PHONE)


def test_report_settles_what_was_in_doubt(world: World) -> None:
    fault = {"kind": "timeout_after", "path": "/2010-04-01", "seconds": 0}
    requests.post(f"{world.sim_url}/_sim/faults", json=fault, timeout=10)

    id = world.send(PHONE)
    before = world.delivery(id).state
    world.listen()
    deliver.drain_all(world.hub, seconds=20)

    assert ("in_doubt", "delivered") == (before, world.delivery(id).state)
    assert 1 == len(world.sim.phones.of(PHONE))


def test_undelivered_text_says_why(world: World) -> None:
    world.send("+15005550037")
    world.listen()

    (message,) = world.sent()
    assert ("undelivered", "30007") == (message.state, message.error_code)
    assert "filtered" in message.error


def test_reports_out_of_order_and_twice_end_the_same(world: World) -> None:
    for kind, count in (("out_of_order", 2), ("duplicate", 2)):
        body = {"kind": kind, "count": count}
        requests.post(f"{world.sim_url}/_sim/faults", json=body, timeout=10)

    world.send(PHONE)
    world.listen()

    (message,) = world.sent()
    assert ("delivered", "0.00790") == (message.state, str(message.price))


def test_stop_blocks_and_start_lifts_it(world: World) -> None:
    service = world.sim.settings("")["messaging_service_sid"]
    world.write("STOP please")
    assert [] == world.blocks()

    world.write("stop")
    assert [(service, PHONE)] == world.blocks()

    world.write("START")
    assert [] == world.blocks()


@pytest.mark.parametrize(
    ("to", "state"),
    [("+15005550001", "dead"), ("+15005550003", "dead"), ("+15005550029", "retrying")],
)
def test_number_with_an_ending_of_its_own(
    to: str, state: str, world: World, make_ctx: Callable[..., Any]
) -> None:
    id = world.send(to)

    assert state == world.delivery(id).state
    assert to not in world.delivery(id).reason

"""The simulator and our requests before their judges: Twilio's published contract, and
its own library."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from openapi_schema_validator import OAS30Validator
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from werkzeug.datastructures import MultiDict

from hub.sdk.context import Context
from hub.sdk.events import Message
from hub.sdk.serving import serve
from hub_twilio import actions
from hub_twilio.simulator.api import ACCOUNT, SERVICE, TOKEN

SPECS = Path(__file__).parents[4] / "shared" / "specs" / "twilio"
API = "https://api.twilio.com"
LIST = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
ONE = "/2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json"
WHO = "/2010-04-01/Accounts/{Sid}.json"
PHONE, NUMBER = "+15005550010", "+15005550006"


def nullable(schema: Any) -> Any:
    """Say "or null" where Twilio writes `nullable` beside a reference."""
    if isinstance(schema, list):
        return [nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: nullable(item) for name, item in schema.items()}
    if found.pop("nullable", False) is True:
        return {"anyOf": [found, {"enum": [None]}]}
    return found


@pytest.fixture(scope="module")
def spec() -> Any:
    if not SPECS.is_dir():
        pytest.skip(
            "TWILIO'S CONTRACT WAS NOT CHECKED: there is no folder specs/twilio beside"
            " the repository (../shared/specs/twilio)"
        )
    return json.loads((SPECS / "messages.openapi.json").read_bytes())


@pytest.fixture(scope="module")
def contract(spec: Any) -> Callable[..., Any]:
    """Check a reply, or a request's form, against the schema Twilio publishes."""
    components = nullable(spec["components"])

    def check(schema: Any, value: Any) -> Any:
        validator = OAS30Validator(nullable(schema) | {"components": components})
        errors = [
            f"{list(error.path)}: {error.message[:200]}"
            for error in validator.iter_errors(value)
        ]
        assert [] == errors
        return value

    return check


def reply_schema(spec: Any, method: str, path: str, status: int) -> Any:
    reply = spec["paths"][path][method]["responses"][str(status)]
    return reply["content"]["application/json"]["schema"]


def form_schema(spec: Any) -> Any:
    content = spec["paths"][LIST]["post"]["requestBody"]["content"]
    return content["application/x-www-form-urlencoded"]["schema"]


@pytest.fixture
def wire(sim: Any) -> Callable[..., requests.Response]:
    """Call the simulator plainly."""

    def call(method: str, path: str, **form: str) -> requests.Response:
        return requests.request(
            method,
            f"{sim.address}/2010-04-01/Accounts/{ACCOUNT}{path}",
            data=form or None,
            auth=(ACCOUNT, TOKEN),
            timeout=10,
        )

    return call


@pytest.mark.parametrize(
    "settings", [{}, {"messaging_service_sid": None, "from_number": NUMBER}]
)
def test_our_form_keeps_the_contract(
    settings: dict[str, Any],
    spec: Any,
    contract: Callable[..., Any],
    make_ctx: Callable[..., Context],
    sample: Callable[[str], Any],
) -> None:
    message = Message(text="Invoice INV-1 is overdue", to=PHONE)
    # On the wire all is text; the contract writes `true` for it.
    written = actions.form(message, make_ctx(**settings))
    form = {name: True if value == "true" else value for name, value in written.items()}

    contract(form_schema(spec), form)
    assert set(form) <= set(form_schema(spec)["properties"])
    if not settings:
        recorded = dict(sample("create-message-request-form.json")["params"])
        assert set(recorded) == set(form)


def test_replies_keep_the_contract(
    wire: Callable[..., requests.Response], spec: Any, contract: Callable[..., Any]
) -> None:
    given = {"To": PHONE, "Body": "Hello", "MessagingServiceSid": SERVICE}
    made = wire("POST", "/Messages.json", **given)
    assert 201 == made.status_code
    first = contract(reply_schema(spec, "post", LIST, 201), made.json())
    assert ("accepted", None, "0", None) == (
        *(first["status"], first["from"]),
        *(first["num_segments"], first["price"]),
    )
    sid = first["sid"]
    whole = wire("GET", f"/Messages/{sid}.json").json()
    shown = contract(reply_schema(spec, "get", ONE, 200), whole)
    assert ("delivered", "-0.00790", "USD", "1") == (
        *(shown["status"], shown["price"]),
        *(shown["price_unit"], shown["num_segments"]),
    )
    contract(reply_schema(spec, "get", LIST, 200), wire("GET", "/Messages.json").json())
    contract(reply_schema(spec, "get", WHO, 200), wire("GET", ".json").json())
    redacted = wire("POST", f"/Messages/{sid}.json", Body="")
    assert "" == contract(reply_schema(spec, "post", ONE, 200), redacted.json())["body"]
    assert 204 == wire("DELETE", f"/Messages/{sid}.json").status_code
    assert 404 == wire("GET", f"/Messages/{sid}.json").status_code


def test_replies_have_the_fields_of_the_samples(
    wire: Callable[..., requests.Response], sample: Callable[[str], Any]
) -> None:
    given = {"Body": "Hello", "MessagingServiceSid": SERVICE}
    for to, name in (
        (PHONE, "fetch-message-delivered.json"),
        ("+15005550033", "fetch-message-undelivered.json"),
    ):
        made = wire("POST", "/Messages.json", To=to, **given).json()
        shown = wire("GET", f"/Messages/{made['sid']}.json").json()
        recorded = sample(name)
        assert set(recorded) == set(shown) == set(made)
        for field in ("status", "price", "price_unit", "error_code", "error_message"):
            assert recorded[field] == shown[field]


def test_errors_have_the_form_of_the_samples(
    wire: Callable[..., requests.Response], sample: Callable[[str], Any]
) -> None:
    known = {each["body"]["code"]: each for each in sample("errors.json")}
    good = {"To": PHONE, "Body": "x", "MessagingServiceSid": SERVICE}
    for code, changes in {
        21211: {"To": "+15005550001"},
        21408: {"To": "+15005550003"},
        21610: {"To": "+15005550004"},
        21614: {"To": "+15005550009"},
        21617: {"Body": "x" * 1601},
        20429: {"To": "+15005550029"},
    }.items():
        answer = wire("POST", "/Messages.json", **(good | changes))
        wanted = known[code]
        assert wanted["http_status"] == answer.status_code
        body = answer.json()
        assert set(wanted["body"]) == set(body)
        assert (code, wanted["body"]["more_info"]) == (body["code"], body["more_info"])
    missing = wire("GET", "/Messages/SM0.json").json()
    assert (20404, 404) == (missing["code"], missing["status"])


# Twilio's own library


class _Elsewhere(TwilioHttpClient):  # type: ignore[misc]
    """The library knows Twilio's own host only: its calls are led to the simulator."""

    def __init__(self, base: str) -> None:
        super().__init__(timeout=10)
        self._base = base

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:
        assert url.startswith(API)
        return super().request(method, url.replace(API, self._base), *args, **options)


def twilio(address: str, token: str = TOKEN) -> Any:
    return Client(ACCOUNT, token, http_client=_Elsewhere(address))


def test_the_library_sends_and_reads(sim: Any) -> None:
    sdk = twilio(sim.address)
    account = sdk.api.accounts(ACCOUNT).fetch()
    assert ("active", ACCOUNT) == (account.status, account.sid)

    made = sdk.messages.create(to=PHONE, messaging_service_sid=SERVICE, body="Hello")
    assert ("accepted", None) == (made.status, made.error_code)
    found = sdk.messages(made.sid).fetch()
    assert ("delivered", NUMBER, "-0.00790") == (found.status, found.from_, found.price)
    for n in range(4):
        sdk.messages.create(to="+15005550011", from_=NUMBER, body=f"{n}")
    listed = sdk.messages.list(to="+15005550011", page_size=3)
    assert ["3", "2", "1", "0"] == [each.body for each in listed]
    assert sdk.messages(made.sid).delete()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "+15005550001"}, 21211),
        ({"to": "+15005550002"}, 21612),
        ({"to": "+15005550003"}, 21408),
        ({"to": "+15005550004"}, 21610),
        ({"to": "+15005550009"}, 21614),
        ({"to": "nonsense"}, 21211),
        ({"to": NUMBER}, 21211),
        ({"from_": "+15005550001"}, 21212),
        ({"from_": "+15005550007"}, 21606),
        ({"from_": "+15005550008"}, 21611),
        ({"body": "x" * 1601}, 21617),
        ({"body": ""}, 21602),
        ({"status_callback": "https://my_hub.example/x"}, 21609),
        ({"status_callback": "nonsense"}, 21609),
    ],
)
def test_the_library_hears_the_test_numbers_errors(
    changes: dict[str, str], code: int, sim: Any
) -> None:
    given = {"to": PHONE, "from_": NUMBER, "body": "x"} | changes

    with pytest.raises(TwilioRestException) as caught:
        twilio(sim.address).messages.create(**given)

    assert (code, 400) == (caught.value.code, caught.value.status)


def test_the_library_hears_a_wrong_token(sim: Any) -> None:
    sim.drive("config", auth_token="the-right-token")

    with pytest.raises(TwilioRestException) as caught:
        twilio(sim.address, "another").api.accounts(ACCOUNT).fetch()

    assert (20003, 401) == (caught.value.code, caught.value.status)
    assert "active" == (
        twilio(sim.address, "the-right-token").api.accounts(ACCOUNT).fetch().status
    )


class _Ear:
    """Takes webhooks as they come."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str], bytes]] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        from werkzeug.wrappers import Request, Response

        request = Request(environ)
        body = request.get_data()
        self.heard.append((request.url, dict(request.headers), body))
        return Response(status=204)(environ, start_response)


@pytest.mark.parametrize("shared", ["", "a-shared-key-for-tests"])
def test_the_library_verifies_what_the_simulator_signs(sim: Any, shared: str) -> None:
    ear = _Ear()
    with serve(ear) as hub:
        sim.drive("config", webhook_url=f"{hub.url}/in?a=1", shared_key_secret=shared)
        twilio(sim.address).messages.create(
            to=PHONE, from_=NUMBER, body="x", status_callback=f"{hub.url}/st?mid=d%201"
        )
        sim.drive("text", **{"from": PHONE, "body": "  ünïcode 👋 & more \n"})
        sim.wait_idle()

    assert ["/st", "/st", "/in"] == [urlsplit(url).path for url, _, _ in ear.heard]
    for url, headers, body in ear.heard:
        given = parse_qs(body.decode(), keep_blank_values=True)
        pairs = MultiDict([(n, v) for n, found in given.items() for v in found])
        algorithm = "HMAC_SHA256" if shared else None
        signature = headers["X-Twilio-Signature"]
        validator = RequestValidator(shared or TOKEN)
        assert validator.validate(url, pairs, signature, algorithm)
        assert not validator.validate(url + "x", pairs, signature, algorithm)


def test_callbacks_have_the_fields_of_the_samples(sim: Any) -> None:
    samples = SPECS.parents[1] / "samples" / "twilio"
    if not samples.is_dir():
        pytest.skip("THE CALLBACKS WERE NOT CHECKED: there is no ../shared/samples")

    def recorded(name: str) -> set[str]:
        found = json.loads((samples / f"{name}-form.json").read_bytes())
        return {pair[0] for pair in found["params"]}

    ear = _Ear()
    with serve(ear) as hub:
        sim.drive("config", webhook_url=f"{hub.url}/in")
        for to in (PHONE, "+15005550037"):
            twilio(sim.address).messages.create(
                to=to, messaging_service_sid=SERVICE, body="x", status_callback=hub.url
            )
        for body in ("STOP", "Please stop calling, I paid yesterday"):
            sim.drive("text", **{"from": PHONE, "body": body})
        sim.wait_idle()

    sent = [set(parse_qs(body.decode())) for _, _, body in ear.heard]
    dated = {"RawDlrDoneDate"}
    assert recorded("status-callback-sent") == sent[0] == sent[2]
    assert recorded("status-callback-delivered") == sent[1]
    assert recorded("status-callback-undelivered") == sent[3] - dated
    assert recorded("inbound-stop") == sent[4]
    assert recorded("inbound-free-text") == sent[5]

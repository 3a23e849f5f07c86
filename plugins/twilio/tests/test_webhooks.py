"""What reports and incoming texts mean, in whichever order and shape they come."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests_mock

from hub.sdk import clock, samples
from hub.sdk.context import Context
from hub.sdk.errors import CredentialsError, PayloadError, UnavailableError
from hub.sdk.facts import ConsentSaid, Fact, MessageReceived, MessageStatus
from hub.sdk.webhooks import Headers, Heard, InboundWebhook, Result, Unheard
from hub_twilio import webhooks

FORM = "application/x-www-form-urlencoded; charset=UTF-8"
ACCOUNT = "AC00000000000000000000000000000001"
SERVICE = "MG00000000000000000000000000000002"
SID = "SM00000000000000000000000000000003"
MESSAGE = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}.json"
PHONE, NUMBER = "+15005550010", "+15005550006"
SAMPLES = Path(__file__).parent / "samples"


def handled(
    ctx: Context,
    body: dict[str, str] | bytes,
    query: dict[str, str] | None = None,
    kind: str = FORM,
    **fetched: Any,
) -> list[Result]:
    """Handle one webhook; `fetched` answers the fetch of the message, else none is
    allowed."""
    webhook = InboundWebhook(
        id="whk_1",
        path="status",
        headers=Headers([("Content-Type", kind)]),
        body=body if isinstance(body, bytes) else urlencode(body).encode(),
        received_at=clock.now(),
        query=query or {},
    )
    with requests_mock.Mocker() as mocker:
        if fetched:
            mocker.get(MESSAGE, **fetched)
        return list(webhooks.handle(webhook, ctx))


def report(status: str, **more: str) -> dict[str, str]:
    return {
        "SmsSid": SID,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": PHONE,
        "MessagingServiceSid": SERVICE,
        "MessageSid": SID,
        "AccountSid": ACCOUNT,
        "From": NUMBER,
        **more,
    }


def text(body: str, **more: str) -> dict[str, str]:
    return {
        "MessageSid": SID,
        "SmsStatus": "received",
        "AccountSid": ACCOUNT,
        "MessagingServiceSid": SERVICE,
        "From": PHONE,
        "To": NUMBER,
        "Body": body,
        "NumMedia": "0",
        **more,
    }


def facts(results: list[Result]) -> list[Fact]:
    found: list[Fact] = []
    for result in results:
        assert isinstance(result, Heard)
        found += result.facts
    return found


def only(results: list[Result]) -> Any:
    (fact,) = facts(results)
    return fact


@pytest.fixture
def ctx(make_ctx: Callable[..., Context]) -> Context:
    return make_ctx(delivery=None)


# Reports


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *((each, each) for each in ("accepted", "queued", "sending", "sent")),
        ("scheduled", "accepted"),
        ("SENT", "sent"),
    ],
)
def test_state_on_the_way_is_told_without_a_call(
    status: str, state: str, ctx: Context
) -> None:
    fact = only(handled(ctx, report(status), {"mid": "dlv_1"}))

    assert isinstance(fact, MessageStatus)
    assert (state, "dlv_1", SID) == (fact.state, fact.delivery, fact.reference)
    assert ("", "", "") == (fact.segments, fact.price, fact.currency)
    assert f"{SID}:{status.lower()}" == fact.id


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *((each, each) for each in ("delivered", "undelivered", "failed", "canceled")),
        ("read", "delivered"),
    ],
)
def test_final_state_brings_what_it_cost(
    status: str, state: str, ctx: Context, sample: Callable[[str], Any]
) -> None:
    answer = sample("fetch-message-delivered.json")

    fact = only(handled(ctx, report(status), json=answer))

    assert (state, "1", "0.00790", "USD") == (
        *(fact.state, fact.segments),
        *(fact.price, fact.currency),
    )
    assert fact.delivery is None


def test_undelivered_tells_the_reason_and_what_to_do(
    ctx: Context, sample: Callable[[str], Any]
) -> None:
    answer = sample("fetch-message-undelivered.json")
    given = report("undelivered", ErrorCode="30003", ErrorMessage=f"about {PHONE}")

    fact = only(handled(ctx, given, json=answer))

    assert ("undelivered", "30003", "1", "", "") == (
        *(fact.state, fact.error_code, fact.segments),
        *(fact.price, fact.currency),
    )
    assert "switched off" in fact.error
    assert PHONE not in fact.error


@pytest.mark.parametrize(
    ("price", "unit", "told"),
    [
        ("-0.00790", "USD", ("0.00790", "USD")),
        ("0.05", "eur", ("0.05", "EUR")),
        ("-1E-3", "USD", ("", "")),
        (None, "USD", ("", "")),
        ("", "USD", ("", "")),
        ("free", "USD", ("", "")),
        ("NaN", "USD", ("", "")),
        ("-Infinity", "USD", ("", "")),
        (-0.0079, "USD", ("", "")),
        ([], "USD", ("", "")),
        ("-1e-9999999", "USD", ("", "")),
    ],
)
def test_price_is_a_positive_decimal_or_not_known(
    price: object, unit: str, told: tuple[str, str], ctx: Context
) -> None:
    answer = {"num_segments": "2", "price": price, "price_unit": unit}

    fact = only(handled(ctx, report("delivered"), json=answer))

    assert ("2", *told) == (fact.segments, fact.price, fact.currency)


@pytest.mark.parametrize(
    "answer", [{}, {"num_segments": "0", "price": None}, {"num_segments": "-1"}]
)
def test_message_without_a_cost_is_still_told(
    answer: dict[str, Any], ctx: Context
) -> None:
    fact = only(handled(ctx, report("delivered"), json=answer))

    assert ("delivered", "", "") == (fact.state, fact.segments, fact.price)


def test_fetch_that_fails_is_tried_again_and_holds_nothing_up(ctx: Context) -> None:
    """ROAD 10: the report is recorded now, its cost when it can be fetched."""
    told, missing = handled(ctx, report("delivered"), status_code=503)

    assert isinstance(told, Heard)
    (fact,) = told.facts
    assert isinstance(fact, MessageStatus)
    assert ("delivered", "") == (fact.state, fact.price)
    assert isinstance(missing, Unheard)
    assert isinstance(missing.error, UnavailableError)
    # Then it is another fact: heard again under its old id, it would change nothing.
    answer = {"num_segments": "1", "price": "-0.1", "price_unit": "USD"}
    later = only(handled(ctx, report("delivered"), json=answer))
    assert fact.id != later.id
    assert "0.1" == later.price


def test_refused_credentials_wait_for_a_person(ctx: Context) -> None:
    _, missing = handled(ctx, report("failed"), status_code=401)

    assert isinstance(missing, Unheard)
    assert isinstance(missing.error, CredentialsError)


def test_message_that_was_deleted_costs_nothing_to_know(ctx: Context) -> None:
    answer = {"code": 20404, "status": 404}

    fact = only(handled(ctx, report("delivered"), status_code=404, json=answer))

    assert "delivered" == fact.state


def test_opt_out_that_twilio_finds_later_is_noted(ctx: Context) -> None:
    given = report("failed", ErrorCode="21610")

    status, stop = facts(handled(ctx, given, json={"num_segments": "1"}))

    assert isinstance(status, MessageStatus)
    assert isinstance(stop, ConsentSaid)
    assert (PHONE, SERVICE, "stop") == (stop.address, stop.sender, stop.says)
    assert status.id != stop.id


@pytest.mark.parametrize("status", ["partially_delivered", "some_new_word"])
def test_state_nobody_knows_is_ignored(status: str, ctx: Context) -> None:
    assert [] == facts(handled(ctx, report(status)))


@pytest.mark.parametrize("mid", ["", "a b", "../x", "x" * 101, "dlv_1\n", "é"])
def test_id_that_can_t_be_ours_is_none(mid: str, ctx: Context) -> None:
    assert only(handled(ctx, report("sent"), {"mid": mid})).delivery is None


def test_facts_do_not_depend_on_the_order_of_arrival(ctx: Context) -> None:
    states = ("delivered", "sent", "queued", "delivered")
    answer: dict[str, Any] = {"num_segments": "1"}

    found = [only(handled(ctx, report(each), json=answer)) for each in states]

    assert list(states) == [fact.state for fact in found]
    assert found[0].id == found[3].id
    assert 3 == len({fact.id for fact in found})


def test_report_by_get_is_understood(ctx: Context) -> None:
    fact = only(handled(ctx, b"", {**report("sent"), "mid": "dlv_7"}, kind=""))

    assert ("sent", "dlv_7", PHONE) == (fact.state, fact.delivery, fact.address)


# Event streams


def streamed(status: str, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": f"com.twilio.messaging.message.{status}",
        "source": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}.json",
        "id": "EZ1",
        "data": data,
    }


def test_each_event_of_a_stream_is_understood(ctx: Context) -> None:
    events = [
        streamed("sent", messageStatus="SENT"),
        streamed("failed", errorCode=30008, to=PHONE),
        streamed("link-clicked"),
    ]
    body = json.dumps(events).encode()

    sent, failed = facts(
        handled(ctx, body, kind="application/json", json={"num_segments": "1"})
    )

    assert isinstance(sent, MessageStatus)
    assert isinstance(failed, MessageStatus)
    assert ("sent", "failed") == (sent.state, failed.state)
    assert ("30008", PHONE, "1") == (failed.error_code, failed.address, failed.segments)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"7",
        b"{}",
        b'[{"source": 7}]',
        b'[{"source": "/2010-04-01/Accounts/AC1/Messages/../x.json"}]',
        b'["a"]',
        b"nonsense",
    ],
)
def test_stream_that_names_no_message_is_unreadable(body: bytes, ctx: Context) -> None:
    with pytest.raises(PayloadError):
        handled(ctx, body, kind="application/json")


# What people write


@pytest.mark.parametrize(
    "word",
    [
        *(
            "STOP",
            "STOPALL",
            "UNSUBSCRIBE",
            "END",
            "QUIT",
            "CANCEL",
            "REVOKE",
            "OPTOUT",
        ),
        *("stop", "Stop", "  STOP \n", "sToP"),
    ],
)
def test_stop_is_an_opt_out(word: str, ctx: Context) -> None:
    fact = only(handled(ctx, text(word)))

    assert isinstance(fact, ConsentSaid)
    assert ("stop", PHONE, SERVICE) == (fact.says, fact.address, fact.sender)
    assert repr(word.strip()) in fact.how


@pytest.mark.parametrize("word", ["START", "YES", "UNSTOP", "start", " Yes "])
def test_start_is_an_opt_in(word: str, ctx: Context) -> None:
    fact = only(handled(ctx, text(word)))

    assert ("start", PHONE) == (fact.says, fact.address)


@pytest.mark.parametrize("word", ["HELP", "INFO", "help "])
def test_help_says_nothing_since_twilio_answers(word: str, ctx: Context) -> None:
    assert [] == facts(handled(ctx, text(word)))


@pytest.mark.parametrize(
    "words",
    [
        "STOP please",
        "please stop",
        "STOP.",
        "stop stop",
        "Yes, paid",
        "ok",
        "START now",
    ],
)
def test_anything_else_is_for_a_person(words: str, ctx: Context) -> None:
    """ "STOP please" is no opt-out for Twilio either."""
    fact = only(handled(ctx, text(words)))

    assert isinstance(fact, MessageReceived)
    assert (words, PHONE, SERVICE) == (fact.text, fact.address, fact.sender)


@pytest.mark.parametrize(
    ("told", "body", "says"),
    [
        ("STOP", "ARRET", "stop"),
        ("STOP", "HELP", "stop"),
        ("START", "stop", "start"),
        ("stop", "", "stop"),
        ("", "STOP", "stop"),
        ("SOMETHING", "STOP", "stop"),
    ],
)
def test_what_twilio_took_it_for_goes_first(
    told: str, body: str, says: str, ctx: Context
) -> None:
    assert says == only(handled(ctx, text(body, OptOutType=told))).says


def test_twilio_s_help_goes_before_the_body(ctx: Context) -> None:
    assert [] == facts(handled(ctx, text("STOP", OptOutType="HELP")))


@pytest.mark.parametrize(
    ("settings", "told", "sender"),
    [
        ({}, {}, SERVICE),
        ({}, {"MessagingServiceSid": ""}, NUMBER),
        ({"from_number": NUMBER}, {"MessagingServiceSid": ""}, NUMBER),
        # We send by the number itself, though it belongs to a service.
        ({"from_number": NUMBER, "messaging_service_sid": None}, {}, NUMBER),
        ({"from_number": "+15005550077", "messaging_service_sid": None}, {}, SERVICE),
    ],
)
def test_block_is_for_the_sender_that_was_texted(
    settings: dict[str, Any],
    told: dict[str, str],
    sender: str,
    make_ctx: Callable[..., Context],
) -> None:
    ctx = make_ctx(**settings)

    assert sender == only(handled(ctx, text("STOP", **told))).sender
    assert sender == only(handled(ctx, text("hello", **told))).sender


@pytest.mark.parametrize(
    ("body", "count", "shown"),
    [
        ("look", "1", "look [1 file: see the message at Twilio]"),
        ("", "2", "[2 files: see the message at Twilio]"),
        ("", "0", "(an empty text)"),
        ("", "x", "(an empty text)"),
        ("two\nlines", "0", "two\nlines"),
        ("a\x00b", "0", "a\ufffdb"),
    ],
)
def test_text_is_shown_whole_and_never_empty(
    body: str, count: str, shown: str, ctx: Context
) -> None:
    assert shown == only(handled(ctx, text(body, NumMedia=count))).text


def test_text_by_get_is_understood(ctx: Context) -> None:
    recorded = samples.read(SAMPLES / "other" / "inbound.get.http")
    verified = webhooks.verify(recorded.request(ctx.webhook_url, clock.now()), ctx)

    found = only(list(webhooks.handle(recorded.webhook(clock.now()), ctx)))

    assert "SM00000000000000000000000000000015:received" == verified.dedupe_key
    assert found.text.startswith("Réglé ✅")
    assert "+33600000001" == found.address


def test_body_that_is_no_utf8_can_be_stored(ctx: Context) -> None:
    given = text("x")
    body = urlencode(given).encode().replace(b"Body=x", b"Body=caf%E9\xe9")

    assert "caf\ufffd\ufffd" == only(handled(ctx, body)).text


def test_answer_is_twiml_for_a_text_and_empty_for_a_report() -> None:
    assert (200, "text/xml") == (webhooks.TWIML.status, webhooks.TWIML.content_type)
    assert webhooks.TWIML.body.endswith(b"<Response/>")
    assert (204, b"") == (webhooks.NOTHING.status, webhooks.NOTHING.body)

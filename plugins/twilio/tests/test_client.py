"""What is sent to Twilio, what its errors mean, and what is kept of it: nothing."""

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
import requests_mock

from hub.sdk import errors
from hub.sdk.context import Context
from hub.sdk.errors import ProviderError
from hub.sdk.events import Message
from hub.sdk.http import CallRecord
from hub_twilio import actions, client, codes
from hub_twilio.provider import TwilioSettings

API = "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001"
SEND = f"{API}/Messages.json"
TO = "+4915112345678"
TEXT = "Invoice INV-977 is overdue. Xyzzy-Plugh."
MESSAGE = Message(text=TEXT, to=TO)


def error_body(code: int, status: int, message: str = "") -> dict[str, Any]:
    said = message or f"Twilio's words about {TO}: {TEXT}"
    more = f"https://www.twilio.com/docs/errors/{code}"
    return {"code": code, "message": said, "more_info": more, "status": status}


def failing(
    ctx: Context, message: Message = MESSAGE, **reply: Any
) -> tuple[ProviderError, int]:
    """Send a text that is answered so; returns the error and how often it was sent."""
    with requests_mock.Mocker() as mocker:
        mocker.post(SEND, **reply)
        with pytest.raises(ProviderError) as caught:
            actions.send_message(message, ctx)
    return caught.value, mocker.call_count


def sent(ctx: Context, message: Message = MESSAGE) -> dict[str, str]:
    with requests_mock.Mocker() as mocker:
        mocker.post(SEND, status_code=201, json={"sid": "SM1", "status": "queued"})
        assert "SM1" == actions.send_message(message, ctx)
    body = mocker.last_request.text
    pairs = parse_qsl(body, keep_blank_values=True, strict_parsing=True)
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


# What is sent


def test_service_goes_before_the_number(make_ctx: Callable[..., Context]) -> None:
    both = sent(make_ctx(from_number="+15005550006"))
    number = sent(make_ctx(from_number="+15005550006", messaging_service_sid=None))

    assert "MG00000000000000000000000000000002" == both["MessagingServiceSid"]
    assert "From" not in both
    assert "+15005550006" == number["From"]
    assert "MessagingServiceSid" not in number


def test_number_is_sent_in_the_one_form_twilio_takes(
    make_ctx: Callable[..., Context],
) -> None:
    for to in ("+49 151 12345678", "+49 (0151) 123-456-78", "tel:+4915112345678"):
        assert TO == sent(make_ctx(), Message(text="x", to=to))["To"]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Message(text=TEXT), "phone number with country code"),
        (Message(text=TEXT, to=""), "phone number with country code"),
        (Message(text=TEXT, to="0151 12345678"), "phone number with country code"),
        (Message(text=TEXT, to="+497"), "phone number with country code"),
        (Message(text=TEXT, to="+1500555"), "phone number with country code"),
        (Message(text=TEXT, to="+4915112345678901234"), "phone number with country"),
        (Message(text=TEXT, to="+49151x&From=+1"), "phone number with country code"),
        (Message(text="  \n ", to=TO), "empty"),
        (Message(text="x" * 1601, to=TO), "1601 characters"),
        (Message(text=TEXT, to=TO, blocks=({"type": "x"},)), "no blocks"),
    ],
)
def test_text_that_can_t_be_sent_is_refused_before_any_call(
    message: Message, words: str, make_ctx: Callable[..., Context]
) -> None:
    with (
        requests_mock.Mocker() as mocker,
        pytest.raises(errors.RejectedError, match=words) as caught,
    ):
        actions.send_message(message, make_ctx())

    assert 0 == mocker.call_count
    assert TEXT not in str(caught.value)
    assert not message.to or message.to not in str(caught.value)


def test_longest_text_is_sent_whole(make_ctx: Callable[..., Context]) -> None:
    text = "ä" * 1600

    assert text == sent(make_ctx(), Message(text=text, to=TO))["Body"]


@pytest.mark.parametrize(
    ("hub", "base", "reports"),
    [
        ("https://hub.example.com", "", True),
        ("https://hub.example.com:8443/sub", "", True),
        ("http://hub.example.com", "", False),
        ("https://my_hub.example.com", "", False),
        ("https://localhost:8000", "", False),
        ("https://127.0.0.1:8000", "", False),
        ("https://intranet", "", False),
        ("http://localhost:8000", "http://localhost:8100/twilio", True),
        ("https://hub.example.com", "http://localhost:8100/twilio", True),
        ("http://my_hub:8000", "http://localhost:8100/twilio", False),
    ],
)
def test_reports_are_asked_for_where_twilio_can_send_them(
    hub: str, base: str, reports: bool, make_ctx: Callable[..., Context]
) -> None:
    """It refuses the whole text for an address it can't use (21609)."""
    made = actions.form(MESSAGE, make_ctx(hub=hub, base=base))

    wanted = f"{hub}/webhooks/twilio/status?mid=del_1" if reports else None
    assert wanted == made.get("StatusCallback")


def test_test_says_if_no_report_can_come(make_ctx: Callable[..., Context]) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.get(f"{API}.json", json={"status": "active", "type": "Trial"})
        said = actions.test_connection(make_ctx(hub="http://localhost:8000"))

    assert "HUB_BASE_URL" in said
    assert "trial account" in said


def test_outside_a_delivery_reports_carry_no_id(
    make_ctx: Callable[..., Context],
) -> None:
    made = actions.form(MESSAGE, make_ctx(delivery=None))

    assert "https://hub.example.com/webhooks/twilio/status" == made["StatusCallback"]


def test_first_of_two_tokens_is_used(make_ctx: Callable[..., Context]) -> None:
    ctx = make_ctx(auth_token="the-new-token, the-old-token")
    with requests_mock.Mocker() as mocker:
        mocker.post(SEND, status_code=201, json={"sid": "SM1"})
        actions.send_message(MESSAGE, ctx)
    wanted = requests.Request(
        "GET", API, auth=("AC00000000000000000000000000000001", "the-new-token")
    ).prepare()
    assert (
        wanted.headers["Authorization"] == mocker.last_request.headers["Authorization"]
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"account_sid": None},
        {"auth_token": None},
        {"auth_token": " , "},
        {"messaging_service_sid": ""},
    ],
)
def test_setting_that_is_missing_is_named_before_any_call(
    settings: dict[str, Any], make_ctx: Callable[..., Context]
) -> None:
    with (
        requests_mock.Mocker() as mocker,
        pytest.raises(errors.SettingsError, match=r"needed|Enter"),
    ):
        actions.send_message(MESSAGE, make_ctx(**settings))

    assert 0 == mocker.call_count


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({"account_sid": "SK00000000000000000000000000000001"}, False),
        ({"account_sid": "AC1/../AC2"}, False),
        ({"account_sid": "AC1\n"}, False),
        ({"messaging_service_sid": "AC1"}, False),
        ({"from_number": "0151 12345678"}, False),
        ({"from_number": "+49 151 12345678"}, False),
        ({"from_number": "+4915112345678"}, True),
        ({"from_number": "12345"}, True),
        ({"from_number": "Northwind"}, True),
        ({"from_number": "Much too long"}, False),
        ({"from_number": ""}, True),
    ],
)
def test_settings_are_checked_where_a_mix_up_shows(
    settings: dict[str, str], fits: bool
) -> None:
    assert fits == (not TwilioSettings().validate(settings, partial=True))


# What errors mean

SYNCHRONOUS: dict[type[ProviderError], tuple[int, ...]] = {
    errors.CredentialsError: (
        *(20003, 21601, 21606, 21607, 21212, 21210, 21609),
        *(21701, 21702, 21703, 21704, 21705, 21717),
    ),
    errors.RecipientError: (21211, 21214, 21217, 21401, 21421, 21610, 21614),
    errors.RejectedError: (
        *(20404, 21408, 21608, 21219, 21612),
        *(21617, 21602, 21618, 21605),
    ),
    errors.RateLimitError: (20429, 21611, 14107),
    errors.UnavailableError: (20500, 20503),
}
STATUS = {20003: 401, 20404: 404, 20429: 429, 20500: 500, 20503: 503, 14107: 429}


@pytest.mark.parametrize(
    ("kind", "code"), [(kind, c) for kind, found in SYNCHRONOUS.items() for c in found]
)
def test_each_code_means_what_the_table_says(
    kind: type[ProviderError],
    code: int,
    make_ctx: Callable[..., Context],
    calls: list[CallRecord],
) -> None:
    status = STATUS.get(code, 400)

    error, count = failing(
        make_ctx(), status_code=status, json=error_body(code, status)
    )

    assert (kind, str(code), status) == (type(error), error.code, error.status)
    assert 1 == count
    assert f"({code})" in str(error)
    shown = f"{error} {vars(error)} {calls}"
    assert TO not in shown
    assert TEXT not in shown
    assert (code in (20500, 20503)) == error.outcome_unknown


def test_only_21610_is_an_opt_out(make_ctx: Callable[..., Context]) -> None:
    opted_out = {}
    for code in SYNCHRONOUS[errors.RecipientError]:
        error, _ = failing(make_ctx(), status_code=400, json=error_body(code, 400))
        assert isinstance(error, errors.RecipientError)
        opted_out[code] = error.opted_out

    assert [21610] == [code for code, said in opted_out.items() if said]


def test_every_code_of_the_table_is_known() -> None:
    asynchronous = {
        *(30001, 30002, 30003, 30004, 30005, 30006, 30007, 30008, 30010, 30017),
        *(30022, 30023, 30027, 30024, 30032, 30033, 30034, 30035, 30410, 30450),
        63038,
    }
    told = {code for found in SYNCHRONOUS.values() for code in found}

    assert told | asynchronous == set(codes.CODES)


def test_words_of_a_code_say_what_happened_and_end() -> None:
    for code, known in codes.CODES.items():
        assert known.words.endswith("."), code
        assert known.words == codes.explained(str(code))
    assert "twilio.com/docs/errors/31999" in codes.explained("31999")
    assert ["", "", ""] == [codes.explained(code) for code in ("", "0", "000")]


@pytest.mark.parametrize(
    ("reply", "kind", "code", "unknown"),
    [
        ({"status_code": 400, "json": error_body(99999, 400)}, "Rejected", "99999", 0),
        ({"status_code": 403, "json": error_body(20403, 403)}, "Credentials", None, 0),
        ({"status_code": 400, "json": {"code": "21614"}}, "Recipient", "21614", 0),
        ({"status_code": 400, "json": {"code": True}}, "Rejected", None, 0),
        ({"status_code": 400, "json": {"code": [TEXT]}}, "Rejected", None, 0),
        ({"status_code": 400, "json": [TO]}, "Rejected", None, 0),
        ({"status_code": 400, "text": f"<p>{TEXT}"}, "Rejected", None, 0),
        ({"status_code": 401, "text": TO}, "Credentials", None, 0),
        ({"status_code": 429, "text": TO}, "RateLimit", None, 0),
        ({"status_code": 500, "text": TO}, "Unavailable", None, 1),
        ({"status_code": 502, "text": TO}, "Unavailable", None, 1),
        ({"status_code": 503, "text": TO}, "Unavailable", None, 1),
        ({"status_code": 504, "json": {}}, "Unavailable", None, 1),
        ({"exc": requests.ReadTimeout(TEXT)}, "Unavailable", None, 1),
        ({"exc": requests.ConnectTimeout(TEXT)}, "Unavailable", None, 0),
        ({"status_code": 201, "text": f"<p>{TEXT}"}, "UnexpectedResponse", None, 0),
        ({"status_code": 201, "json": [TEXT]}, "UnexpectedResponse", None, 0),
        ({"status_code": 201, "json": {"sid": 7}}, "UnexpectedResponse", None, 1),
        (
            {"status_code": 302, "headers": {"Location": "/"}},
            "UnexpectedResponse",
            None,
            0,
        ),
    ],
)
def test_other_failure_means_the_default(
    reply: dict[str, Any],
    kind: str,
    code: str | None,
    unknown: int,
    make_ctx: Callable[..., Context],
    calls: list[CallRecord],
) -> None:
    error, count = failing(make_ctx(), **reply)

    assert (f"{kind}Error", code) == (type(error).__name__, error.code)
    assert (bool(unknown), 1) == (error.outcome_unknown, count)
    shown = f"{error} {vars(error)} {calls}"
    assert TO not in shown
    assert TEXT not in shown


@pytest.mark.parametrize(
    ("code", "header", "wait"),
    [
        (20429, None, None),
        (20429, "7", 7.0),
        (21611, None, 3600.0),
        (63038, None, 86400.0),
        (14107, None, None),
    ],
)
def test_how_long_to_wait(
    code: int, header: str | None, wait: float | None, make_ctx: Callable[..., Context]
) -> None:
    headers = {"Retry-After": header} if header else {}
    error, _ = failing(
        make_ctx(), status_code=429, json=error_body(code, 429), headers=headers
    )

    assert isinstance(error, errors.RateLimitError)
    assert wait == error.retry_after


def test_reading_leaves_no_doubt(make_ctx: Callable[..., Context]) -> None:
    for status in (500, 503):
        with requests_mock.Mocker() as mocker:
            body = error_body(20000 + status, status)
            mocker.get(f"{API}.json", status_code=status, json=body)
            with pytest.raises(errors.UnavailableError) as caught:
                client.account(make_ctx())
        assert not caught.value.outcome_unknown


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_account_that_is_not_active_waits_for_a_person(
    status: str, make_ctx: Callable[..., Context]
) -> None:
    with requests_mock.Mocker() as mocker:
        mocker.get(f"{API}.json", json={"status": status})
        with pytest.raises(errors.CredentialsError, match=status):
            actions.test_connection(make_ctx())


def test_documented_errors_are_those_of_the_samples(
    sample: Callable[[str], Any], make_ctx: Callable[..., Context]
) -> None:
    for each in sample("errors.json"):
        error, _ = failing(
            make_ctx(), status_code=each["http_status"], json=each["body"]
        )
        assert str(each["body"]["code"]) == error.code
        assert each["body"]["message"] not in str(error)


# What is kept


def test_nothing_of_number_text_or_token_is_kept(
    make_ctx: Callable[..., Context],
    calls: list[CallRecord],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    token = "canary-0123456789abcdef"
    ctx = make_ctx(auth_token=token)
    account = {"status": "active", "type": "Full", "auth_token": token}
    told = {"sid": "SM1", "body": TEXT, "to": TO, "auth_token": token}
    with requests_mock.Mocker() as mocker:
        mocker.get(f"{API}.json", json=account)
        mocker.post(SEND, status_code=201, json=told)
        mocker.get(f"{API}/Messages/SM1.json", json=told)
        said = actions.test_connection(ctx)
        actions.send_message(MESSAGE, ctx)
        client.message(ctx, "SM1")

    assert 3 == len(calls)
    logged = [r.getMessage() for r in caplog.records if "requests_mock" not in r.name]
    shown = f"{said} {calls} {ctx!r} {ctx.http!r} {vars(ctx.log)} {logged}"
    assert [] == [each for each in (token, TO, TO[1:], TEXT) if each in shown]

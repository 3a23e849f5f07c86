"""What the client sends, what each answer means, and what is kept of a call."""

import base64
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
import requests_mock
import time_machine

from hub.sdk.errors import (
    CredentialsError,
    PluginError,
    ProviderError,
    RateLimitError,
    RejectedError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub.sdk.http import ApiClient, CallRecord, Outgoing, Reply, retry_after
from hub.sdk.redaction import HIDDEN, Redactor

URL = "https://api.acme.example/v1/things"
MOCK_LOG = "requests_mock.adapter"
SECRET = "kept-to-ourselves/42+7="


class Calls:
    """A client, its records and the times it was about to send."""

    def __init__(self, **options: Any) -> None:
        self.records: list[CallRecord] = []
        self.sends: list[bytes] = []
        self.api = ApiClient(
            plugin="acme",
            connection="acme-1",
            title="Acme",
            hosts=["api.acme.example"],
            redactor=Redactor([SECRET]),
            record=self.records.append,
            around=self._sending,
            **options,
        )

    @contextmanager
    def _sending(self, request: Outgoing) -> Iterator[None]:
        if not request.reads:
            self.sends.append(request.body or b"")
        yield


@pytest.fixture
def calls() -> Calls:
    return Calls()


def failing(calls: Calls, method: str = "POST", **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        calls.api.request(method, URL, **options)
    return caught.value


def last(mocker: requests_mock.Mocker) -> Any:
    return mocker.last_request


# What is sent


def test_json_is_sent_compact_with_its_type(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.put(URL, json={"id": 1})
    reply = calls.api.put(URL, json={"a": [1, None], "b": "é"})
    sent = last(requests_mock)

    assert b'{"a":[1,null],"b":"\\u00e9"}' == sent.body
    assert "application/json" == sent.headers["Content-Type"]
    assert "application/json" == sent.headers["Accept"]
    assert "gzip, deflate" == sent.headers["Accept-Encoding"]
    assert sent.headers["User-Agent"].startswith("msp-hub/")
    assert {"id": 1} == reply.json()


def test_decimal_is_sent_as_the_number_it_is(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL)
    calls.api.post(URL, json={"a": Decimal("12.50"), "b": Decimal(7)})

    assert b'{"a":12.5,"b":7}' == last(requests_mock).body


@pytest.mark.parametrize(
    "value", [Decimal("0.12345678901234567891"), Decimal("NaN"), object()]
)
def test_value_that_json_cannot_carry_exactly_is_a_plugin_error(
    calls: Calls, value: Any
) -> None:
    with pytest.raises(PluginError):
        calls.api.post(URL, json={"a": value})


def test_form_params_and_raw_content_are_sent_as_given(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL)
    calls.api.post(URL + "?z=0", form={"a": "b c", "d": "&"}, params={"q": "1&2"})
    form = last(requests_mock)
    calls.api.post(URL, content=b"\x00raw", headers={"content-type": "image/png"})
    raw = last(requests_mock)

    assert b"a=b+c&d=%26" == form.body
    assert "application/x-www-form-urlencoded" == form.headers["Content-Type"]
    assert URL + "?z=0&q=1%262" == form.url
    assert b"\x00raw" == raw.body
    assert "image/png" == raw.headers["Content-Type"]


def test_plugin_may_word_a_standard_header_itself(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL)
    kind = "application/json; charset=utf-8"
    calls.api.post(URL, json={}, headers={"content-TYPE": kind})

    assert kind == last(requests_mock).headers["Content-Type"]


def test_credentials_go_as_basic_or_bearer(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.get(URL)
    calls.api.get(URL, auth=("id", "wörd"))
    basic = last(requests_mock).headers["Authorization"]
    calls.api.get(URL, token="abc.def")
    bearer = last(requests_mock).headers["Authorization"]

    assert "Basic " + base64.b64encode("id:wörd".encode()).decode() == basic
    assert "Bearer abc.def" == bearer


@pytest.mark.parametrize("token", ["", "with\nbreak", "“curly”", "two words"])
def test_token_that_no_header_can_carry_asks_for_a_person(
    calls: Calls, token: str
) -> None:
    with pytest.raises(CredentialsError) as caught:
        calls.api.get(URL, token=token)

    assert not token or token not in str(caught.value)


def test_header_that_no_request_can_carry_is_a_plugin_error(calls: Calls) -> None:
    with pytest.raises(PluginError) as caught:
        calls.api.get(URL, headers={"X-Note": f"{SECRET}\r\nX-Other: 1"})

    assert SECRET not in str(caught.value)


def test_address_that_is_not_the_providers_is_not_called(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    with pytest.raises(PluginError):
        calls.api.post("https://evil.example/", token=SECRET)

    assert (0, []) == (requests_mock.call_count, calls.sends)


def test_base_url_takes_the_call_to_the_simulator(
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.get("http://localhost:8100/acme/v1/things")
    calls = Calls(api_base_url="http://localhost:8100/acme")
    calls.api.get(URL)

    assert "http://localhost:8100/acme/v1/things" == calls.records[0].url
    assert "http://localhost:8100/acme/x" == calls.api.rewrite("https://a.example/x")


def test_sending_is_told_once_before_a_call_that_changes_something(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    """ROAD 16: the `sent` mark is there before the first byte leaves."""
    before: list[list[bytes]] = []

    def answer(request: Any, context: Any) -> str:
        before.append(list(calls.sends))
        return ""

    requests_mock.post(URL, text=answer)
    requests_mock.get(URL, text=answer)
    calls.api.get(URL)
    calls.api.post(URL, json={}, reads=True)
    calls.api.post(URL, json={"a": 1})

    assert [[], [], [b'{"a":1}']] == before


def test_call_that_may_not_be_sent_is_not_made(
    requests_mock: requests_mock.Mocker,
) -> None:
    """ROAD 16: the claim was lost meanwhile."""

    def refuse(request: Outgoing) -> AbstractContextManager[None]:
        raise LookupError("not ours any more")

    records: list[CallRecord] = []
    api = ApiClient(
        plugin="acme",
        connection="acme-1",
        hosts=["api.acme.example"],
        record=records.append,
        around=refuse,
    )
    with pytest.raises(LookupError):
        api.post(URL)

    assert (0, []) == (requests_mock.call_count, records)


# What an answer means


@pytest.mark.parametrize(
    ("status", "kind", "unknown"),
    [
        (400, RejectedError, False),
        (401, CredentialsError, False),
        (403, CredentialsError, False),
        (404, RejectedError, False),
        (408, UnavailableError, False),
        (409, RejectedError, False),
        (422, RejectedError, False),
        (429, RateLimitError, False),
        (500, UnavailableError, True),
        (502, UnavailableError, True),
        (503, UnavailableError, False),
        (504, UnavailableError, True),
        (520, UnavailableError, True),
        (302, UnexpectedResponseError, False),
        (304, UnexpectedResponseError, False),
    ],
)
def test_status_means_one_error(
    calls: Calls,
    requests_mock: requests_mock.Mocker,
    status: int,
    kind: type[ProviderError],
    unknown: bool,
) -> None:
    """ROAD 16: after a gateway's or a program's failure nobody knows the outcome."""
    requests_mock.post(URL, status_code=status, text="<p>a secret page</p>")
    requests_mock.get(URL, status_code=status)
    error = failing(calls)

    assert kind is type(error)
    assert (status, unknown) == (error.status, error.outcome_unknown)
    assert "Acme" in str(error)
    assert str(status) in str(error)
    assert "secret page" not in str(error)
    assert not failing(calls, "GET").outcome_unknown


@pytest.mark.parametrize(
    ("method", "status"),
    [("get", 200), ("post", 201), ("put", 202), ("patch", 200), ("delete", 204)],
)
def test_any_2xx_is_returned(
    calls: Calls, requests_mock: requests_mock.Mocker, method: str, status: int
) -> None:
    requests_mock.register_uri(method.upper(), URL, status_code=status)

    assert status == getattr(calls.api, method)(URL).status


def test_retry_after_is_handed_on_with_429_and_503(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL, status_code=429, headers={"Retry-After": "7"})
    limited = failing(calls)
    requests_mock.post(URL, status_code=503, headers={"Retry-After": "9"})
    busy = failing(calls)
    requests_mock.post(URL, status_code=429)
    untold = failing(calls)

    waits = [getattr(error, "retry_after", "") for error in (limited, busy, untold)]
    assert [7.0, 9.0, None] == waits
    assert 503 == busy.status


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("999999999999", 7 * 24 * 3600.0),
        ("Mon, 02 Mar 2026 10:01:00 GMT", 60.0),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 0.0),
        ("Mon, 02 Mar 2026 10:01:00", None),
        ("-5", None),
        ("inf", None),
        ("١٢", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(
    value: str | None, expected: float | None
) -> None:
    with time_machine.travel(datetime(2026, 3, 2, 10, 0, tzinfo=UTC), tick=False):
        assert expected == retry_after(value)


@pytest.mark.parametrize(
    ("raised", "unknown"),
    [
        (requests.ConnectTimeout, False),
        (requests.ReadTimeout, True),
        (requests.ConnectionError, True),
        (requests.exceptions.ChunkedEncodingError, True),
    ],
)
def test_no_answer_is_unavailable(
    calls: Calls,
    requests_mock: requests_mock.Mocker,
    raised: type[Exception],
    unknown: bool,
) -> None:
    """ROAD 16: read errors are unknown outcomes."""
    requests_mock.post(URL, exc=raised(f"no luck with {SECRET}"))
    error = failing(calls)

    assert UnavailableError is type(error)
    assert (None, unknown) == (error.status, error.outcome_unknown)


def test_url_that_cannot_be_is_a_plugin_error(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL, exc=requests.exceptions.InvalidURL(SECRET))
    with pytest.raises(PluginError):
        calls.api.post(URL)


def test_numbers_with_fractions_come_as_decimal() -> None:
    value = Reply(200, content=b'{"a": 0.10, "b": 3}').json()

    assert {"a": Decimal("0.10"), "b": 3} == value


@pytest.mark.parametrize(
    "content", [b"<html>", b"", b"\xff\xfe\x00", b'{"a": NaN}', b"[" * 200_000]
)
def test_junk_in_place_of_json_is_an_unexpected_response(content: bytes) -> None:
    with pytest.raises(UnexpectedResponseError) as caught:
        Reply(200, content=content).json()

    assert 200 == caught.value.status
    assert caught.value.__context__ is None


def test_explain_is_asked_first_also_about_200(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL, json={"ok": False, "error": "is_archived"})
    error = failing(calls, explain=lambda reply: RejectedError(reply.json()["error"]))

    assert RejectedError is type(error)
    assert ("is_archived", 200) == (str(error), error.status)
    assert "RejectedError: is_archived" == calls.records[0].error


def test_explain_that_knows_nothing_leaves_it_to_the_status(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL, status_code=429)

    assert RateLimitError is type(failing(calls, explain=lambda reply: None))


def test_explain_that_meets_a_gateways_page_leaves_it_to_the_status(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    def explain(reply: Reply) -> ProviderError | None:
        return RejectedError(reply.json()["error"])

    requests_mock.post(URL, status_code=502, text="<html>Bad gateway</html>")
    assert UnavailableError is type(failing(calls, explain=explain))

    requests_mock.post(URL, status_code=200, text="<html>Welcome</html>")
    assert UnexpectedResponseError is type(failing(calls, explain=explain))


def test_providers_words_are_redacted(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL, status_code=400, text=f"no key {SECRET}")
    error = failing(calls, explain=lambda reply: RejectedError(reply.text))

    assert f"no key {HIDDEN}" == str(error)


# What is kept


def test_every_call_is_recorded(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL, json={"id": "t1"}, status_code=201)
    moment = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    with time_machine.travel(moment, tick=False):
        calls.api.post(URL, json={"name": "x"})

    assert [
        CallRecord(
            plugin="acme",
            connection="acme-1",
            method="POST",
            url=URL,
            status=201,
            error="",
            duration_ms=calls.records[0].duration_ms,
            request_size=12,
            response_size=12,
            request_excerpt='{"name":"x"}',
            response_excerpt='{"id": "t1"}',
            started_at=moment,
        )
    ] == calls.records


def test_failed_calls_are_recorded_too(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL, status_code=422, text="why")
    failing(calls)
    requests_mock.post(URL, exc=requests.ReadTimeout)
    failing(calls)

    kept = [
        (r.status, r.error.partition(":")[0], r.response_excerpt) for r in calls.records
    ]
    assert [(422, "RejectedError", "why"), (None, "UnavailableError", "")] == kept


def test_call_that_a_plugin_or_a_kill_ends_is_recorded_too(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    def explain(reply: Reply) -> ProviderError | None:
        raise KeyError(SECRET)

    requests_mock.post(URL)
    with pytest.raises(KeyError):
        calls.api.post(URL, explain=explain)
    killed: Any = KeyboardInterrupt
    requests_mock.post(URL, exc=killed)
    with pytest.raises(KeyboardInterrupt):
        calls.api.post(URL)

    assert ["KeyError", "KeyboardInterrupt"] == [r.error for r in calls.records]


def test_token_replies_leave_no_excerpt(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    """ROAD 42."""
    requests_mock.post(URL, json={"refreshment": "something secret"})
    calls.api.post(URL, form={"code": "x"}, excerpt=False)

    assert ("", "") == (
        calls.records[0].request_excerpt,
        calls.records[0].response_excerpt,
    )


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_no_secret_shows_anywhere(
    requests_mock: requests_mock.Mocker, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """ROAD 42: URL, forms, JSON, Basic, an echo of it in the reply; errors and logs."""
    caplog.set_level(logging.DEBUG)
    calls = Calls(given=["https://hooks.acme.example/"])
    url = f"https://hooks.acme.example/{SECRET}?key={SECRET}"
    echo = f"you sent {SECRET} and {base64.b64encode(SECRET.encode()).decode()}"
    requests_mock.post(re.compile("."), status_code=status, text=echo)
    shown = [repr(calls.api)]
    for options in (
        {"json": {"a": SECRET, "nested": [{"b": f"x{SECRET}y"}]}},
        {"form": {"a": SECRET}, "auth": ("user", SECRET)},
        {"content": SECRET.encode(), "token": SECRET},
    ):
        try:
            shown.append(repr(calls.api.post(url, **options)))
        except ProviderError as error:
            shown += traceback.format_exception(error)
    shown += [repr(record) for record in calls.records]
    # The stand-in for the network says what it was asked for.
    shown += [r.getMessage() for r in caplog.records if r.name != MOCK_LOG]
    text = "\n".join(shown)

    assert 3 == len(calls.records)
    for form in (SECRET, "kept-to-ourselves", "a2VwdC10by1vdXJzZWx2ZX"):
        assert form not in text


def test_error_of_the_network_does_not_show_a_secret_url(
    calls: Calls, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(URL, exc=requests.ConnectionError(f"/services/{SECRET}"))
    error = failing(calls)

    assert SECRET not in "".join(traceback.format_exception(error))
    assert error.__context__ is None


def test_token_of_a_call_is_hidden_even_if_nobody_named_it(
    requests_mock: requests_mock.Mocker,
) -> None:
    calls = Calls()
    requests_mock.get(URL, text="your token is fresh-from-the-provider")
    calls.api.get(URL, token="fresh-from-the-provider")

    assert f"your token is {HIDDEN}" == calls.records[0].response_excerpt

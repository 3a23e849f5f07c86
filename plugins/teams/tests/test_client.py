"""Calls to a workflow: what is sent, and what its answers mean."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock
from werkzeug.wrappers import Request, Response

from hub.sdk.context import Context
from hub.sdk.errors import (
    CredentialsError,
    ProviderError,
    RateLimitError,
    RejectedError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub.sdk.events import Event, Message
from hub.sdk.http import CallRecord
from hub.sdk.serving import serve
from hub_teams import actions, messages

Make = Callable[..., Any]
ANY_URL = requests_mock.ANY


@pytest.fixture
def card(event_of: Make) -> Event:
    """An event worth a card."""
    event: Event = event_of("payment.received", payer="Zoë 👍")
    return event


def failed(action: Callable[[], Any]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        action()
    return caught.value


def test_card_goes_to_the_workflow_as_utf8(
    ctx_with: Make, card: Event, webhook: str, requests_mock: requests_mock.Mocker
) -> None:
    sent = requests_mock.post(webhook, status_code=202)
    ctx = ctx_with()

    actions.post_card(card, ctx)

    assert 1 == sent.call_count
    request = sent.request_history[0]
    assert "application/json; charset=utf-8" == request.headers["Content-Type"]
    assert "Authorization" not in request.headers
    assert messages.card(card, ctx.hub_url) == request.json()
    assert b"\\u" not in request.body
    assert "•".encode() in request.body


def test_address_goes_out_byte_by_byte_and_without_netrc(
    ctx_with: Make, card: Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workflow answers 401 to one re-encoded character or an Authorization."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ada password x\n", encoding="ascii")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[tuple[str, str | None]] = []

    def workflow(environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        seen.append((environ["QUERY_STRING"], request.headers.get("Authorization")))
        return Response(status=202)(environ, start_response)

    query = "sv=1.0&api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sig=a%2Bb-_%3D&z="
    with serve(workflow) as served:
        path = "/workflows/x/triggers/manual/paths/invoke"
        actions.post_card(card, ctx_with(f"{served.url}{path}?{query}"))

    assert [(query, None)] == seen


def test_redirect_is_not_followed(
    ctx_with: Make, card: Event, webhook: str, requests_mock: requests_mock.Mocker
) -> None:
    elsewhere = {"Location": "https://evil.example/"}
    requests_mock.post(webhook, status_code=302, headers=elsewhere)

    error = failed(lambda: actions.post_card(card, ctx_with()))

    assert (UnexpectedResponseError, 302) == (type(error), error.status)


def test_api_base_url_replaces_host_and_keeps_path_and_query(
    ctx_with: Make, card: Event, webhook: str, requests_mock: requests_mock.Mocker
) -> None:
    base = "http://localhost:8100/teams"
    rest = webhook.partition(":443")[2]
    sent = requests_mock.post(base + rest, status_code=202)

    actions.post_card(card, ctx_with(api_base_url=base))

    assert base + rest == sent.request_history[0].url


ABOUT = {"code": "DirectApiAuthorizationRequired", "message": "sig=plugh-Plover_2"}
REQUIRED = {"error": ABOUT}
ANSWERS: list[tuple[int, str, type[ProviderError], str | None, str]] = [
    (
        401,
        json.dumps(REQUIRED),
        CredentialsError,
        "DirectApiAuthorizationRequired",
        "Copy the URL again",
    ),
    (401, "", CredentialsError, None, "Copy the URL again"),
    (403, "", CredentialsError, None, "Anyone"),
    (404, "", CredentialsError, None, "Copy the URL again"),
    (410, "<html>", CredentialsError, None, "Copy the URL again"),
    (400, '{"error":{"code":"<b>"}}', RejectedError, None, "run history"),
    (400, '{"error":7}', RejectedError, None, "run history"),
    (413, "", RejectedError, None, "too large"),
    (408, "", UnavailableError, None, "by itself"),
    (500, "", UnavailableError, None, "by itself"),
    (502, "<html>", UnavailableError, None, "by itself"),
    (503, "", UnavailableError, None, "by itself"),
    (200, "<html>maintenance</html>", UnexpectedResponseError, None, "web page"),
    (202, " <!doctype html>", UnexpectedResponseError, None, "web page"),
]


@pytest.mark.parametrize(("status", "text", "error_type", "code", "words"), ANSWERS)
def test_answer_means_the_right_error_and_says_what_to_do(
    status: int,
    text: str,
    error_type: type[ProviderError],
    code: str | None,
    words: str,
    ctx_with: Make,
    card: Event,
    webhook: str,
    calls: list[CallRecord],
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(webhook, text=text, status_code=status)

    error = failed(lambda: actions.post_card(card, ctx_with()))

    assert (error_type, status, code) == (type(error), error.status, error.code)
    assert words in str(error)
    shown = f"{error!r} {error.__cause__!r} {error.__context__!r} {calls}"
    assert "plugh-Plover_2" not in shown


def test_each_documented_answer_is_taken_retried_or_not(
    ctx_with: Make,
    card: Event,
    webhook: str,
    sample: Callable[[str], Any],
    requests_mock: requests_mock.Mocker,
) -> None:
    for case in sample("workflow-responses.json"):
        if "legacy" in case["meaning"]:
            continue  # those addresses are refused
        requests_mock.post(
            webhook,
            text=case["body"],
            status_code=case["status"],
            headers=case.get("headers", {}),
        )
        if case["status"] < 300:
            actions.post_card(card, ctx_with())
            continue

        error = failed(lambda: actions.post_card(card, ctx_with()))

        assert case["retry"] == isinstance(error, UnavailableError), case
        if case["status"] == 429:
            assert isinstance(error, RateLimitError)
            assert 20.0 == error.retry_after


@pytest.mark.parametrize(
    ("problem", "unknown"),
    [(requests.ReadTimeout, True), (requests.ConnectTimeout, False)],
)
def test_timeout_leaves_it_open_whether_the_card_arrived(
    problem: type[Exception],
    unknown: bool,
    ctx_with: Make,
    card: Event,
    webhook: str,
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(webhook, exc=problem)

    error = failed(lambda: actions.post_card(card, ctx_with()))

    assert (UnavailableError, unknown) == (type(error), error.outcome_unknown)


@pytest.mark.parametrize(
    ("state", "count"),
    [
        ("failed", 1),
        ("cancelled", 1),
        ("expired", 1),
        ("active", 0),
        ("pending", 0),
        ("replaced", 0),
    ],
)
def test_mandate_is_told_where_somebody_has_to_act(
    state: str,
    count: int,
    ctx_with: Make,
    event_of: Make,
    webhook: str,
    requests_mock: requests_mock.Mocker,
) -> None:
    sent = requests_mock.post(webhook, status_code=202)

    actions.post_mandate_card(event_of("mandate.changed", state=state), ctx_with())

    assert count == sent.call_count


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Message(text=" \n"), "empty"),
        (Message(text="Hello", to="#general"), "its own channel only"),
    ],
)
def test_message_that_can_go_nowhere_is_refused_before_any_call(
    message: Message, words: str, ctx_with: Make, requests_mock: requests_mock.Mocker
) -> None:
    error = failed(lambda: actions.send_message(message, ctx_with()))

    assert (RejectedError, 0) == (type(error), requests_mock.call_count)
    assert words in str(error)


def test_test_card_asks_a_person_to_look(
    ctx_with: Make, webhook: str, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(webhook, status_code=202)

    said = actions.test_connection(ctx_with())

    assert "look whether it appeared" in said
    assert "old form" not in said


def test_test_warns_of_an_address_that_may_be_switched_off(
    ctx_with: Make, webhook: str, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(ANY_URL, status_code=202)
    old = webhook.replace(
        "made-up.a1.environment.api.powerplatform.com", "prod-01.logic.azure.com"
    )
    ctx: Context = ctx_with(old)

    assert "copy the new one" in actions.test_connection(ctx)

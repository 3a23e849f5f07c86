"""Calls to Slack: what is sent, by which way, and what its answers mean."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
import requests_mock

from hub.sdk.context import Context
from hub.sdk.errors import (
    CredentialsError,
    HubError,
    ProviderError,
    RateLimitError,
    RejectedError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub.sdk.events import Event, Message
from hub.sdk.http import CallRecord
from hub_slack import actions, client, messages

API = "https://slack.com/api/chat.postMessage"
AUTH = "https://slack.com/api/auth.test"
POSTED = {"ok": True, "channel": "C0BILLING1", "ts": "1767225600.000200"}
Make = Callable[..., Any]
ANY_URL = requests_mock.ANY


@pytest.fixture
def hook(ctx_with: Make, secrets: dict[str, str]) -> Context:
    """A connection with an incoming webhook."""
    ctx: Context = ctx_with(webhook_url=secrets["webhook_url"])
    return ctx


@pytest.fixture
def bot(ctx_with: Make, secrets: dict[str, str]) -> Context:
    """A connection with a bot token."""
    ctx: Context = ctx_with(bot_token=secrets["bot_token"])
    return ctx


@pytest.fixture
def card(event_of: Make) -> Event:
    """An event worth a card."""
    event: Event = event_of("payment.received")
    return event


def failed(action: Callable[[], Any]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        action()
    return caught.value


def check_silent(
    error: HubError, secrets: dict[str, str], calls: list[CallRecord]
) -> None:
    """No secret, in whole or in part, is in the error or in what is kept."""
    said = f"{error!r} {error} {error.__cause__!r} {error.__context__!r} {calls}"
    parts = [*secrets.values(), secrets["webhook_url"].partition("services")[2]]
    assert [] == [part for part in parts if part in said]


def test_card_goes_to_the_webhook(
    hook: Context,
    card: Event,
    secrets: dict[str, str],
    requests_mock: requests_mock.Mocker,
) -> None:
    sent = requests_mock.post(secrets["webhook_url"], text="ok")

    actions.post_card(card, hook)

    assert 1 == sent.call_count
    request = sent.request_history[0]
    assert "application/json; charset=utf-8" == request.headers["Content-Type"]
    assert messages.card(card, hook.hub_url) == request.json()


def test_bot_posts_to_the_channel_with_the_delivery_s_key(
    bot: Context,
    card: Event,
    secrets: dict[str, str],
    requests_mock: requests_mock.Mocker,
) -> None:
    sent = requests_mock.post(API, json=POSTED)

    actions.post_card(card, bot)

    request = sent.request_history[0]
    assert f"Bearer {secrets['bot_token']}" == request.headers["Authorization"]
    assert request.json() == {
        "channel": "#billing",
        **messages.card(card, bot.hub_url),
        "metadata": {
            "event_type": "hub_delivery",
            "event_payload": {"id": bot.idempotency_key()},
        },
    }


def test_bot_token_is_preferred_to_the_webhook(
    ctx_with: Make,
    card: Event,
    secrets: dict[str, str],
    requests_mock: requests_mock.Mocker,
) -> None:
    sent = requests_mock.post(API, json=POSTED)

    actions.post_card(card, ctx_with(**secrets))

    assert 1 == sent.call_count


def test_api_base_url_replaces_host_and_keeps_the_path(
    ctx_with: Make,
    card: Event,
    secrets: dict[str, str],
    requests_mock: requests_mock.Mocker,
) -> None:
    base = "http://localhost:8100/slack"
    path = secrets["webhook_url"].partition("hooks.slack.com")[2]
    hook = requests_mock.post(base + path, text="ok")
    api = requests_mock.post(base + "/api/chat.postMessage", json=POSTED)

    actions.post_card(
        card, ctx_with(webhook_url=secrets["webhook_url"], api_base_url=base)
    )
    actions.post_card(card, ctx_with(bot_token="xoxb-1", api_base_url=base))

    assert [1, 1] == [hook.call_count, api.call_count]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8100/services/T/B/x",
        "https://hooks.slack-gov.com/services/T/B/x",
    ],
)
def test_webhook_may_be_slack_s_or_on_this_machine(
    url: str, ctx_with: Make, card: Event, requests_mock: requests_mock.Mocker
) -> None:
    sent = requests_mock.post(url, text="ok")

    actions.post_card(card, ctx_with(webhook_url=url))

    assert 1 == sent.call_count


WEBHOOK_ANSWERS: list[tuple[int, str, type[ProviderError], str | None]] = [
    (400, "invalid_payload", RejectedError, "invalid_payload"),
    (400, "no_text", RejectedError, "no_text"),
    (400, "user_not_found", RejectedError, "user_not_found"),
    (400, "invalid_blocks", RejectedError, "invalid_blocks"),
    (400, "a_word_of_next_year", RejectedError, "a_word_of_next_year"),
    (400, "<html>xyzzyplugh</html>", RejectedError, None),
    (401, "invalid_auth", CredentialsError, "invalid_auth"),
    (403, "action_prohibited", RejectedError, "action_prohibited"),
    (403, "invalid_token", CredentialsError, "invalid_token"),
    (403, "a_word_of_next_year", CredentialsError, None),
    (404, "channel_not_found", RejectedError, "channel_not_found"),
    (404, "no_service", CredentialsError, "no_service"),
    (404, "no_team", CredentialsError, "no_team"),
    (410, "channel_is_archived", CredentialsError, "channel_is_archived"),
    (408, "a_word_of_next_year", UnavailableError, None),
    (500, "rollup_error", UnavailableError, None),
    (502, "<html>", UnavailableError, None),
    (503, "", UnavailableError, None),
    (200, "<html>maintenance</html>", UnexpectedResponseError, None),
    (200, "", UnexpectedResponseError, None),
    (302, "", UnexpectedResponseError, None),
]


@pytest.mark.parametrize(("status", "text", "error_type", "code"), WEBHOOK_ANSWERS)
def test_webhook_s_answer(
    status: int,
    text: str,
    error_type: type[ProviderError],
    code: str | None,
    hook: Context,
    card: Event,
    secrets: dict[str, str],
    calls: list[CallRecord],
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(secrets["webhook_url"], text=text, status_code=status)

    error = failed(lambda: actions.post_card(card, hook))

    assert (error_type, status, code) == (type(error), error.status, error.code)
    check_silent(error, secrets, calls)


def test_each_documented_answer_is_retried_or_not(
    hook: Context,
    card: Event,
    secrets: dict[str, str],
    sample: Callable[[str], Any],
    requests_mock: requests_mock.Mocker,
) -> None:
    for case in sample("incoming-webhook-responses.json"):
        if case["body"] == "ok":
            continue
        requests_mock.post(
            secrets["webhook_url"],
            text=case["body"],
            status_code=case["status"],
            headers=case.get("headers", {}),
        )

        error = failed(lambda: actions.post_card(card, hook))

        assert case["retry"] == isinstance(error, UnavailableError), case


API_ANSWERS: list[tuple[str, type[ProviderError]]] = [
    ("channel_not_found", RejectedError),
    ("not_in_channel", RejectedError),
    ("is_archived", RejectedError),
    ("restricted_action", RejectedError),
    ("invalid_auth", CredentialsError),
    ("not_authed", CredentialsError),
    ("account_inactive", CredentialsError),
    ("token_revoked", CredentialsError),
    ("token_expired", CredentialsError),
    ("missing_scope", CredentialsError),
    ("msg_too_long", RejectedError),
    ("msg_blocks_too_long", RejectedError),
    ("no_text", RejectedError),
    ("too_many_attachments", RejectedError),
    ("invalid_blocks", RejectedError),
    ("invalid_arguments", RejectedError),
    ("ratelimited", RateLimitError),
    ("rate_limited", RateLimitError),
    ("message_limit_exceeded", RateLimitError),
    ("internal_error", UnavailableError),
    ("fatal_error", UnavailableError),
    ("request_timeout", UnavailableError),
    ("service_unavailable", UnavailableError),
    ("a_word_of_next_year", RejectedError),
    ("<b>not a word</b>", RejectedError),
]


@pytest.mark.parametrize(("word", "error_type"), API_ANSWERS)
def test_error_with_status_200_is_an_error(
    word: str,
    error_type: type[ProviderError],
    bot: Context,
    card: Event,
    secrets: dict[str, str],
    calls: list[CallRecord],
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(API, json={"ok": False, "error": word})

    error = failed(lambda: actions.post_card(card, bot))

    assert (error_type, 200) == (type(error), error.status)
    assert ("<b>" in str(error), True) == (False, str(error).endswith("."))
    check_silent(error, secrets, calls)


@pytest.mark.parametrize("word", ["internal_error", "fatal_error"])
def test_error_that_may_have_been_carried_out_says_so(
    word: str, bot: Context, card: Event, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(API, json={"ok": False, "error": word})

    assert failed(lambda: actions.post_card(card, bot)).outcome_unknown


@pytest.mark.parametrize("text", ["<html>", "[]", "{}", '{"ok": "yes"}', ""])
def test_junk_in_place_of_json(
    text: str, bot: Context, card: Event, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(API, text=text)

    error = failed(lambda: actions.post_card(card, bot))

    assert UnexpectedResponseError is type(error)


@pytest.mark.parametrize("url_key", ["webhook_url", "bot_token"])
@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (400, RejectedError),
        (401, CredentialsError),
        (429, RateLimitError),
        (500, UnavailableError),
    ],
)
def test_junk_with_a_status_is_read_by_its_status(
    url_key: str,
    status: int,
    error_type: type[ProviderError],
    ctx_with: Make,
    card: Event,
    secrets: dict[str, str],
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(ANY_URL, text="<html>", status_code=status)
    ctx = ctx_with(**{url_key: secrets[url_key]})

    assert error_type is type(failed(lambda: actions.post_card(card, ctx)))


@pytest.mark.parametrize("url_key", ["webhook_url", "bot_token"])
def test_throttled_says_when_to_come_back(
    url_key: str,
    ctx_with: Make,
    card: Event,
    secrets: dict[str, str],
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(
        ANY_URL,
        text="rate_limited",
        status_code=429,
        headers={"Retry-After": "30"},
    )
    ctx = ctx_with(**{url_key: secrets[url_key]})

    error = failed(lambda: actions.post_card(card, ctx))

    assert isinstance(error, RateLimitError)
    assert 30.0 == error.retry_after


@pytest.mark.parametrize(
    "caught",
    [requests.ReadTimeout("xyzzyplugh"), requests.ConnectionError("xyzzyplugh")],
)
def test_broken_off_is_an_unknown_outcome(
    caught: Exception,
    hook: Context,
    card: Event,
    secrets: dict[str, str],
    calls: list[CallRecord],
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(secrets["webhook_url"], exc=caught)

    error = failed(lambda: actions.post_card(card, hook))

    assert (UnavailableError, True) == (type(error), error.outcome_unknown)
    check_silent(error, secrets, calls)


def test_slack_says_where_the_blocks_are_wrong(
    bot: Context,
    card: Event,
    sample: Callable[[str], Any],
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(API, json=sample("chat-postmessage-invalid-blocks.json"))

    error = failed(lambda: actions.post_card(card, bot))

    assert "Slack answered invalid_blocks at /blocks/1/text/text." in str(error)


def test_missing_scope_is_named(
    bot: Context, card: Event, requests_mock: requests_mock.Mocker
) -> None:
    answer = {"ok": False, "error": "missing_scope", "needed": "chat:write"}
    requests_mock.post(API, json=answer)

    error = failed(lambda: actions.post_card(card, bot))

    assert "Slack answered missing_scope (chat:write)." in str(error)


def test_free_message_by_bot_goes_where_it_is_told_and_gives_its_id(
    bot: Context, requests_mock: requests_mock.Mocker
) -> None:
    sent = requests_mock.post(API, json=POSTED)

    id = actions.send_message(Message(text="Hello", to="#general"), bot)

    assert "1767225600.000200" == id
    assert "#general" == sent.request_history[0].json()["channel"]


def test_free_message_with_blocks(
    bot: Context, requests_mock: requests_mock.Mocker
) -> None:
    sent = requests_mock.post(API, json=POSTED)
    blocks = ({"type": "section", "text": {"type": "mrkdwn", "text": "*Hi*"}},)

    actions.send_message(Message(text="Hi", blocks=blocks), bot)

    body = sent.request_history[0].json()
    assert (list(blocks), "#billing") == (body["blocks"], body["channel"])


def test_free_message_outside_a_delivery_carries_no_key(
    ctx_with: Make, secrets: dict[str, str], requests_mock: requests_mock.Mocker
) -> None:
    sent = requests_mock.post(API, json=POSTED)
    ctx = ctx_with(bot_token=secrets["bot_token"], delivery=None)

    actions.send_message(Message(text="Hello"), ctx)

    assert "metadata" not in sent.request_history[0].json()


@pytest.mark.parametrize("to", [None, "#billing"])
def test_free_message_by_webhook_has_no_id(
    to: str | None,
    hook: Context,
    secrets: dict[str, str],
    requests_mock: requests_mock.Mocker,
) -> None:
    sent = requests_mock.post(secrets["webhook_url"], text="ok")

    id = actions.send_message(Message(text="Hello", to=to), hook)

    assert (None, 1) == (id, sent.call_count)
    assert "channel" not in sent.request_history[0].json()


def test_webhook_does_not_pretend_to_choose_a_channel(
    hook: Context, requests_mock: requests_mock.Mocker
) -> None:
    with pytest.raises(RejectedError, match="its own channel only"):
        actions.send_message(Message(text="Hello", to="#general"), hook)

    assert 0 == requests_mock.call_count


def test_empty_message_is_not_sent(
    hook: Context, requests_mock: requests_mock.Mocker
) -> None:
    with pytest.raises(RejectedError, match="empty"):
        actions.send_message(Message(text=" \n"), hook)

    assert 0 == requests_mock.call_count


def test_test_of_a_webhook_posts_a_card(
    hook: Context, secrets: dict[str, str], requests_mock: requests_mock.Mocker
) -> None:
    sent = requests_mock.post(secrets["webhook_url"], text="ok")

    assert "A test card is in the webhook's channel." == actions.test_connection(hook)
    assert "Test card" in sent.request_history[0].json()["text"]


def test_test_of_a_bot_names_the_workspace(
    bot: Context, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(AUTH, json={"ok": True, "team": "Northwind MSP"})
    requests_mock.post(API, json=POSTED)

    said = actions.test_connection(bot)

    assert "A test card is in #billing of Northwind MSP." == said


def test_test_of_a_revoked_token_fails(
    bot: Context, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(AUTH, json={"ok": False, "error": "token_revoked"})

    error = failed(lambda: actions.test_connection(bot))

    assert (CredentialsError, "token_revoked") == (type(error), error.code)


def test_every_advice_is_a_sentence() -> None:
    told = [*client.CREDENTIALS.values(), *client.REJECTED.values()]

    assert [] == [text for text in told if not text.endswith(".")]


def test_card_with_strange_letters_is_sent_whole(
    hook: Context,
    event_of: Make,
    secrets: dict[str, str],
    requests_mock: requests_mock.Mocker,
) -> None:
    sent = requests_mock.post(secrets["webhook_url"], text="ok")
    event = event_of(
        "payment.received", company={"id": "1", "name": "Søren & Дом 👩‍🔧 \ud800"}
    )

    actions.post_card(event, hook)

    body = json.loads(sent.request_history[0].body)
    assert "from Søren &amp; Дом 👩‍🔧 for" in body["text"]


@pytest.mark.parametrize(
    ("state", "cards"),
    [("cancelled", 1), ("failed", 1), ("expired", 1), ("active", 0), ("replaced", 0)],
)
def test_a_mandate_is_told_of_where_a_person_has_to_act(
    state: str,
    cards: int,
    hook: Context,
    event_of: Callable[..., Event],
    secrets: dict[str, str],
    requests_mock: requests_mock.Mocker,
) -> None:
    sent = requests_mock.post(secrets["webhook_url"], text="ok")

    actions.post_mandate_card(event_of("mandate.changed", state=state), hook)

    assert cards == sent.call_count

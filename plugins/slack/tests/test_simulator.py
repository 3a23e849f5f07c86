"""The stand-in for Slack before its judges: Slack's SDK, its contract, our plugin."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import time_machine
from jsonschema import Draft4Validator
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry import RetryHandler
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient
from werkzeug.wrappers import Request, Response

from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import (
    CredentialsError,
    ProviderError,
    RateLimitError,
    RejectedError,
    UnavailableError,
)
from hub.sdk.events import Event, Message
from hub.sdk.facts import ActionTaken
from hub.sdk.serving import Served, serve
from hub.sdk.webhooks import Headers, Heard, InboundWebhook, Verified
from hub_slack import actions, conversation, messages, webhooks
from hub_slack.provider import SlackSettings
from hub_slack.simulator import SlackSimulator
from hub_slack.simulator.page import mrkdwn

CONTRACT = Path(__file__).parents[4] / "shared" / "specs" / "slack"
SECRET = "a-signing-secret-for-tests"
TOKEN = "xoxb-made-up-for-tests"
HOOK = "/services/T0HUB00001/B0HUB00001/xyzzyplugh"
NO_RETRIES: list[RetryHandler] = []
Make = Callable[..., Any]
Stage = tuple["SlackSimulator", Served, "Hub", Served]


class Hub:
    """Stands where the hub's webhook URL points to and keeps what comes."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        self.requests.append((dict(request.headers), request.get_data()))
        return Response(status=200)(environ, start_response)


@pytest.fixture(scope="module")
def served() -> Iterator[Stage]:
    """Both ends, started once: each test begins afresh all the same."""
    simulator, hub = SlackSimulator(), Hub()
    with serve(hub) as hub_served, serve(simulator) as slack:
        yield simulator, slack, hub, hub_served


@pytest.fixture
def simulator(
    served: Stage,
) -> SlackSimulator:
    simulator, _, hub, hub_served = served
    hub.requests.clear()
    simulator.config.clear()
    simulator.reset()
    simulator.configure({"webhook_url": hub_served.url, "signing_secret": SECRET})
    return simulator


@pytest.fixture
def slack(simulator: SlackSimulator, served: Stage) -> Served:
    return served[1]


@pytest.fixture
def hub(simulator: SlackSimulator, served: Stage) -> Hub:
    return served[2]


@pytest.fixture
def hook(slack: Served, ctx_with: Make) -> Context:
    """A connection with a webhook of the simulator."""
    ctx: Context = ctx_with(webhook_url=slack.url + HOOK)
    return ctx


@pytest.fixture
def bot(slack: Served, ctx_with: Make) -> Context:
    """A connection with a bot token at the simulator."""
    ctx: Context = ctx_with(bot_token=TOKEN, api_base_url=slack.url)
    return ctx


@pytest.fixture
def card(event_of: Make) -> Event:
    event: Event = event_of("payment.received")
    return event


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    """Slack's own published description of its Web API."""
    if not CONTRACT.is_dir():
        pytest.skip(
            "SLACK'S CONTRACT WAS NOT CHECKED: there is no folder"
            " ../shared/specs/slack beside the repository"
        )
    found: dict[str, Any] = json.loads((CONTRACT / "web-api.swagger.json").read_bytes())
    return found


def state(slack: Served) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{slack.url}/_sim/state", timeout=10).json()
    return found


def inject(slack: Served, **fault: Any) -> None:
    answer = requests.post(f"{slack.url}/_sim/faults", json=fault, timeout=10)
    assert answer.ok, answer.text


def view(slack: Served, path: str = "/") -> str:
    answer = requests.get(slack.url + path, timeout=10)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    return answer.text


def failed(action: Callable[[], Any]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        action()
    return caught.value


# Slack's own SDK, nothing changed but the base URL


def test_slack_s_web_client_posts(slack: Served) -> None:
    client = WebClient(TOKEN, base_url=f"{slack.url}/api/")

    who = client.auth_test()
    answer = client.chat_postMessage(channel="#billing", text="Hello & goodbye")

    assert ("T0HUB00001", True) == (who["team_id"], answer["ok"])
    [posted] = state(slack)["messages"]
    assert ("#billing", answer["ts"], "Hello & goodbye") == (
        posted["channel"],
        posted["ts"],
        posted["text"],
    )


def test_slack_s_web_client_posts_our_cards(
    slack: Served, any_type: str, event_of: Make
) -> None:
    client = WebClient(TOKEN, base_url=f"{slack.url}/api/")

    answer = client.chat_postMessage(
        channel="C0BILLING1", **messages.card(event_of(any_type))
    )

    assert answer["ok"]
    assert 1 == state(slack)["count"]


def test_slack_s_webhook_client_posts(slack: Served, card: Event) -> None:
    client = WebhookClient(slack.url + HOOK)

    answer = client.send_dict(messages.card(card))

    assert (200, "ok") == (answer.status_code, answer.body)


@pytest.mark.parametrize(
    ("channel", "token", "word"),
    [
        ("#missing", TOKEN, "channel_not_found"),
        ("#archived", TOKEN, "is_archived"),
        ("#billing", "wrong", "invalid_auth"),
        ("#billing", "", "not_authed"),
    ],
)
def test_slack_s_web_client_hears_refusals(
    channel: str, token: str, word: str, slack: Served
) -> None:
    client = WebClient(token, base_url=f"{slack.url}/api/", retry_handlers=NO_RETRIES)

    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=channel, text="Hello")

    assert word == caught.value.response["error"]


def test_slack_s_verifier_believes_what_is_sent(
    slack: Served, simulator: SlackSimulator, hub: Hub
) -> None:
    for what in ("command", "mention", "handshake"):
        requests.post(f"{slack.url}/say", data={"what": what}, timeout=10)
    simulator.wait_idle()

    verifier = SignatureVerifier(SECRET)
    verified = [verifier.is_valid_request(body, head) for head, body in hub.requests]
    assert [True, True, True] == verified


@pytest.mark.parametrize("secrets", [SECRET, f"{SECRET}, the-old-one"])
def test_newest_signing_secret_signs(
    secrets: str, slack: Served, simulator: SlackSimulator, hub: Hub
) -> None:
    simulator.configure({"signing_secret": secrets})
    requests.post(f"{slack.url}/say", data={"what": "mention"}, timeout=10)
    simulator.wait_idle()

    [(headers, body)] = hub.requests
    assert SignatureVerifier(SECRET).is_valid_request(body, headers)


# Threads


def test_slack_s_web_client_replies_in_a_thread(slack: Served) -> None:
    client = WebClient(TOKEN, base_url=f"{slack.url}/api/")
    first = client.chat_postMessage(channel="#billing", text="the first")

    reply = client.chat_postMessage(
        channel="#billing", text="a reply", thread_ts=first["ts"], reply_broadcast=True
    )
    nested = client.chat_postMessage(
        channel="#billing", text="a reply to the reply", thread_ts=reply["ts"]
    )

    threads = [answer["message"].get("thread_ts") for answer in (first, reply, nested)]
    assert [None, first["ts"], first["ts"]] == threads
    html = view(slack)
    assert ("2 replies in the thread" in html, html.count("<article")) == (True, 2)
    assert "Also sent to the channel" in html


@pytest.mark.parametrize("channel", ["#billing", "#elsewhere"])
def test_reply_to_what_is_not_there_comes_into_the_channel(
    channel: str, slack: Served
) -> None:
    """So Slack does it: only the answer, which names no thread, tells."""
    client = WebClient(TOKEN, base_url=f"{slack.url}/api/")
    first = client.chat_postMessage(channel="#billing", text="the first")
    if channel == "#billing":
        gone = requests.post(
            f"{slack.url}/delete", data={"ts": first["ts"]}, timeout=10
        )
        assert gone.ok

    reply = client.chat_postMessage(
        channel=channel, text="a reply", thread_ts=first["ts"], reply_broadcast=True
    )

    assert "thread_ts" not in reply["message"]
    assert {"reply_broadcast", "thread_ts"}.isdisjoint(state(slack)["messages"][-1])


def test_what_is_not_there_is_not_deleted(slack: Served) -> None:
    answer = requests.post(f"{slack.url}/delete", data={"ts": "1.0"}, timeout=10)

    assert 404 == answer.status_code


def test_cards_of_one_invoice_are_one_thread(
    slack: Served, bot: Context, event_of: Make
) -> None:
    for number, event_type in enumerate(
        ("invoice.sent", "invoice.overdue", "payment.received")
    ):
        event = event_of(event_type, invoice_id="1042")
        actions.post_card(event, replace(bot, delivery=f"dlv_{number}"))

    root, *replies = state(slack)["messages"]
    assert [root["ts"]] * 2 == [reply["thread_ts"] for reply in replies]
    assert [True, None] == [reply.get("reply_broadcast") for reply in replies]


def test_thread_that_lost_its_first_card_begins_anew(
    slack: Served, bot: Context, card: Event
) -> None:
    def post(number: int) -> Any:
        actions.post_card(card, replace(bot, delivery=f"dlv_{number}"))
        return state(slack)["messages"][-1]

    first = post(1)
    requests.post(f"{slack.url}/delete", data={"ts": first["ts"]}, timeout=10)
    second, third = post(2), post(3)

    assert (None, second["ts"]) == (second.get("thread_ts"), third["thread_ts"])


def test_thread_that_is_refused_begins_anew(
    slack: Served, bot: Context, card: Event
) -> None:
    actions.post_card(card, replace(bot, delivery="dlv_1"))
    inject(slack, kind="error", error="thread_not_found")
    actions.post_card(card, replace(bot, delivery="dlv_2"))

    assert [None, None] == [m.get("thread_ts") for m in state(slack)["messages"]]


# Ways back


def way_back(hub: Hub) -> str:
    """The response_url of what a person did last, as the simulator is reached."""
    payload = webhooks.read(hub.requests[-1][1])
    assert str(payload["response_url"]).startswith("https://hooks.slack.com/")
    return str(payload["response_url"]).removeprefix("https://hooks.slack.com")


@pytest.fixture
def typed(slack: Served, simulator: SlackSimulator, hub: Hub) -> str:
    """Where a typed command is answered."""
    said = {"what": "command", "text": "/hub client A & B", "channel": "ops"}
    requests.post(f"{slack.url}/say", data=said, timeout=10)
    simulator.wait_idle()
    return slack.url + way_back(hub)


def test_command_is_sent_as_typed(typed: str, hub: Hub) -> None:
    payload = webhooks.read(hub.requests[-1][1])

    expected = ("/hub", "client A &amp; B", "ops")
    assert expected == tuple(payload[n] for n in ("command", "text", "channel_name"))


def test_slack_s_webhook_client_answers_one_person(typed: str, slack: Served) -> None:
    answer = WebhookClient(typed).send(text="For *you*", response_type="ephemeral")

    assert (200, "ok") == (answer.status_code, answer.body)
    assert [("#ops", "For *you*")] == [
        (each["channel"], each["text"]) for each in state(slack)["answers"]
    ]
    assert 0 == state(slack)["count"]
    html = view(slack, "/channels/ops")
    assert "Only visible to dana" in html
    assert "<strong>you</strong>" in html


def test_answer_in_the_channel_is_seen_by_all(typed: str, slack: Served) -> None:
    WebhookClient(typed).send(text="For all", response_type="in_channel")

    assert ["For all"] == [each["text"] for each in state(slack)["messages"]]


def test_way_back_is_good_five_times(typed: str) -> None:
    answers = [WebhookClient(typed).send(text="x") for _ in range(6)]

    assert [200] * 5 + [404] == [answer.status_code for answer in answers]
    assert "used_url" == answers[-1].body


def test_way_back_is_good_for_half_an_hour(typed: str) -> None:
    soon = clock.now() + timedelta(minutes=29)
    late = clock.now() + timedelta(minutes=31)
    answers = []
    for moment in (soon, late):
        with time_machine.travel(moment):
            answers.append(WebhookClient(typed).send(text="x").body)

    assert ["ok", "expired_url"] == answers


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/actions/T0HUB00001/999/x", {"text": "x"}, (404, "expired_url")),
        ("/actions/T0HUB00001/no/x", {"text": "x"}, (404, "")),
        ("", {}, (400, "no_text")),
        ("", {"blocks": [{"type": "nonsense"}]}, (400, "invalid_blocks")),
    ],
)
def test_answer_is_refused_as_slack_refuses_it(
    path: str, body: Any, expected: tuple[int, str], typed: str, slack: Served
) -> None:
    answer = requests.post(slack.url + path if path else typed, json=body, timeout=10)

    assert expected[0] == answer.status_code
    assert expected[1] in answer.text


def test_plugin_answers_a_command_in_the_simulator(
    typed: str, slack: Served, hub: Hub, bot: Context
) -> None:
    results = list(conversation.handle(kept(hub), bot))

    assert ["/hub"] == [result.event_type for result in results]
    [answer] = state(slack)["answers"]
    assert "There is no client whose name has A &amp; B in it." == answer["text"]


def test_plugin_hears_a_button_of_the_simulator(
    slack: Served,
    simulator: SlackSimulator,
    hub: Hub,
    ctx_with: Make,
    event_of: Make,
) -> None:
    settings = {"bot_token": TOKEN, "signing_secret": SECRET}
    bot = ctx_with(api_base_url=slack.url, **settings)
    event = event_of("invoice.overdue", invoice_id="inv_977")
    for delivery in ("dlv_1", "dlv_2"):
        actions.post_card(event, replace(bot, delivery=delivery))
    reply = state(slack)["messages"][1]
    named = {"ts": reply["ts"], "action_id": "hub_remind"}
    named["block_id"] = reply["attachments"][0]["blocks"][3]["block_id"]

    answer = requests.post(
        f"{slack.url}/click", data=named, allow_redirects=False, timeout=10
    )
    simulator.wait_idle()
    results = list(conversation.handle(kept(hub), bot))

    assert "/channels/billing" == answer.headers["Location"]
    [heard] = results
    assert isinstance(heard, Heard)
    [fact] = heard.facts
    assert isinstance(fact, ActionTaken)
    assert ("remind", "invoice:inv_977") == (fact.action, fact.subject)
    [told] = state(slack)["answers"]
    assert reply["thread_ts"] == told["thread_ts"]


def kept(hub: Hub) -> InboundWebhook:
    """What the hub keeps of the last request."""
    headers, body = hub.requests[-1]
    return InboundWebhook(
        id="whk_1",
        path="",
        headers=Headers(list(headers.items())),
        body=body,
        received_at=clock.now(),
    )


# Slack's published contract


@pytest.mark.parametrize("method", ["chat.postMessage", "auth.test"])
@pytest.mark.parametrize("token", [TOKEN, "wrong"])
def test_answers_keep_the_contract(
    method: str, token: str, slack: Served, card: Event, contract: dict[str, Any]
) -> None:
    answer = requests.post(
        f"{slack.url}/api/{method}",
        json={"channel": "#billing", **messages.card(card)},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )

    path = contract["paths"][f"/{method}"]
    replies = (path.get("post") or path["get"])["responses"]
    schema = replies["200" if answer.json()["ok"] else "default"]["schema"]
    validator = Draft4Validator({**schema, "definitions": contract["definitions"]})
    assert [] == [error.message for error in validator.iter_errors(answer.json())]


def test_requests_keep_the_contract(
    bot: Context, slack: Served, card: Event, contract: dict[str, Any]
) -> None:
    """The contract of 2021 knows no metadata; all else we send is in it."""
    actions.post_card(card, bot)

    [seen] = [r for r in state(slack)["requests"] if r["path"].startswith("/api/")]
    method = contract["paths"]["/chat.postMessage"]["post"]
    known = {parameter["name"] for parameter in method["parameters"]}
    sent = json.loads(seen["body"])
    assert {"metadata"} == set(sent) - known
    assert seen["headers"]["Content-Type"].split(";")[0] in method["consumes"]


# Our plugin


def test_card_is_posted_by_webhook_and_by_bot(
    slack: Served, hook: Context, bot: Context, card: Event
) -> None:
    actions.post_card(card, hook)
    actions.post_card(card, bot)

    posted = state(slack)["messages"]
    assert [None, bot.idempotency_key()] == [
        message.get("metadata", {}).get("event_payload", {}).get("id")
        for message in posted
    ]
    assert posted[0]["attachments"] == posted[1]["attachments"]


def test_test_connection_sends_a_test_card(
    slack: Served, hook: Context, bot: Context
) -> None:
    said = [actions.test_connection(hook), actions.test_connection(bot)]

    assert said == [
        "A test card is in the webhook's channel.",
        "A test card is in #billing of Northwind MSP.",
    ]
    assert 2 == view(slack).count("<h2>Test card</h2>")


def test_its_settings_connect_the_demo(
    slack: Served,
    simulator: SlackSimulator,
    ctx_with: Make,
    card: Event,
) -> None:
    settings = simulator.settings(slack.url)
    ctx = ctx_with(**settings)

    actions.post_card(card, ctx)

    assert 1 == state(slack)["count"]
    assert SECRET == settings["signing_secret"]
    assert {} == SlackSettings(unknown="include").validate(settings)


@pytest.mark.parametrize(
    ("fault", "error_type"),
    [
        ({"kind": "error", "error": "channel_is_archived"}, CredentialsError),
        ({"kind": "error", "error": "no_service"}, CredentialsError),
        ({"kind": "error", "error": "action_prohibited"}, RejectedError),
        ({"kind": "error", "error": "rollup_error"}, UnavailableError),
        ({"kind": "429", "retry_after": 7}, RateLimitError),
        ({"kind": "500"}, UnavailableError),
        ({"kind": "401"}, CredentialsError),
        ({"kind": "400"}, RejectedError),
        ({"kind": "drop"}, UnavailableError),
    ],
)
def test_fault_is_the_error_it_plays(
    fault: dict[str, Any],
    error_type: type[ProviderError],
    slack: Served,
    hook: Context,
    card: Event,
) -> None:
    inject(slack, **fault)

    error = failed(lambda: actions.post_card(card, hook))
    actions.post_card(card, hook)

    assert error_type is type(error)
    assert fault.get("retry_after") == getattr(error, "retry_after", None)
    assert 1 == state(slack)["count"]


@pytest.mark.parametrize(
    ("word", "error_type"),
    [
        ("invalid_auth", CredentialsError),
        ("is_archived", RejectedError),
        ("ratelimited", RateLimitError),
    ],
)
def test_error_of_the_web_api_comes_with_status_200(
    word: str,
    error_type: type[ProviderError],
    slack: Served,
    bot: Context,
    card: Event,
) -> None:
    inject(slack, kind="error", error=word)

    error = failed(lambda: actions.post_card(card, bot))

    assert (error_type, 200, word) == (type(error), error.status, error.code)


def test_wrong_token_is_refused(
    slack: Served, simulator: SlackSimulator, bot: Context, card: Event
) -> None:
    simulator.configure({"bot_token": "xoxb-another"})

    error = failed(lambda: actions.post_card(card, bot))

    assert (CredentialsError, "invalid_auth") == (type(error), error.code)


def test_archived_channel_of_a_webhook(
    slack: Served, simulator: SlackSimulator, hook: Context, card: Event
) -> None:
    simulator.configure({"channel": "#archived"})

    error = failed(lambda: actions.post_card(card, hook))

    assert (410, "channel_is_archived") == (error.status, error.code)


# Validation


def section(text: Any, **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(action_id: str = "a", text: str = "Go", **more: Any) -> dict[str, Any]:
    label = {"type": "plain_text", "text": text}
    return {"type": "button", "text": label, "action_id": action_id, **more}


def asking(**changes: str) -> dict[str, Any]:
    texts = {"title": "a", "text": "a", "confirm": "a", "deny": "a"} | changes
    return {name: {"type": "plain_text", "text": text} for name, text in texts.items()}


def group(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def header(text: str, kind: str = "plain_text") -> dict[str, Any]:
    return {"type": "header", "text": {"type": kind, "text": text}}


def fields(*texts: str) -> dict[str, Any]:
    return {
        "type": "section",
        "fields": [{"type": "mrkdwn", "text": text} for text in texts],
    }


def context(count: int) -> dict[str, Any]:
    element = {"type": "mrkdwn", "text": "a"}
    return {"type": "context", "elements": [element] * count}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "no_text"),
        ({"text": " "}, "no_text"),
        ({"text": "a" * 40_001}, "msg_too_long"),
        ({"text": "a", "attachments": [{}] * 101}, "too_many_attachments"),
        ({"text": "a", "attachments": ["a"]}, "invalid_arguments"),
        ({"text": 7}, "invalid_arguments"),
        ({"blocks": "a"}, "invalid_blocks"),
        ({"blocks": ["a"]}, "invalid_blocks"),
        ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"blocks": [section("")]}, "invalid_blocks"),
        ({"blocks": [section(7)]}, "invalid_blocks"),
        ({"blocks": [section("a" * 3001)]}, "invalid_blocks"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"blocks": [fields(*"a" * 11)]}, "invalid_blocks"),
        ({"blocks": [fields("a" * 2001)]}, "invalid_blocks"),
        ({"blocks": [header("a" * 151)]}, "invalid_blocks"),
        ({"blocks": [header("a", "mrkdwn")]}, "invalid_blocks"),
        ({"blocks": [context(11)]}, "invalid_blocks"),
        ({"blocks": [{"type": "context"}]}, "invalid_blocks"),
        ({"blocks": [group(*[button(str(n)) for n in range(26)])]}, "invalid_blocks"),
        ({"blocks": [group(button(), button())]}, "invalid_blocks"),
        ({"blocks": [group(button(text="a" * 76))]}, "invalid_blocks"),
        ({"blocks": [group(button(url="a" * 3001))]}, "invalid_blocks"),
        ({"blocks": [group(button(value="a" * 2001))]}, "invalid_blocks"),
        ({"blocks": [group(button("a" * 256))]}, "invalid_blocks"),
        ({"blocks": [group(button(confirm="sure?"))]}, "invalid_blocks"),
        ({"blocks": [group(button(confirm=asking(deny="n" * 31)))]}, "invalid_blocks"),
        ({"blocks": [group(button(confirm=asking(title="")))]}, "invalid_blocks"),
        ({"blocks": [section("a", block_id="b" * 256)]}, "invalid_blocks"),
        ({"blocks": [section("a", block_id="b")] * 2}, "invalid_blocks"),
        ({"attachments": [{"blocks": [section("")]}]}, "invalid_blocks"),
        ({"blocks": [section("a" * 2700)] * 5}, "msg_blocks_too_long"),
    ],
)
def test_message_is_refused_as_slack_refuses_it(
    body: dict[str, Any], word: str, slack: Served
) -> None:
    by_hook = requests.post(slack.url + HOOK, json=body, timeout=10)
    by_bot = requests.post(
        f"{slack.url}/api/chat.postMessage",
        json={"channel": "#billing", **body},
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=10,
    )

    assert (400, word) == (by_hook.status_code, by_hook.text)
    assert (200, word) == (by_bot.status_code, by_bot.json()["error"])
    assert 0 == state(slack)["count"]


def test_refusal_says_where(slack: Served, sample: Make) -> None:
    body = {"channel": "#billing", "blocks": [header("a"), section("a" * 3001)]}

    answer = requests.post(
        f"{slack.url}/api/chat.postMessage",
        json=body,
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=10,
    )

    assert sample("chat-postmessage-invalid-blocks.json") == answer.json()


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null"])
def test_what_is_no_json_is_refused(raw: bytes, slack: Served) -> None:
    answer = requests.post(slack.url + HOOK, data=raw, timeout=10)

    assert (400, "invalid_payload") == (answer.status_code, answer.text)


def test_forms_are_read_too(slack: Served) -> None:
    payload = {"payload": json.dumps({"text": "by form"})}
    fields = {"token": TOKEN, "channel": "#b", "attachments": '[{"text": "x"}]'}

    by_hook = requests.post(slack.url + HOOK, data=payload, timeout=10)
    by_bot = requests.post(f"{slack.url}/api/chat.postMessage", fields, timeout=10)

    assert ("ok", True) == (by_hook.text, by_bot.json()["ok"])
    kept = state(slack)["messages"]
    assert ["by form", [{"text": "x"}]] == [kept[0]["text"], kept[1]["attachments"]]
    assert TOKEN not in json.dumps(kept)


def test_unknown_method_is_said_to_be_so(slack: Served) -> None:
    answer = requests.post(f"{slack.url}/api/chat.whisper", json={}, timeout=10)

    assert {"ok": False, "error": "unknown_method"} == answer.json()


def test_many_messages_are_counted_and_reset_forgets_them(slack: Served) -> None:
    with requests.Session() as session:
        for number in range(60):
            session.post(slack.url + HOOK, json={"text": f"number {number}"})

    before = state(slack)
    html = view(slack)
    requests.post(f"{slack.url}/_sim/reset", timeout=10)

    assert (60, 60) == (before["count"], len(before["messages"]))
    assert ("number 59" in html, "number 9<" in html) == (True, False)
    assert (0, []) == (state(slack)["count"], state(slack)["messages"])


# What a person sees and does


def test_card_is_shown_as_a_person_sees_it(
    slack: Served, hook: Context, card: Event
) -> None:
    actions.post_card(card, hook)

    html = view(slack)

    link = 'href="https://hub.example.com/invoices/1042"'
    assert 'fill="#2EB67D"' in html
    assert "<h2>Payment received</h2>" in html
    assert "<strong>Smith &amp; Sons</strong> paid invoice <a " + link in html
    assert "<strong>Amount</strong><br>1,250.00 USD" in html
    assert '<button class="button ">View payment</button>' in html
    assert "Jan 1, 2026 00:00</time>" in html


def test_hostile_card_does_no_harm_to_the_view(slack: Served) -> None:
    evil = '"><script>alert(1)</script>'
    body = {
        "text": evil,
        "attachments": [
            {
                "color": evil,
                "fallback": evil,
                "blocks": [
                    header(evil),
                    section(f"*{evil}* <javascript:alert(1)|{evil}> <!x|{evil}>"),
                    section(f"<https://x.example/?{evil}|{evil}>"),
                    group(button(evil, evil, url=f"javascript:{evil}", style=evil)),
                    {"type": "image", "image_url": evil, "alt_text": evil},
                ],
            }
        ],
    }

    answer = requests.post(slack.url + HOOK, json=body, timeout=10)
    html = view(slack)

    assert "ok" == answer.text
    assert ['<script src="/slack.js" defer></script>'] == re.findall(
        r"<script.*?</script>", html
    )
    assert "javascript:" not in re.sub(r">[^<]*<", "><", html)
    assert 'fill="#8a8a8d"' in html


def test_each_channel_has_its_view(slack: Served, bot: Context) -> None:
    actions.send_message(Message(text="over here", to="#general"), bot)
    actions.send_message(Message(text="and here"), bot)

    assert ("over here" in view(slack, "/channels/general")) is True
    assert ("over here" in view(slack, "/channels/billing")) is False
    assert "has come to #nowhere yet" in view(slack, "/channels/nowhere")


def test_view_looks_again_by_itself_until_it_is_paused(slack: Served) -> None:
    refresh = '<script src="/slack.js" defer>'

    assert (True, False) == (refresh in view(slack), refresh in view(slack, "/?paused"))


def test_style_is_served_from_the_same_place(slack: Served) -> None:
    answer = requests.get(f"{slack.url}/slack.css", timeout=10)

    assert "text/css; charset=utf-8" == answer.headers["Content-Type"]
    assert "prefers-color-scheme: dark" in answer.text
    script = requests.get(f"{slack.url}/slack.js", timeout=10)
    assert "text/javascript; charset=utf-8" == script.headers["Content-Type"]


def press(slack: Served, html: str) -> requests.Response:
    """Press the first button of the view."""
    named = dict(re.findall(r'name="(ts|block_id|action_id)" value="([^"]*)"', html))
    return requests.post(
        f"{slack.url}/click", data=named, allow_redirects=False, timeout=10
    )


def test_pressed_button_tells_the_hub_and_opens_its_link(
    slack: Served,
    simulator: SlackSimulator,
    hub: Hub,
    hook: Context,
    card: Event,
    verify: Callable[..., Verified],
) -> None:
    actions.post_card(card, hook)

    answer = press(slack, view(slack))
    simulator.wait_idle()

    assert (303, card.url) == (answer.status_code, answer.headers["Location"])
    [(headers, body)] = hub.requests
    payload = json.loads(parse_qs(body.decode())["payload"][0])
    assert ("block_actions", "open_payment", "payment_received:pay_1") == (
        payload["type"],
        payload["actions"][0]["action_id"],
        payload["actions"][0]["block_id"],
    )
    assert state(slack)["messages"][0]["ts"] == payload["container"]["message_ts"]
    assert f"trigger_id:{payload['trigger_id']}" == verify(headers, body).dedupe_key


@pytest.fixture
def verify(ctx_with: Make, request_with: Make) -> Callable[..., Verified]:
    """Verify as the hub does."""
    ctx = ctx_with(signing_secret=SECRET)
    return lambda headers, body: webhooks.verify(request_with(headers, body), ctx)


def test_payload_of_a_button_is_made_as_the_sample(
    slack: Served,
    simulator: SlackSimulator,
    hub: Hub,
    hook: Context,
    card: Event,
    sample: Make,
) -> None:
    actions.post_card(card, hook)
    press(slack, view(slack))
    simulator.wait_idle()

    [(_, body)] = hub.requests
    payload = json.loads(parse_qs(body.decode())["payload"][0])
    wanted = sample("block-actions-payload.json")
    assert set(payload) == set(wanted) - {"token"}
    assert set(payload["container"]) == set(wanted["container"])


def test_button_that_is_not_there_tells_nobody(
    slack: Served, simulator: SlackSimulator, hub: Hub
) -> None:
    answer = requests.post(f"{slack.url}/click", data={"ts": "1.0"}, timeout=10)

    assert (404, []) == (answer.status_code, hub.requests)


def test_what_people_do_is_heard_by_the_hub(
    slack: Served,
    simulator: SlackSimulator,
    hub: Hub,
    verify: Callable[..., Verified],
) -> None:
    for what in ("command", "mention", "handshake"):
        requests.post(f"{slack.url}/say", data={"what": what}, timeout=10)
    simulator.wait_idle()

    keys = [verify(headers, body).dedupe_key for headers, body in hub.requests]
    heard = [webhooks.event_type(webhooks.read(body)) for _, body in hub.requests]
    assert ["/hub", "app_mention", "url_verification"] == heard
    assert [True, True, False] == [key is not None for key in keys]
    assert 3 == view(slack).count('<b class="good">200</b>')


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*a* _b_ ~c~ `d`", "<strong>a</strong> <em>b</em> <s>c</s> <code>d</code>"),
        ("2*3*4 and a_b_c", "2*3*4 and a_b_c"),
        ("&lt;b&gt; &amp;amp;", "&lt;b&gt; &amp;amp;"),
        ("<!channel> hi", '<span class="ping">@channel</span> hi'),
        ("<@U1>", '<span class="mention">@U1</span>'),
        ("&gt; said\nthen", "<blockquote>said</blockquote>then"),
        ("<!date^x^{time}|soon>", "soon"),
        ("\x000\x00", "0"),
    ],
)
def test_mrkdwn_is_shown(text: str, html: str) -> None:
    assert html == mrkdwn(text)

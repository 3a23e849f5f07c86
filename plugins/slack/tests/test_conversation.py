"""What people do in Slack: buttons and commands, heard, answered, and forged."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import requests_mock
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

import hub_slack
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.events import Event
from hub.sdk.facts import ActionTaken
from hub.sdk.ledger import Balance, Company, Invoice
from hub.sdk.money import Money
from hub.sdk.testing import MemoryLedger, MemoryState, make_context
from hub.sdk.webhooks import Headers, Heard, InboundWebhook, Result, Unheard
from hub_slack import actions, buttons, commands, conversation, messages

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BACK = "https://hooks.slack.com/actions/T0HUB00001/1234567891/placeholder"
COMMANDS = "https://hooks.slack.com/commands/T0HUB00001/1234567890/placeholder"
AUTH = "https://slack.com/api/auth.test"
FACT = ActionTaken(
    id="button:remind:invoice:inv_977:C0BILLING1:1767225500.000200",
    as_of=datetime(2025, 12, 31, 23, 59, 59, 101010, UTC),
    action="remind",
    subject="invoice:inv_977",
    by="slack:U0ADMIN001",
)
Make = Callable[..., Any]
ANY_URL = requests_mock.ANY


@pytest.fixture(autouse=True)
def _stopped_clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def ctx(ctx_with: Make) -> Context:
    """A connection of the workspace T0HUB00001, by webhook."""
    made: Context = ctx_with(
        webhook_url="https://hooks.slack.com/services/T0HUB00001/B0HUB00001/xyzzy",
        delivery=None,
    )
    return made


@pytest.fixture
def payload(sample: Make) -> dict[str, Any]:
    """A press of "Send reminder"."""
    return copy.deepcopy(sample("pressed-button.json"))


@pytest.fixture
def hear(ctx: Context) -> Callable[..., list[Result]]:
    """Let the plugin hear a request, each time as a webhook of its own."""
    count = iter(range(1, 1000))

    def heard(body: bytes, *, id: str = "", at: datetime = NOW) -> list[Result]:
        webhook = InboundWebhook(
            id=id or f"whk_{next(count)}",
            path="",
            headers=Headers([]),
            body=body,
            received_at=at,
        )
        return list(conversation.handle(webhook, ctx))

    return heard


def form(payload: Any) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def facts_of(results: list[Result]) -> list[Any]:
    return [f for result in results if isinstance(result, Heard) for f in result.facts]


# Buttons


def test_press_is_a_fact_and_whoever_pressed_is_told(
    payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    answered = requests_mock.post(BACK, text="ok")

    assert [FACT] == facts_of(hear(form(payload)))

    [request] = answered.request_history
    said = request.json()
    assert "Authorization" not in request.headers
    assert ("ephemeral", False, "1767225400.000100") == (
        said["response_type"],
        said["replace_original"],
        said["thread_ts"],
    )
    assert "reminder of <https://hub.example.com/invoices/inv_977|" in said["text"]


def test_acknowledging_is_a_fact_too(
    payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    answered = requests_mock.post(BACK, text="ok")
    payload["actions"][0]["action_id"] = buttons.ACKNOWLEDGE

    [fact] = facts_of(hear(form(payload)))

    assert ("acknowledge", "invoice:inv_977") == (fact.action, fact.subject)
    assert "you look after" in answered.request_history[0].json()["text"]


def test_button_pressed_twice_is_one_fact_and_says_so(
    payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    answered = requests_mock.post(BACK, text="ok")
    again = copy.deepcopy(payload) | {"trigger_id": "2.2.two"}
    again["user"]["id"] = "U0OTHER001"
    again["actions"][0]["action_ts"] = "1767225600.000001"

    [first] = facts_of(hear(form(payload)))
    [second] = facts_of(hear(form(again)))

    said = [request.json()["text"] for request in answered.request_history]
    assert first.id == second.id
    assert ("is asked for" in said[0], "before" in said[1]) == (True, True)


def test_webhook_heard_twice_is_answered_once(
    payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    """A worker may die before it has written down what it heard."""
    answered = requests_mock.post(BACK, text="ok")

    for _ in range(2):
        assert [FACT] == facts_of(hear(form(payload), id="whk_same"))

    assert 1 == answered.call_count


@pytest.mark.parametrize(
    "broken",
    [
        {"status_code": 404, "text": "used_url"},
        {"status_code": 404, "text": "expired_url"},
        {"status_code": 429},
        {"status_code": 500},
        {"status_code": 302, "headers": {"Location": "https://evil.example/"}},
        {"exc": requests.ConnectTimeout},
    ],
)
def test_answer_that_fails_loses_no_fact(
    broken: Any, payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    answered = requests_mock.post(BACK, **broken)

    results = hear(form(payload))

    assert [FACT] == facts_of(results)
    assert 1 == answered.call_count


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/actions/T/1/x",
        "https://hooks.slack.com.evil.example/actions/T/1/x",
        "https://hooks.slack.com@evil.example/actions/T/1/x",
        "https://hooks.slack.com:8443/actions/T/1/x",
        "http://hooks.slack.com/actions/T/1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:8100/x",
        "file:///etc/passwd",
        "https://[broken",
        "",
        7,
        None,
    ],
)
def test_only_slack_is_answered(
    url: Any, payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    anywhere = requests_mock.post(ANY_URL, text="ok")
    payload["response_url"] = url

    assert [FACT] == facts_of(hear(form(payload)))
    assert 0 == anywhere.call_count


def test_answer_that_comes_too_late_is_not_given(
    payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    answered = requests_mock.post(BACK, text="ok")
    long_ago = NOW - timedelta(minutes=31)

    assert [FACT] == facts_of(hear(form(payload), at=long_ago))
    assert 0 == answered.call_count


def test_way_back_is_in_no_record(
    payload: Any, hear: Make, calls: Any, requests_mock: requests_mock.Mocker
) -> None:
    """It lets anybody who has it speak there for half an hour."""
    requests_mock.post(BACK, text="ok")

    hear(form(payload))

    assert 1 == len(calls)
    assert "1234567891/placeholder" not in repr(calls)


@pytest.mark.parametrize(
    "value",
    [
        "invoice:",
        "invoice:inv_1'; DROP TABLE",
        "invoice:../../etc",
        "invoice:" + "a" * 65,
        "company:com_1",
        "invoice:inv_1\n",
        "invoice:é",
        "",
        None,
        {"id": "inv_1"},
        ["invoice:inv_1"],
    ],
)
def test_value_of_another_shape_is_no_press(
    value: Any, payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    answered = requests_mock.post(BACK, text="ok")
    payload["actions"][0]["value"] = value

    assert [] == facts_of(hear(form(payload)))
    assert 0 == answered.call_count


@pytest.mark.parametrize(
    "change",
    [
        {"container": None},
        {"container": {"channel_id": "C1", "message_ts": "1.0"}},
        {"container": {"channel_id": "c' OR 1", "message_ts": "1767225500.000200"}},
        {"type": "view_submission"},
        {"actions": [None, 1, "x", [], {}]},
        {"actions": {"0": {}}},
    ],
)
def test_press_of_another_shape_is_none(change: Any, payload: Any, hear: Make) -> None:
    assert [] == facts_of(hear(form(payload | change)))


@pytest.mark.parametrize(
    "user", [None, {}, {"id": None}, {"id": "<@U1>"}, {"id": "U" * 99}, "U1"]
)
def test_unknown_person_may_press(
    user: Any, payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(BACK, text="ok")

    [fact] = facts_of(hear(form(payload | {"user": user})))

    assert "slack:unknown" == fact.by


@pytest.mark.parametrize("time", [None, 1767225599.1, "soon", "9" * 50, "1.1"])
def test_press_without_a_readable_time_counts_from_when_it_came(
    time: Any, payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(BACK, text="ok")
    payload["actions"][0]["action_ts"] = time

    [fact] = facts_of(hear(form(payload)))

    assert NOW == fact.as_of


@given(
    given=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["id", "action_id", "value", "channel_id", "x"]), inner
            )
        ),
        max_leaves=8,
    ),
    name=st.sampled_from(["actions", "container", "user", "team"]),
)
def test_no_payload_crashes(given: Any, name: str) -> None:
    payload = {"type": "block_actions", "actions": [{}], name: given}

    assert [] == buttons.pressed(payload)
    assert isinstance(buttons.team_of(payload), str)
    assert isinstance(buttons.thread_of(payload), str)


# Whose workspace


def test_press_in_another_workspace_is_not_ours(
    payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    """The signing secret is the app's: all its workspaces sign with it."""
    answered = requests_mock.post(BACK, text="ok")
    payload["team"]["id"] = "T0SOMEBODY"

    assert [] == facts_of(hear(form(payload)))
    assert 0 == answered.call_count


def test_workspace_of_a_bot_is_asked_for_once(
    payload: Any,
    ctx_with: Make,
    secrets: Any,
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(BACK, text="ok")
    whose = requests_mock.post(AUTH, json={"ok": True, "team_id": "T0HUB00001"})
    bot = ctx_with(bot_token=secrets["bot_token"], delivery=None)
    webhook = InboundWebhook(
        id="whk_1", path="", headers=Headers([]), body=form(payload), received_at=NOW
    )

    heard = [facts_of(list(conversation.handle(webhook, bot))) for _ in range(3)]

    assert [[FACT], [FACT], [FACT]] == heard
    assert 1 == whose.call_count
    assert secrets["bot_token"] not in repr(vars(bot.state)["values"])


def test_press_waits_while_slack_cant_say_whose_the_token_is(
    payload: Any,
    ctx_with: Make,
    secrets: Any,
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(AUTH, status_code=503)
    bot = ctx_with(bot_token=secrets["bot_token"], delivery=None)
    webhook = InboundWebhook(
        id="whk_1", path="", headers=Headers([]), body=form(payload), received_at=NOW
    )

    [result] = conversation.handle(webhook, bot)

    assert isinstance(result, Unheard)
    assert "block_actions" == result.event_type


def test_organisation_that_names_no_workspace_is_heard(
    payload: Any, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(BACK, text="ok")

    assert [FACT] == facts_of(hear(form(payload | {"team": None})))


# What stands on the cards


@pytest.mark.parametrize(
    ("event_type", "labels"),
    [
        ("invoice.overdue", ["View invoice", "Acknowledge", "Send reminder"]),
        ("invoice.sent", ["View invoice", "Acknowledge", "Send reminder"]),
        ("invoice.anomaly", ["View invoice", "Acknowledge"]),
        ("payment.received", ["View payment"]),
        ("connection.failing", ["View connection"]),
    ],
)
def test_buttons_of_a_card(event_type: str, labels: list[str], event_of: Make) -> None:
    elements = buttons_of(messages.card(event_of(event_type), interactive=True))

    assert labels == [each["text"]["text"] for each in elements]
    assert len(elements) == len({each["action_id"] for each in elements})


def buttons_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    [found] = [
        block["elements"]
        for block in body["attachments"][0]["blocks"]
        if block["type"] == "actions"
    ]
    elements: list[dict[str, Any]] = found
    return elements


def test_reminder_asks_first(event_of: Make) -> None:
    elements = buttons_of(messages.card(event_of("invoice.overdue"), interactive=True))

    asking = [each["action_id"] for each in elements if "confirm" in each]
    assert [buttons.REMIND] == asking


def test_card_of_an_odd_invoice_has_no_buttons_of_ours(event_of: Make) -> None:
    event = event_of("invoice.overdue", invoice_id="x'; --")

    assert 1 == len(buttons_of(messages.card(event, interactive=True)))


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (("bot_token", "signing_secret"), 3),
        (("bot_token",), 1),
        (("webhook_url", "signing_secret"), 1),
        (("webhook_url",), 1),
    ],
)
def test_buttons_need_a_bot_and_a_signing_secret(
    names: tuple[str, ...],
    count: int,
    ctx_with: Make,
    secrets: Any,
    event_of: Make,
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(secrets["webhook_url"], text="ok")
    requests_mock.post("https://slack.com/api/chat.postMessage", json={"ok": True})
    ctx = ctx_with(**{name: secrets[name] for name in names})

    actions.post_card(event_of("invoice.overdue"), ctx)

    [request] = requests_mock.request_history
    assert count == len(buttons_of(request.json()))


def check(body: dict[str, Any]) -> None:
    """Let Slack's SDK say whether the blocks are as its own."""
    holders = [body, *body.get("attachments", [])]
    for block in [each for held in holders for each in held.get("blocks", [])]:
        parsed = Block.parse(block)
        assert parsed is not None, block
        parsed.validate_json()


def test_slack_s_sdk_takes_the_cards(any_type: str, event_of: Make) -> None:
    check(messages.card(event_of(any_type), interactive=True))


# Commands


def company(name: str, id: str = "com_1") -> Company:
    return Company(id=id, name=name, currency="USD", country="", email="", phone="")


def owing(name: str, *open_amounts: Money, overdue: int = 0, id: str = "") -> Balance:
    return Balance(
        company=company(name, id or f"com_{abs(hash(name))}"),
        open_amounts=open_amounts,
        overdue=overdue,
    )


def invoice(**changes: Any) -> Invoice:
    made = Invoice(
        id="inv_977",
        number="INV-0977",
        company=company("Northwind Legal"),
        issue_date=date(2025, 12, 4),
        due_date=date(2025, 12, 18),
        total=Money.parse("640.00", "USD"),
        open_amount=Money.parse("40.00", "USD"),
        lines=(),
        state="partially_paid",
    )
    return replace(made, **changes)


@pytest.fixture
def ledger(ctx: Context) -> MemoryLedger:
    assert isinstance(ctx.ledger, MemoryLedger)
    return ctx.ledger


@pytest.fixture
def ask(
    hear: Make, sample: Make, requests_mock: requests_mock.Mocker
) -> Callable[[str], dict[str, Any]]:
    """Type a command; returns its answer, which Slack's SDK has looked at."""

    def typed(text: str, command: str = "/hub") -> dict[str, Any]:
        answered = requests_mock.post(COMMANDS, text="ok")
        given = dict(sample("slash-command-form.json")["params"])
        body = urlencode({**given, "command": command, "text": text}).encode()
        assert [] == facts_of(hear(body))
        [request] = answered.request_history
        said: dict[str, Any] = request.json()
        check(said)
        assert "ephemeral" == said["response_type"]
        return said

    return typed


def shown(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)


@pytest.mark.parametrize("number", ["INV-0977", "inv-0977", "`INV-0977`", "“INV-0977”"])
def test_invoice_is_shown(number: str, ask: Make, ledger: MemoryLedger) -> None:
    ledger.invoices.append(invoice())

    said = ask(f"invoice {number}")

    assert "Invoice INV-0977 of Northwind Legal is 14 days overdue" == said["text"]
    text = shown(said)
    for part in ("640.00 USD", "40.00 USD", "2025-12-18", "/invoices/inv_977"):
        assert part in text
    assert "#E01E5A" == said["attachments"][0]["color"]


@pytest.mark.parametrize(
    ("state", "due", "words", "colour"),
    [
        ("open", date(2026, 1, 1), "open", "#36C5F0"),
        ("open", date(2025, 12, 31), "1 day overdue", "#E01E5A"),
        ("partially_paid", date(2026, 2, 1), "partially paid", "#36C5F0"),
        ("paid", date(2025, 1, 1), "paid", "#2EB67D"),
        ("void", date(2025, 1, 1), "void", "#ECB22E"),
        ("draft", date(2025, 1, 1), "draft", "#ECB22E"),
    ],
)
def test_state_of_an_invoice(
    state: str,
    due: date,
    words: str,
    colour: str,
    ask: Make,
    ledger: MemoryLedger,
) -> None:
    ledger.invoices.append(invoice(state=state, due_date=due))

    said = ask("invoice INV-0977")

    assert said["text"].endswith(f"is {words}")
    assert colour == said["attachments"][0]["color"]


def test_client_is_shown(ask: Make, ledger: MemoryLedger) -> None:
    amounts = (Money.parse("40.00", "USD"), Money.parse("7.50", "EUR"))
    ledger.balances.append(owing("Smith & Sons", *amounts, overdue=1, id="com_7"))

    said = ask("client smith &amp; sons")

    expected = "Smith &amp; Sons owes 40.00 USD and 7.50 EUR, 1 invoice overdue"
    assert expected == said["text"]
    assert "/companies/com_7" in shown(said)


def test_client_that_owes_nothing_is_green(ask: Make, ledger: MemoryLedger) -> None:
    ledger.balances.append(owing("Acme"))

    said = ask("client Acme")

    assert "Acme owes nothing" == said["text"]
    assert "#2EB67D" == said["attachments"][0]["color"]


def test_several_clients_are_listed(ask: Make, ledger: MemoryLedger) -> None:
    for number in range(1, 8):
        ledger.balances.append(owing(f"Acme {number}"))

    text = shown(ask("client acme"))

    listed = [number for number in range(1, 8) if f"|Acme {number}>" in text]
    assert [1, 2, 3, 4, 5] == listed
    assert "There are more" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("invoice INV-1", "There is no invoice INV-1."),
        ("client Nobody", "There is no client whose name has Nobody in it."),
    ],
)
def test_nothing_found_says_so(text: str, words: str, ask: Make) -> None:
    assert words == ask(text)["text"]


@pytest.mark.parametrize("text", ["", "help", " HELP ", "invoice", "client  "])
def test_help_says_what_there_is(text: str, ask: Make) -> None:
    said = ask(text, "/billing")

    assert said["text"].startswith("This is what")
    assert "`/billing invoice INV-1`" in said["text"]


def test_unknown_word_leads_to_help(ask: Make) -> None:
    said = ask("dance *now*")

    assert said["text"].startswith("I don't know `dance`. This is what")


HOSTILE = [
    "<!channel>",
    "<@U0ADMIN001>",
    "<https://evil.example|Smith & Sons>",
    "*bold* _it_ `code`",
    "&amp; &lt;!here&gt;",
    "\u202e\u2066reversed",
    "👨‍👩‍👧‍👦" * 50,
    "&" * 5000,
    "<>" * 2500,
    "\x00\x07",
    "{amount} {0}",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_does_no_harm(
    name: str, ask: Make, ledger: MemoryLedger, sample: Make
) -> None:
    ledger.invoices.append(invoice(number=name, company=company(name)))
    ledger.balances += [owing(name, id=f"com_{number}") for number in range(8)]
    ctx_texts = [
        shown(commands.answer(commands.Asked("/hub", verb, about), context_of(ledger)))
        for verb, about in (("invoice", name), ("client", name), (name, name))
    ]
    ctx_texts += [shown(ask(f"client {name}"))]

    for text in ctx_texts:
        for ping in ("<!channel", "<@U", "<!here", "<https://evil"):
            assert ping not in text
        assert len(text) < 13_000


def context_of(ledger: MemoryLedger) -> Context:
    return replace(make_context(hub_slack, {}), ledger=ledger)


def test_command_is_answered_once(
    hear: Make, sample: Make, requests_mock: requests_mock.Mocker
) -> None:
    answered = requests_mock.post(COMMANDS, text="ok")
    body = urlencode(dict(sample("slash-command-form.json")["params"])).encode()

    for _ in range(2):
        hear(body, id="whk_same")

    assert 1 == answered.call_count


def test_command_in_another_workspace_learns_nothing(
    hear: Make, sample: Make, requests_mock: requests_mock.Mocker
) -> None:
    answered = requests_mock.post(COMMANDS, text="ok")
    given = dict(sample("slash-command-form.json")["params"])

    hear(urlencode({**given, "team_id": "T0SOMEBODY"}).encode())

    assert 0 == answered.call_count


@pytest.mark.parametrize("command", ["hub", "/", "/" + "a" * 40, "/<b>", "/hub x"])
def test_what_is_no_command_is_not_answered(
    command: str, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    answered = requests_mock.post(COMMANDS, text="ok")

    hear(urlencode({"command": command, "response_url": COMMANDS}).encode())

    assert 0 == answered.call_count


def test_way_back_is_kept_as_a_secret(
    payload: Any, ctx: Context, hear: Make, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(BACK, text="ok")
    assert isinstance(ctx.state, MemoryState)

    hear(form(payload))

    assert {FACT.id, "answered:whk_1", "way_back"} == set(ctx.state.values)
    assert {"way_back"} == ctx.state.secret


def test_events_without_an_invoice_have_no_buttons() -> None:
    event = Event(
        id="1",
        type="invoice.overdue",
        subject="invoice:1",
        occurred_at=clock.now(),
        data={},
        url="",
    )

    assert [] == list(buttons.of(event))

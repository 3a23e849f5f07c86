"""One thread for each invoice in a channel, whatever happens to its parent and
however often a delivery runs."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests_mock
from requests_mock.adapter import _Matcher as Matcher

from hub.sdk.context import Context
from hub.sdk.errors import RejectedError, UnavailableError
from hub.sdk.events import Event, Message
from hub_slack import actions

API = "https://slack.com/api/chat.postMessage"
Make = Callable[..., Any]
FIRST, SECOND, THIRD = "1767225600.000200", "1767225601.000300", "1767225602.000400"


def took(ts: str, **message: str) -> dict[str, Any]:
    """What Slack answers: the message as it stands there."""
    shown = {"type": "message", "ts": ts, **message}
    return {"json": {"ok": True, "channel": "C0BILLING1", "ts": ts, "message": shown}}


def refused(word: str) -> dict[str, Any]:
    return {"json": {"ok": False, "error": word}}


IN_THREAD = {"thread_ts": FIRST}
REPLIED, REPLIED_AGAIN = took(SECOND, **IN_THREAD), took(THIRD, **IN_THREAD)


@pytest.fixture
def slack(
    requests_mock: requests_mock.Mocker,
) -> Callable[..., Matcher]:
    """Play Slack: it answers so, in this order."""

    def play(*answers: dict[str, Any]) -> Matcher:
        return requests_mock.post(API, list(answers))

    return play


@pytest.fixture
def bot(ctx_with: Make, secrets: dict[str, str]) -> Context:
    ctx: Context = ctx_with(bot_token=secrets["bot_token"])
    return ctx


@pytest.fixture
def tell(bot: Context) -> Callable[..., None]:
    """Let the hub deliver an event, each time as a delivery of its own."""
    numbers: Iterator[int] = iter(range(1, 100))

    def deliver(event: Event, *, delivery: str = "", target: str = "") -> None:
        id = delivery or f"dlv_{next(numbers)}"
        actions.post_card(event, replace(bot, delivery=id, target=target))

    return deliver


@pytest.fixture
def overdue(event_of: Make) -> Event:
    event: Event = event_of("invoice.overdue", invoice_id="1042")
    return event


@pytest.fixture
def paid(event_of: Make) -> Event:
    event: Event = event_of("payment.received")
    return event


def places(sent: Matcher) -> list[tuple[str, str | None, bool]]:
    """Where each message went: channel, thread, and shown in the channel too."""
    bodies = [request.json() for request in sent.request_history]
    return [
        (body["channel"], body.get("thread_ts"), body.get("reply_broadcast", False))
        for body in bodies
    ]


def test_payment_answers_in_the_thread_of_its_invoice(
    slack: Make, tell: Make, overdue: Event, paid: Event
) -> None:
    sent = slack(took(FIRST), REPLIED, REPLIED_AGAIN)

    for event in (overdue, paid, overdue):
        tell(event)

    expected = [
        ("#billing", None, False),
        ("#billing", FIRST, False),
        ("#billing", FIRST, True),
    ]
    assert expected == places(sent)


@pytest.mark.parametrize(
    ("event_type", "shown"),
    [
        ("payment.disputed", True),
        ("invoice.overdue", True),
        ("payment.failed", False),
        ("payment.refunded", False),
        ("invoice.anomaly", False),
    ],
)
def test_only_what_is_important_is_shown_in_the_channel_too(
    event_type: str,
    shown: bool,
    slack: Make,
    tell: Make,
    paid: Event,
    event_of: Make,
) -> None:
    sent = slack(took(FIRST), REPLIED)

    tell(paid)
    tell(event_of(event_type, invoice_id="1042"))

    assert ("#billing", FIRST, shown) == places(sent)[1]


def test_each_invoice_has_its_own_thread(
    slack: Make, tell: Make, paid: Event, event_of: Make
) -> None:
    sent = slack(took(FIRST), took(SECOND))

    tell(paid)
    tell(event_of("invoice.overdue", invoice_id="977"))

    assert [None, None] == [thread for _, thread, _ in places(sent)]


def test_each_channel_has_its_own_thread(slack: Make, tell: Make, paid: Event) -> None:
    sent = slack(took(FIRST), took(SECOND), REPLIED_AGAIN)

    tell(paid)
    tell(paid, target="#disputes")
    tell(paid)

    expected = [
        ("#billing", None, False),
        ("#disputes", None, False),
        ("#billing", FIRST, False),
    ]
    assert expected == places(sent)


@pytest.mark.parametrize(
    "event_type", ["connection.failing", "quote.accepted", "mandate.changed"]
)
def test_what_is_about_no_invoice_is_in_no_thread(
    event_type: str, slack: Make, tell: Make, event_of: Make
) -> None:
    sent = slack(took(FIRST), took(SECOND))

    tell(event_of(event_type))
    tell(event_of(event_type))

    assert [None, None] == [thread for _, thread, _ in places(sent)]


def test_digest_is_in_no_thread(
    slack: Make, tell: Make, bot: Context, paid: Event
) -> None:
    """Digests come as free messages; each may speak of many invoices."""
    sent = slack(took(FIRST), took(SECOND))

    tell(paid)
    actions.send_message(Message(text="14 invoices are overdue"), bot)

    assert ("#billing", None, False) == places(sent)[1]


@pytest.mark.parametrize(
    "gone",
    ["thread_not_found", "message_not_found", "cannot_reply_to_message"],
)
def test_thread_whose_parent_is_gone_begins_anew(
    gone: str, slack: Make, tell: Make, paid: Event
) -> None:
    sent = slack(
        took(FIRST), refused(gone), took(SECOND), took(THIRD, thread_ts=SECOND)
    )

    for _ in range(3):
        tell(paid)

    assert [None, FIRST, None, SECOND] == [thread for _, thread, _ in places(sent)]


def test_reply_that_slack_put_into_the_channel_begins_the_new_thread(
    slack: Make, tell: Make, paid: Event
) -> None:
    """Slack says nothing when a parent is gone, but its answer names no thread."""
    sent = slack(took(FIRST), took(SECOND), took(THIRD, thread_ts=SECOND))

    for _ in range(3):
        tell(paid)

    assert [None, FIRST, SECOND] == [thread for _, thread, _ in places(sent)]


def test_card_that_is_there_is_not_posted_again(
    slack: Make, tell: Make, paid: Event, overdue: Event
) -> None:
    """ROAD 16: a process that dies after the call leaves the delivery to another."""
    sent = slack(took(FIRST), REPLIED)

    for _ in range(2):
        tell(overdue, delivery="dlv_first")
    for _ in range(2):
        tell(paid, delivery="dlv_second")
    tell(overdue, delivery="dlv_first")

    assert [None, FIRST] == [thread for _, thread, _ in places(sent)]


def test_first_card_that_was_not_noted_is_posted_again_and_begins_the_thread(
    slack: Make, tell: Make, bot: Context, paid: Event
) -> None:
    sent = slack(took(FIRST), took(SECOND), took(THIRD, thread_ts=SECOND))

    tell(paid, delivery="dlv_first")
    bot.state.delete("thread:#billing:1042")  # as if the process had died before
    tell(paid, delivery="dlv_first")
    tell(paid)

    assert [None, None, SECOND] == [thread for _, thread, _ in places(sent)]


def test_of_two_first_cards_at_once_one_thread_stays(
    tell: Make,
    bot: Context,
    paid: Event,
    overdue: Event,
    requests_mock: requests_mock.Mocker,
) -> None:
    def meanwhile(request: Any, context: Any) -> Any:
        if "first" not in told:
            told.append("first")
            tell(overdue)
            return took(SECOND)["json"]
        return took(FIRST)["json"]

    told: list[str] = []
    requests_mock.post(API, json=meanwhile)

    tell(paid)

    begun = bot.state.get("thread:#billing:1042")
    assert FIRST == begun["ts"]


def test_time_of_a_message_stays_a_text(
    slack: Make, tell: Make, bot: Context, paid: Event
) -> None:
    slack(took("1767225600.000200"))

    tell(paid)

    assert "1767225600.000200" == bot.state.get("thread:#billing:1042")["ts"]


@pytest.mark.parametrize(
    ("word", "error"),
    [("is_archived", RejectedError), ("ratelimited", UnavailableError)],
)
def test_other_refusals_of_a_reply_are_errors(
    word: str,
    error: type[Exception],
    slack: Make,
    tell: Make,
    paid: Event,
) -> None:
    sent = slack(took(FIRST), refused(word), REPLIED)

    tell(paid)
    with pytest.raises(error):
        tell(paid, delivery="dlv_again")
    tell(paid, delivery="dlv_again")

    assert [None, FIRST, FIRST] == [thread for _, thread, _ in places(sent)]


def test_webhook_alone_has_no_threads(
    ctx_with: Make,
    secrets: dict[str, str],
    paid: Event,
    requests_mock: requests_mock.Mocker,
) -> None:
    sent = requests_mock.post(secrets["webhook_url"], text="ok")
    ctx = ctx_with(webhook_url=secrets["webhook_url"])

    for _ in range(2):
        actions.post_card(paid, ctx)

    assert [False, False] == [
        "thread_ts" in request.json() for request in sent.request_history
    ]


def test_webhook_alone_takes_no_card_for_another_channel(
    ctx_with: Make, secrets: dict[str, str], paid: Event
) -> None:
    ctx = ctx_with(webhook_url=secrets["webhook_url"], target="#disputes")

    with pytest.raises(RejectedError, match="bot token"):
        actions.post_card(paid, ctx)


def test_free_message_goes_to_the_delivery_s_channel(slack: Make, bot: Context) -> None:
    sent = slack(took(FIRST), took(SECOND), took(THIRD))

    for ctx, to in (
        (bot, None),
        (replace(bot, target="#digest"), None),
        (replace(bot, target="#digest"), "#general"),
    ):
        actions.send_message(Message(text="Hello", to=to), ctx)

    channels = [channel for channel, _, _ in places(sent)]
    assert ["#billing", "#digest", "#general"] == channels

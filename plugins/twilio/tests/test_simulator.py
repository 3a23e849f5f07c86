"""Twilio's stand-in: what happens to texts, and the phones a person looks at."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from hub.sdk.context import Context
from hub.sdk.errors import RateLimitError, RecipientError, UnavailableError
from hub.sdk.events import Message
from hub_twilio import actions
from hub_twilio.simulator import rules

PHONE = "+15005550010"
NOBODY = "http://127.0.0.1:9"
HOSTILE = "<script>alert(1)</script> \"quoted\" 'x' & \u202e👋🏽\n{{ 7 * 7 }}"
SECONDS = 10


def get(sim: Any, path: str, **params: str) -> requests.Response:
    answer = requests.get(sim.address + path, params=params, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    return answer


def press(sim: Any, path: str, **form: str) -> requests.Response:
    """Press a button of the page."""
    return requests.post(
        sim.address + path, data=form, timeout=SECONDS, allow_redirects=False
    )


def send(ctx: Context, to: str = PHONE, body: str = "Hello") -> str:
    return actions.send_message(Message(text=body, to=to), ctx)


@pytest.fixture
def manual(sim: Any) -> Any:
    """The simulator, with reports by button."""
    sim.drive("config", reports="manual")
    return sim


def test_who_opted_out_is_refused_until_they_opt_in(
    sim: Any, connected: Context
) -> None:
    send(connected)
    sim.drive("text", **{"from": PHONE, "body": " stop "})

    with pytest.raises(RecipientError) as caught:
        send(connected)
    assert caught.value.opted_out
    send(connected, "+15005550011")

    sim.drive("text", **{"from": PHONE, "body": "Start"})
    assert send(connected)


def test_block_is_for_one_sender_only(
    sim: Any, make_ctx: Callable[..., Context]
) -> None:
    service = make_ctx(base=sim.address, hub=NOBODY)
    number = make_ctx(
        base=sim.address,
        hub=NOBODY,
        messaging_service_sid=None,
        from_number="+15005550006",
    )
    send(service)
    sim.drive("text", **{"from": PHONE, "body": "QUIT"})

    assert send(number)
    with pytest.raises(RecipientError):
        send(service)


def test_keyword_is_answered_by_twilio_itself(sim: Any) -> None:
    for body in ("STOP", "START", "HELP", "How much is it?"):
        sim.drive("text", **{"from": PHONE, "body": body})

    answers = [t for t in sim.phones.of(PHONE) if t.direction == "outbound-reply"]
    assert ["unsubscribed", "re-subscribed", "Reply STOP"] == [
        next(w for w in ("unsubscribed", "re-subscribed", "Reply STOP") if w in t.body)
        for t in answers
    ]


@pytest.mark.parametrize("to", sorted(rules.FATES))
def test_number_ends_as_the_page_says(to: str, manual: Any, connected: Context) -> None:
    """By itself, also where reports are by button."""
    text = manual.phones.texts[send(connected, to)]

    fate = rules.FATES[to]
    assert (fate.status, fate.code) == (text.status, text.code)


def test_busy_number_is_asked_to_wait(connected: Context) -> None:
    with pytest.raises(RateLimitError):
        send(connected, "+15005550029")


@pytest.mark.parametrize("kind", ["drop", "500", "503"])
def test_fault_leaves_the_text_in_doubt(
    kind: str, sim: Any, connected: Context
) -> None:
    sim.drive("faults", kind=kind, count=1)

    with pytest.raises(UnavailableError) as caught:
        send(connected)

    assert caught.value.outcome_unknown


def test_report_by_program_ends_a_text(manual: Any, connected: Context) -> None:
    sid = send(connected)
    assert "sent" == manual.phones.texts[sid].status

    shown = manual.drive("report", sid=sid, report="30003")

    assert ("undelivered", 30003) == (shown["status"], shown["error_code"])


def test_state_tells_texts_and_opt_outs_and_no_token(
    sim: Any, connected: Context
) -> None:
    send(connected, body=HOSTILE)
    sim.drive("text", **{"from": PHONE, "body": "STOP"})

    answer = get(sim, "/_sim/state")

    state = answer.json()
    assert [HOSTILE, "STOP"] == [each["body"] for each in state["messages"][:2]]
    assert [PHONE] == [each["phone"] for each in state["opted_out"]]
    assert connected.settings["auth_token"] not in answer.text
    (asked,) = (each for each in state["requests"] if each["method"] == "POST")
    assert HOSTILE == parse_qs(asked["body"])["Body"][0]


@pytest.mark.parametrize(
    ("body", "count"),
    [("x" * 160, 1), ("x" * 161, 2), ("ü 👋" * 17, 1), ("👋" * 36, 2)],
)
def test_text_costs_by_its_segments(
    body: str, count: int, sim: Any, connected: Context
) -> None:
    shown = sim.phones.texts[send(connected, body=body)].shown()

    assert (str(count), f"-{count * 790 / 100_000:.5f}") == (
        shown["num_segments"],
        shown["price"],
    )


# What a person sees


class _Seen(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_phone_shows_what_it_got_as_text(sim: Any, connected: Context) -> None:
    send(connected, body=HOSTILE)

    for path in ("/", "/list", "/thread"):
        answer = get(sim, path, phone=PHONE)
        seen = _Seen(answer.text)
        assert "script" not in seen.tags
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        if path != "/":
            assert HOSTILE in seen.text


def test_page_names_every_number_with_an_ending_of_its_own(sim: Any) -> None:
    seen = _Seen(get(sim, "/").text).text

    for number in (*rules.TO, *rules.FATES, *rules.FROM):
        assert number in seen


def test_page_is_there_before_anybody_was_texted(sim: Any) -> None:
    assert "Nobody was texted yet" in get(sim, "/list").text
    assert "No text on this phone yet" in get(sim, "/thread", phone=PHONE).text
    assert "text/css" in get(sim, "/twilio.css").headers["Content-Type"]


def test_reply_box_writes_to_whoever_texted_last(
    sim: Any, make_ctx: Callable[..., Context]
) -> None:
    send(
        make_ctx(
            base=sim.address,
            hub=NOBODY,
            messaging_service_sid=None,
            from_number="+15005550077",
        )
    )

    answer = press(sim, "/texts", phone=PHONE, body="", word="STOP")

    assert 303 == answer.status_code
    assert "/twilio/?phone=%2B15005550010" in answer.headers["Location"]
    assert {("+15005550077", PHONE)} == sim.phones.opted_out
    assert "opted out" in get(sim, "/thread", phone=PHONE).text


def test_empty_reply_writes_nothing(sim: Any) -> None:
    press(sim, "/texts", phone=PHONE, body="")
    press(sim, "/texts", phone="no number", body="x")

    assert {} == sim.phones.texts


def test_buttons_report_how_a_text_ends(
    sim: Any, make_ctx: Callable[..., Context]
) -> None:
    ctx = make_ctx(base=sim.address, hub=NOBODY)
    press(sim, "/mode", phone=PHONE, manual="on")
    sid = send(ctx)
    page = _Seen(get(sim, "/thread", phone=PHONE).text)
    for label, _ in rules.REPORTS.values():
        assert label in page.text

    for report, (_, fate) in rules.REPORTS.items():
        assert 303 == press(sim, "/reports", sid=sid, report=report).status_code
        assert fate.status == sim.phones.texts[sid].status

    assert 404 == press(sim, "/reports", sid=sid, report="x").status_code
    press(sim, "/mode", phone=PHONE)
    assert "delivered" == sim.phones.texts[send(ctx)].status


def test_thread_says_where_no_report_was_asked_for(
    sim: Any, make_ctx: Callable[..., Context]
) -> None:
    send(make_ctx(base=sim.address, hub="https://my_hub.example"))

    assert "No delivery report was asked for" in get(sim, "/thread", phone=PHONE).text

"""Notifications: who is told, what, and what becomes of it."""

import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import requests
import requests_mock
from marshmallow import ValidationError

from hub.sdk.cards import LOOKS
from hub.sdk.context import Context
from hub.sdk.errors import RejectedError, SettingsError, UnavailableError
from hub.sdk.events import Event, Message
from hub.sdk.serving import serve
from hub_apprise import actions, library, targets, words
from hub_apprise.provider import AppriseSettings
from hub_apprise.simulator import AppriseSimulator

Make = Callable[..., Any]
ONE, TWO = "https://hooks.example.com/one", "https://two.example.com/xyzzy"
SECRETS = ("plugh-Plover-2", "xyzzy")
NAMES = (
    "Zoë 👍",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "\ud800 half\x00",
    "x" * 5000,
    "*bold* _it_ [l](http://evil.example) `c`",
    "@everyone <@1234> <!channel>",
)


@pytest.mark.parametrize("event_type", sorted(LOOKS))
def test_each_event_is_told_in_words(
    event_type: str,
    ctx_with: Make,
    event_of: Make,
    requests_mock: requests_mock.Mocker,
) -> None:
    sent = requests_mock.post(TWO)
    ctx = ctx_with(target=targets.names(ctx_with().settings)[1])
    hook = actions.tell

    hook(event_of(event_type), ctx)

    told = sent.request_history[0].json()
    assert told["title"]
    assert "{" not in told["title"] + told["message"]
    assert words.KINDS[LOOKS[event_type].kind] == told["type"]
    assert told["message"].endswith("https://hub.example.com/invoices/inv_1")


def test_a_delivery_goes_to_its_own_target_only(
    ctx_with: Make, event_of: Make, requests_mock: requests_mock.Mocker
) -> None:
    """ROAD 15."""
    one, two = requests_mock.post(ONE), requests_mock.post(TWO)
    ctx = ctx_with(target=targets.names(ctx_with().settings)[0])

    actions.tell(event_of("invoice.paid"), ctx)

    assert (1, 0) == (one.call_count, two.call_count)


def test_target_whose_url_is_gone_is_refused(ctx_with: Make, event_of: Make) -> None:
    with pytest.raises(RejectedError, match="None of the connection's URLs"):
        actions.tell(event_of("invoice.paid"), ctx_with(target="json-00000000"))


def test_message_may_name_its_target(
    ctx_with: Make, requests_mock: requests_mock.Mocker
) -> None:
    ctx = ctx_with()
    one, two = requests_mock.post(ONE), requests_mock.post(TWO)

    actions.send_message(Message(text="Hello"), ctx)
    actions.send_message(Message(text="You", to=targets.names(ctx.settings)[1]), ctx)

    assert (1, 2) == (one.call_count, two.call_count)
    assert "Hello" == one.request_history[0].json()["message"]


def test_schema_names_a_target_only_where_one_has_it(
    ctx_with: Make, requests_mock: requests_mock.Mocker
) -> None:
    message = Message(text="You", to="jsons")
    with pytest.raises(RejectedError, match="several are"):
        actions.send_message(message, ctx_with())
    sent = requests_mock.post(TWO)
    actions.send_message(message, ctx_with("jsons://two.example.com/xyzzy"))
    assert sent.called_once


@pytest.mark.parametrize("message", [Message(text=" "), Message(text="", to="x")])
def test_empty_message_is_refused(message: Message, ctx_with: Make) -> None:
    with pytest.raises(RejectedError, match="empty"):
        actions.send_message(message, ctx_with())


def test_mandate_is_told_where_somebody_has_to_act(
    ctx_with: Make, event_of: Make, requests_mock: requests_mock.Mocker
) -> None:
    sent = requests_mock.post(TWO)
    ctx = ctx_with("jsons://two.example.com/xyzzy")

    for state in ("active", "failed"):
        actions.tell_of_mandate(event_of("mandate.changed", state=state), ctx)

    assert sent.called_once


@pytest.mark.parametrize(
    "reply",
    [
        *({"status_code": status} for status in (302, 400, 401, 404, 410, 429, 500)),
        {"exc": requests.ReadTimeout("xyzzy")},
        {"exc": requests.ConnectionError("xyzzy")},
        {"exc": RuntimeError("xyzzy")},
    ],
)
def test_whatever_fails_is_tried_again_and_shows_no_secret(
    reply: dict[str, Any],
    ctx_with: Make,
    event_of: Make,
    requests_mock: requests_mock.Mocker,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    echo: dict[str, Any] = {} if "exc" in reply else {"text": "plugh-Plover-2"}
    requests_mock.post(ONE, **echo, **reply)
    ctx: Context = ctx_with("jsons://user:plugh-Plover-2@hooks.example.com/one")

    with pytest.raises(UnavailableError) as caught:
        actions.tell(event_of("invoice.paid"), ctx)

    lines = [r.getMessage() for r in caplog.records if "requests_mock" not in r.name]
    shown = [*traceback.format_exception(caught.value), *capfd.readouterr(), *lines]
    assert caught.value.outcome_unknown
    assert not [s for s in SECRETS for text in shown if s in text]


def test_redirect_is_not_followed_even_if_the_url_asks_for_it(
    ctx_with: Make, event_of: Make, requests_mock: requests_mock.Mocker
) -> None:
    elsewhere = requests_mock.get("https://evil.example/")
    requests_mock.post(
        TWO, status_code=302, headers={"Location": "https://evil.example/"}
    )
    with pytest.raises(UnavailableError):
        actions.tell(
            event_of("invoice.paid"),
            ctx_with("jsons://two.example.com/xyzzy?redirect=yes"),
        )
    assert not elsewhere.called


def test_slow_service_is_left_after_a_while(
    ctx_with: Make, event_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "SECONDS", 0.3)
    simulator = AppriseSimulator()
    with serve(simulator) as served:
        url = simulator.settings(served.url)["urls"]
        fault = {"kind": "slow", "count": 1}
        requests.post(f"{served.url}/_sim/faults", json=fault, timeout=10)
        with pytest.raises(UnavailableError):
            actions.tell(event_of("invoice.paid"), ctx_with(url))


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_stay_on_their_line_and_call_nobody(
    name: str, event_of: Make
) -> None:
    event: Event = event_of("invoice.overdue", company={"id": "c", "name": name})
    note = words.of_event(event, "https://hub.example.com")
    assert len(note.title) <= words.TITLE
    assert len(note.body) < 4000
    assert not {"\x00", "\u202e", "\ud800"} & set(note.title + note.body)
    for mention in ("@everyone", "<@", "<!"):
        assert mention not in note.title + note.body


@pytest.mark.parametrize(
    "url",
    [
        "syslog://",
        "dbus://",
        "windows://",
        "gnome://",
        "blink1://",
        "file:///etc/passwd",
        "hooks.example.com/plugh-Plover-2",
        "discord://plugh-Plover-2",
        "json://169.254.169.254/plugh-Plover-2",
        "json://[fe80::1]/x",
        "fcm://project@plugh-Plover-2/#topic?keyfile=/etc/passwd",
        "mailto://u:plugh-Plover-2@example.com?pgpkey=/etc/passwd",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template=/etc/passwd",
        "jsons://ok.example.com, syslog://",
    ],
)
def test_url_that_must_not_be_used_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AppriseSettings().load({"urls": url})
    told = caught.value.normalized_messages()
    assert ["urls"] == list(told)
    assert "plugh-Plover-2" not in str(told)


def test_url_out_of_the_environment_is_looked_at_too(
    ctx_with: Make, event_of: Make
) -> None:
    ctx = ctx_with()
    ctx.settings["urls"] = "syslog://"
    with pytest.raises(SettingsError, match="own machine"):
        actions.tell(event_of("invoice.paid"), ctx)


def test_urls_are_told_apart_and_named_without_their_secrets() -> None:
    text = "jsons://a:plugh@x.example/1,2, discord://xyzzy/secret\n\njsons://y.example"
    found = targets.urls_of(text)
    names = targets.names({"urls": text})
    assert ("jsons://a:plugh@x.example/1,2", "discord://xyzzy/secret") == found[:2]
    assert ["jsons", "discord", "jsons"] == [name.partition("-")[0] for name in names]
    assert len(set(names)) == len(found)
    assert not [name for name in names if "xyzzy" in name or "plugh" in name]
    assert () == targets.names({"urls": " ,\n"})


def test_page_shows_what_came_as_text(ctx_with: Make, event_of: Make) -> None:
    simulator = AppriseSimulator()
    with serve(simulator) as served:
        settings = requests.get(f"{served.url}/_sim/settings", timeout=10).json()
        ctx = ctx_with(settings["settings"]["urls"])
        name = {"id": "c", "name": "<b>Zoë</b>"}
        actions.tell(event_of("invoice.overdue", company=name), ctx)
        page = requests.get(served.url, timeout=10)
        state = requests.get(f"{served.url}/_sim/state", timeout=10).json()
    assert "&lt;b&gt;Zoë&lt;/b&gt;" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert ["warning"] == [note["type"] for note in state["notes"]]

"""The stand-in for a mail server, and the view of what it took."""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from hub.sdk.events import Message
from hub.sdk.serving import Served, Simulators, serve
from hub.sdk.simulator import Fault
from hub_email import actions
from hub_email.simulator import EmailSimulator
from hub_email.simulator.faults import REPLIES, is_at, reply_of

SECONDS = 10
EVIL = "<script>alert(1)</script><img src=https://evil.example/x onerror=x>"


@pytest.fixture
def view(post: Any) -> Iterator[Served]:
    """The mail view, mounted as `hub sim` does."""
    with serve(Simulators({"email": post.simulator})) as served:
        yield Served(f"{served.url}/email", served.port)


def send(post: Any, **message: Any) -> None:
    whole = {"text": "Hello", "to": "ap@client.example", **message}
    actions.send_message(Message(**whole), post.ctx())


def test_settings_connect_the_demo(view: Served, post: Any) -> None:
    url = f"{view.url}/_sim/settings"
    found = requests.get(url, timeout=SECONDS).json()["settings"]

    assert "127.0.0.1" == found["host"]
    assert str(post.simulator.listener.port) == found["port"]
    assert "none" == found["tls"]
    actions.send_message(
        Message(text="x", to="a@b.example"),
        post.ctx(**found, username=None, password=None),
    )
    assert 1 == len(post.simulator.mails)


def test_view_shows_headers_text_and_the_html_in_a_sandbox(
    view: Served, post: Any
) -> None:
    stop = "https://hub.example.com/unsubscribe/x"
    send(post, text=f"Dear {EVIL}", subject=EVIL, unsubscribe_url=stop)

    answer = requests.get(f"{view.url}/?mail=1", timeout=SECONDS)

    said = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in said
    assert "script" not in said
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert "&lt;script&gt;" in answer.text
    [frame] = re.findall(r"<iframe[^>]*>", answer.text)
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame
    assert f'href="{stop}"' in answer.text
    assert "List-Unsubscribe-Post" in answer.text


def test_html_part_runs_nothing_and_loads_nothing(view: Served, post: Any) -> None:
    send(post, text=EVIL)

    answer = requests.get(f"{view.url}/mails/1/html", timeout=SECONDS)

    said = answer.headers["Content-Security-Policy"]
    assert said.startswith("sandbox ")
    assert "default-src 'none'" in said
    assert "allow-scripts" not in said
    assert "<script" not in answer.text


def test_list_shows_every_mail_and_its_copies(view: Served, post: Any) -> None:
    send(post, subject="First")
    send(post, subject="First")

    text = requests.get(view.url, timeout=SECONDS).text

    assert 2 == text.count('<b dir="auto">First</b>')
    assert "second copy of 1" in text
    assert "2 mails so far" in text


def test_one_click_unsubscribes(view: Served, post: Any) -> None:
    """RFC 8058: a POST with nothing but these words."""
    heard: list[tuple[str, bytes]] = []

    def hub(environ: Any, start_response: Callable[..., Any]) -> list[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        heard.append((environ["REQUEST_METHOD"], environ["wsgi.input"].read(length)))
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    with serve(hub) as served:
        send(post, unsubscribe_url=f"{served.url}/unsubscribe/x")
        answer = requests.post(f"{view.url}/mails/1/unsubscribe", timeout=SECONDS)

    assert [("POST", b"List-Unsubscribe=One-Click")] == heard
    assert "The hub answered 200." in answer.text


def test_mail_without_it_has_nothing_to_click(view: Served, post: Any) -> None:
    send(post)

    answer = requests.post(f"{view.url}/mails/1/unsubscribe", timeout=SECONDS)

    assert 400 == answer.status_code
    assert "Unsubscribe" not in requests.get(view.url, timeout=SECONDS).text


def test_mail_is_there_as_it_came(view: Served, post: Any) -> None:
    send(post)

    answer = requests.get(f"{view.url}/mails/1/raw", timeout=SECONDS)

    assert post.simulator.mails[0].raw == answer.content
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["?mail=1", "mails/1/html", "mails/0/raw"])
def test_what_did_not_come_is_not_there(path: str, view: Served) -> None:
    assert 404 == requests.get(f"{view.url}/{path}", timeout=SECONDS).status_code


def test_state_tells_programs_what_came(view: Served, post: Any) -> None:
    send(post, subject="Größe 👍", text="Grüße")

    state = requests.get(f"{view.url}/_sim/state", timeout=SECONDS).json()

    [mail] = state["mails"]
    assert ("Größe 👍", "Grüße") == (mail["subject"], mail["text"].strip())
    assert ["ap@client.example"] == mail["recipients"]


def test_looking_uses_up_no_fault(view: Served, post: Any) -> None:
    post.fault("450")
    requests.get(view.url, timeout=SECONDS)

    assert ["450"] == [fault.kind for fault in post.simulator.faults]


def test_fault_is_due_at_its_stage_or_where_it_is_told() -> None:
    assert is_at(Fault("550"), "recipient")
    assert not is_at(Fault("550"), "sender")
    assert is_at(Fault("550", path="/sender"), "sender")
    assert not is_at(Fault("550", path="/sender"), "recipient")
    assert reply_of(Fault("550", path="/sender"), "sender").startswith("550 ")


def test_each_kind_has_its_stage() -> None:
    stages = {"greeting", "sign-in", "sender", "recipient", "message"}

    assert {stage for replies in REPLIES.values() for stage in replies} == stages


def test_nothing_is_left_running() -> None:
    before = set(threading.enumerate())
    unused, used = EmailSimulator(), EmailSimulator()
    port = used.listener.port
    during = set(threading.enumerate()) - before
    unused.close()
    used.close()

    assert 1 == len(during), "a server that nobody asked for isn't started"
    assert all(thread.daemon for thread in during), "they end with the process"
    assert not during & set(threading.enumerate())
    assert port > 0

"""Talks in another protocol than HTTP: held to the same rules as calls."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.sdk.conversation import MOST_HEARD
from hub.sdk.errors import PluginError, SettingsError, UnavailableError
from hub.sdk.http import ApiClient, CallRecord, Conversation, Outgoing
from hub.sdk.redaction import HIDDEN, Redactor
from tests.parts.certificates import certified
from tests.sdk import wire

SECRET = "kept-to-ourselves/42+7="
BODY = b"what only the recipient may read"


class Talks:
    """A client whose settings name a server, its records and what was about to go."""

    def __init__(self, *names: str, **options: Any) -> None:
        self.records: list[CallRecord] = []
        self.about: list[Outgoing] = []
        self.api = ApiClient(
            plugin="acme",
            connection="acme-1",
            title="Acme",
            given=names or ("localhost",),
            redactor=Redactor([SECRET]),
            record=self.records.append,
            around=self._sending,
            **options,
        )

    @contextmanager
    def _sending(self, request: Outgoing) -> Iterator[None]:
        self.about.append(request)
        yield

    def talk(self, url: str, do: Callable[[Conversation], object]) -> CallRecord:
        """Hold one talk and return what was kept of it."""
        with self.api.conversation("acmep", url, body=BODY) as talk:
            do(talk)
        return self.records[-1]


def greets(connection: socket.socket, _over: threading.Event) -> None:
    """Greet, read what is said, and say it back."""
    connection.sendall(b"200 Welcome\r\n")
    connection.sendall(b"201 You said " + connection.recv(4096))


def drips(connection: socket.socket, over: threading.Event) -> None:
    """Greet for ever, a byte at a time."""
    while not over.wait(0.05):
        connection.sendall(b"2")


def greeted(talk: Conversation) -> None:
    with talk.connect() as connection, talk.reader(connection) as reader:
        talk.hear(200, reader.readline().decode())
        talk.say(f"HELLO {SECRET}")
        talk.sends()
        connection.sendall(BODY + b" " + SECRET.encode() + b"\r\n")
        line = reader.readline().decode()
        talk.hear(201, line.replace(BODY.decode(), "…"))


def at(address: tuple[str, int]) -> str:
    return f"acmep://localhost:{address[1]}"


def test_talk_is_kept_without_secrets_and_what_was_sent() -> None:
    talks = Talks()
    with wire.server(greets) as address:
        kept = talks.talk(at(address), greeted)

    assert ("ACMEP", at(address), 201, "") == (
        kept.method,
        kept.url,
        kept.status,
        kept.error,
    )
    assert f"HELLO {HIDDEN}" == kept.request_excerpt
    assert f"200 200 Welcome\n201 201 You said … {HIDDEN}" == kept.response_excerpt
    assert len(BODY) == kept.request_size
    assert BODY.decode() not in repr(kept)


def test_it_is_announced_with_its_body_before_a_byte_leaves() -> None:
    """ROAD 16."""
    talks = Talks()
    with (
        wire.server(greets) as address,
        talks.api.conversation("acmep", at(address), body=BODY) as talk,
    ):
        before = len(talks.about)
        greeted(talk)

    assert 1 == before
    assert (BODY, False) == (talks.about[0].body, talks.about[0].reads)


def test_what_is_not_announced_does_not_begin() -> None:
    def refused(request: Outgoing) -> AbstractContextManager[None]:
        raise PluginError("not now")

    api = ApiClient(
        plugin="acme", connection="acme", given=["localhost"], around=refused
    )
    with (
        pytest.raises(PluginError, match="not now"),
        api.conversation("acmep", "acmep://localhost:1"),
    ):
        pytest.fail("the talk began")


@pytest.mark.parametrize("begun", [False, True])
def test_break_leaves_the_outcome_open_only_after_something_left(begun: bool) -> None:
    def broken(talk: Conversation) -> None:
        if begun:
            talk.sends()
        raise ConnectionResetError(SECRET)

    talks = Talks()
    with pytest.raises(UnavailableError) as caught:
        talks.talk("acmep://localhost:9", broken)

    assert begun == caught.value.outcome_unknown
    assert SECRET not in f"{caught.value} {talks.records}"
    assert talks.records[0].error.startswith("UnavailableError: Acme")


def test_refused_connection_says_that_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(UnavailableError, match="nothing was sent") as caught:
        Talks().talk(f"acmep://localhost:{port}", lambda talk: talk.connect())

    assert not caught.value.outcome_unknown


def test_dripping_server_holds_nobody() -> None:
    """ROAD 22."""

    def listen(talk: Conversation) -> None:
        with talk.connect() as connection, talk.reader(connection) as reader:
            reader.readline()

    talks = Talks(timeout=0.5)
    with wire.server(drips) as address, pytest.raises(UnavailableError):
        talks.talk(at(address), listen)

    assert talks.records[0].duration_ms < 1000 * wire.LONGEST_DRIP / 4


def test_server_that_never_ends_is_left() -> None:
    """ROAD 22: what is heard is bounded, too."""

    def chats(connection: socket.socket, over: threading.Event) -> None:
        while not over.is_set():
            connection.sendall(b"200-and\r\n" * 10_000)

    def listen(talk: Conversation) -> None:
        with talk.connect() as connection, talk.reader(connection) as reader:
            while line := reader.readline():
                heard.append(len(line))

    heard: list[int] = []
    with wire.server(chats) as address, pytest.raises(UnavailableError):
        Talks().talk(at(address), listen)

    assert sum(heard) <= MOST_HEARD


def test_name_that_cannot_be_is_not_reached() -> None:
    name = "x" * 64 + ".example"

    with pytest.raises(UnavailableError, match="nothing was sent"):
        Talks(name).talk(f"acmep://{name}:25", lambda talk: talk.connect())


def test_certificate_has_to_be_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def secured(talk: Conversation) -> None:
        with talk.connect() as plain, talk.secured(plain) as connection:
            assert isinstance(connection, ssl.SSLSocket)
            with talk.reader(connection) as reader:
                assert b"200 Welcome\r\n" == reader.readline()
            connection.sendall(b"bye")

    context, path = certified(tmp_path)
    with wire.server(greets, context) as address:
        with pytest.raises(UnavailableError, match="certificate") as caught:
            Talks().talk(at(address), secured)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
        Talks().talk(at(address), secured)

    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("mail.acme.example", "acmep://mail.acme.example:25"),
        ("Mail.Acme.example", "acmep://mail.acme.example:25"),
        ("10.0.0.5", "acmep://10.0.0.5:25"),
        ("::1", "acmep://[::1]:25"),
        ("mail.münchen.example", "acmep://mail.münchen.example:25"),
    ],
)
def test_server_that_an_admin_named_is_called(given: str, url: str) -> None:
    with Talks(given).api.conversation("acmep", url) as talk:
        assert given.lower() == talk.host
        assert 25 == talk.port


@pytest.mark.parametrize(
    "url",
    [
        "acmep://evil.example:25",
        "acmep://localhost",
        "acmep://someone@localhost:25",
        "acmep://localhost:nonsense",
        "acmep://localhost:99999",
        "acmep://:25",
        "localhost:25",
        "",
    ],
)
def test_no_other_server_is_called(url: str) -> None:
    talks = Talks()
    with pytest.raises(PluginError):
        talks.talk(url, greeted)

    assert [] == talks.about + talks.records


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "metadata.google.internal", "2852039166", "224.0.0.1"]
)
def test_address_that_no_provider_has_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="link-local"):
        Talks(host).talk(f"acmep://{host}:25", greeted)


def test_name_that_leads_to_such_an_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 25))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    with pytest.raises(SettingsError, match="link-local"):
        Talks("mail.acme.example").talk("acmep://mail.acme.example:25", greeted)


def test_stand_in_for_web_pages_is_not_passed_by() -> None:
    """Whoever set api_base_url to a simulator must not send real mail."""
    talks = Talks("mail.acme.example", api_base_url="http://localhost:8100/acme")

    with pytest.raises(SettingsError, match="api_base_url"):
        talks.talk("acmep://mail.acme.example:25", greeted)
    with talks.api.conversation("acmep", "acmep://localhost:2525") as talk:
        assert 2525 == talk.port

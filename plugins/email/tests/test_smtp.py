"""Mails over real sockets: what is said to a server, and what its answers mean."""

import base64
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

import hub_email
from hub.sdk.context import Context
from hub.sdk.errors import (
    CredentialsError,
    HubError,
    ProviderError,
    RateLimitError,
    RecipientError,
    RejectedError,
    SettingsError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub.sdk.events import Message
from hub.sdk.http import CallRecord
from hub.sdk.redaction import Redactor
from hub.sdk.testing import make_context
from hub_email import actions, smtp
from hub_email.actions import NO_ADDRESS, NO_BLOCKS, NO_RECIPIENT, NO_TEXT
from hub_email.provider import NOT_HERE, NOT_IN_THE_OPEN
from hub_email.smtp import ASCII_ONLY, BOTH, NO_SIGN_IN, NO_STARTTLS, NO_TLS
from tests.parts.certificates import certified

Play = Callable[..., Any]
USERNAME = "billing@example.com"
PASSWORD = "made-up/Plover+42"
BODY = "The invoice of 17 December is the largest of the year."
MESSAGE = Message(
    text=f"Dear Acme,\n.\n{BODY}\n",
    to="ap@client.example",
    subject="Invoice INV-1",
    link="https://hub.example.com/invoices/1",
)


def failed(action: Callable[[], Any]) -> HubError:
    with pytest.raises(HubError) as caught:
        action()
    return caught.value


def send(ctx: Context, message: Message = MESSAGE) -> str:
    return actions.send_message(message, ctx)


# What arrives


def test_mail_arrives_whole_and_is_named(post: Any) -> None:
    named = send(post.ctx())

    [mail] = post.simulator.mails
    assert (USERNAME, ("ap@client.example",)) == (mail.sender, mail.recipients)
    assert named == mail.header("Message-ID")
    assert f"Dear Acme,\n.\n{BODY}" in mail.text.replace("\r\n", "\n")
    assert "https://hub.example.com/invoices/1" in mail.html


def test_second_try_is_known_as_a_copy(post: Any) -> None:
    """ROAD 17."""
    named = {send(post.ctx()) for _ in range(2)}

    assert 1 == len(named)
    assert [None, 1] == [mail.copy_of for mail in post.simulator.mails]


def test_what_is_kept_of_the_talk_has_no_secret_and_no_text(post: Any) -> None:
    send(post.ctx())

    [call] = post.calls
    port = post.simulator.listener.port
    assert ("SMTP", f"smtp://localhost:{port}", 250, "") == (
        call.method,
        call.url,
        call.status,
        call.error,
    )
    said = call.request_excerpt.split("\n")
    assert ["EHLO hub.example.com", "AUTH PLAIN"] == said[:2]
    assert said[2].startswith("MAIL FROM:<billing@example.com> SIZE=")
    assert ["RCPT TO:<ap@client.example>", "DATA", "QUIT"] == said[3:]
    assert "250 2.0.0 OK: queued as 1" == call.response_excerpt.split("\n")[-1]
    assert call.request_size > len(BODY)


def test_international_address_goes_to_a_server_that_knows_them(post: Any) -> None:
    send(post.ctx(), Message(text="x", to="josé@münchen.example"))

    [mail] = post.simulator.mails
    assert ("josé@xn--mnchen-3ya.example",) == mail.recipients


def test_talk_is_tested_without_a_mail(post: Any) -> None:
    said = actions.test_connection(post.ctx())

    assert "answers (unencrypted, signed in as billing@example.com)" in said
    assert [] == post.simulator.mails
    assert "NOOP" in post.calls[0].request_excerpt


def test_relay_that_wants_no_signing_in_is_not_signed_in_to(post: Any) -> None:
    ctx = post.ctx(username=None, password=None)

    assert "without signing in" in actions.test_connection(ctx)
    send(ctx)
    assert "AUTH" not in f"{[call.request_excerpt for call in post.calls]}"
    assert 1 == len(post.simulator.mails)


# Encryption


@pytest.mark.parametrize(("tls", "at_once"), [("starttls", False), ("tls", True)])
def test_mail_goes_encrypted_to_a_server_with_the_right_certificate(
    tls: str,
    at_once: bool,
    play: Play,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context, path = certified(tmp_path)
    with play(context, at_once=at_once) as post:
        refused = failed(lambda: send(post.ctx(tls=tls)))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
        send(post.ctx(tls=tls))
        said = actions.test_connection(post.ctx(tls=tls))

    assert isinstance(refused, UnavailableError)
    assert "certificate" in str(refused)
    assert not refused.outcome_unknown
    assert "AUTH" not in post.calls[0].request_excerpt
    assert 1 == len(post.simulator.mails)
    assert "(encrypted, signed in" in said


def test_certificate_for_another_name_is_refused(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, path = certified(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    found = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *a, **k: found(
            host.replace("mail.acme.example", "127.0.0.1"), *a, **k
        ),
    )
    with play(context) as post:
        error = failed(lambda: send(post.ctx(tls="starttls", host="mail.acme.example")))

    assert isinstance(error, UnavailableError)
    assert "mail.acme.example" in str(error)
    assert [] == post.simulator.mails


def test_server_without_starttls_gets_neither_password_nor_mail(post: Any) -> None:
    """Somebody between may have cut the offer out."""
    error = failed(lambda: send(post.ctx(tls="starttls")))

    assert (SettingsError, NO_STARTTLS) == (type(error), str(error))
    assert "AUTH" not in post.calls[0].request_excerpt


def test_tls_where_none_is_spoken_says_which_port_goes_with_which(post: Any) -> None:
    error = failed(lambda: send(post.ctx(tls="tls")))

    assert (UnavailableError, NO_TLS) == (type(error), str(error))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tls": "none"}, NOT_HERE),
        ({"tls": "insecure"}, NOT_IN_THE_OPEN),
        ({"tls": "tls", "password": ""}, BOTH),
        ({"tls": "tls", "username": ""}, BOTH),
    ],
)
def test_settings_of_the_environment_are_looked_at_together(
    settings: dict[str, Any], words: str, post: Any
) -> None:
    """Each variable alone is right."""
    ctx = post.ctx()
    held = {**ctx.settings, "host": "smtp.example.com", **settings}
    object.__setattr__(ctx, "settings", held)

    error = failed(lambda: send(ctx))

    assert (SettingsError, words, []) == (type(error), str(error), post.calls)


# What answers lead to

FAULTS: list[tuple[str, str, type[ProviderError], int | None, bool]] = [
    ("421", "/", UnavailableError, 421, False),
    ("429", "/", RateLimitError, 421, False),
    ("500", "/", UnavailableError, 451, False),
    ("503", "/", UnavailableError, 421, False),
    ("450", "/", UnavailableError, 450, False),
    ("451", "/", UnavailableError, 451, False),
    ("452", "/", UnavailableError, 452, False),
    ("450", "/sender", UnavailableError, 450, False),
    ("451", "/message", UnavailableError, 451, False),
    ("401", "/", CredentialsError, 535, False),
    ("530", "/", CredentialsError, 530, False),
    ("535", "/", CredentialsError, 535, False),
    ("550", "/sender", CredentialsError, 550, False),
    ("554", "/greeting", CredentialsError, 554, False),
    ("550", "/", RecipientError, 550, False),
    ("551", "/", RecipientError, 551, False),
    ("553", "/", RecipientError, 553, False),
    ("550", "/message", RecipientError, 550, False),
    ("400", "/", RejectedError, 554, False),
    ("552", "/", RejectedError, 552, False),
    ("554", "/", RejectedError, 554, False),
    ("554", "/recipient", RejectedError, 554, False),
    ("junk", "/", UnexpectedResponseError, None, False),
    ("junk", "/recipient", UnexpectedResponseError, None, False),
    ("junk", "/message", UnexpectedResponseError, None, True),
    ("drop", "/", UnavailableError, None, False),
    ("drop", "/sign-in", UnavailableError, None, False),
    ("drop", "/recipient", UnavailableError, None, False),
    ("drop", "/message", UnavailableError, None, True),
    ("drop_after_data", "/", UnavailableError, None, True),
]


@pytest.mark.parametrize(("kind", "path", "wanted", "status", "unknown"), FAULTS)
def test_fault_is_the_right_error(
    kind: str,
    path: str,
    wanted: type[ProviderError],
    status: int | None,
    unknown: bool,
    post: Any,
) -> None:
    post.fault(kind, path=path)

    error = failed(lambda: send(post.ctx()))

    assert isinstance(error, ProviderError)
    assert (wanted, unknown) == (type(error), error.outcome_unknown)
    assert status == error.status
    assert str(error).endswith((".", "took effect."))
    assert PASSWORD not in f"{error} {post.calls}"
    send(post.ctx())


@pytest.mark.parametrize(
    ("kind", "path", "seconds", "unknown"),
    [
        ("slow", "/", 1.0, False),
        ("drip", "/", 1.0, False),
        ("slow", "/recipient", 1.0, False),
        # Long enough to come so far on a busy machine.
        ("timeout_after", "/", 6.0, True),
    ],
)
def test_slow_server_holds_nobody(
    kind: str, path: str, seconds: float, unknown: bool, post: Any
) -> None:
    """ROAD 22."""
    post.fault(kind, path=path)

    error = failed(lambda: send(post.ctx(timeout=seconds)))

    assert isinstance(error, UnavailableError)
    assert unknown == error.outcome_unknown
    assert ("took too long" if unknown else "nothing was sent") in str(error)
    assert str(error).startswith("The mail server")


def test_mail_dropped_after_data_is_sent_again_as_the_same(post: Any) -> None:
    """ROAD 17."""
    post.fault("drop_after_data")
    failed(lambda: send(post.ctx()))

    send(post.ctx())

    assert [None, 1] == [mail.copy_of for mail in post.simulator.mails]


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        ("nobody@client.example", RecipientError),
        ("full@client.example", UnavailableError),
        ("blocked@client.example", RejectedError),
    ],
)
def test_recipients_with_a_meaning(
    to: str, wanted: type[ProviderError], post: Any
) -> None:
    error = failed(lambda: send(post.ctx(), Message(text="x", to=to)))

    assert wanted is type(error)


def test_nobody_listening_means_that_nothing_was_sent(post: Any) -> None:
    ctx = post.ctx()
    post.simulator.close()

    error = failed(lambda: send(ctx))

    assert isinstance(error, UnavailableError)
    assert "nothing was sent" in str(error)
    assert not error.outcome_unknown


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Message(text="x"), NO_RECIPIENT),
        (Message(text="x", to="ap"), NO_ADDRESS),
        (Message(text="x", to="a@b.example\r\nRCPT TO:<c@d.example>"), NO_ADDRESS),
        (Message(text=" \n", to="a@b.example"), NO_TEXT),
        (Message(text="x", to="a@b.example", blocks=({},)), NO_BLOCKS),
    ],
)
def test_what_can_go_nowhere_is_refused_before_any_call(
    message: Message, words: str, post: Any
) -> None:
    error = failed(lambda: send(post.ctx(), message))

    assert (RejectedError, words, []) == (type(error), str(error), post.calls)


# Signing in


def test_wrong_password_is_tried_once(post: Any) -> None:
    """Each failure counts towards locking the account."""
    post.simulator.configure({"username": USERNAME, "password": "another"})

    error = failed(lambda: send(post.ctx()))

    assert isinstance(error, CredentialsError)
    assert "Check username and password" in str(error)
    assert 1 == post.calls[0].request_excerpt.count("AUTH")


def test_right_password_is_taken(post: Any) -> None:
    post.simulator.configure({"username": USERNAME, "password": PASSWORD})

    send(post.ctx())

    assert 1 == len(post.simulator.mails)


# Servers that misbehave, line by line

Script = Sequence[tuple[str, str]]
HELLO = "250-here\r\n250-AUTH {auth}\r\n250 SIZE 1000000"


@contextmanager
def scripted(*answers: str) -> Iterator[tuple[Context, list[CallRecord], list[bytes]]]:
    """Serve one talk: the greeting, then an answer for each line that comes."""
    heard: list[bytes] = []
    records: list[CallRecord] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            for answer in answers:
                connection.sendall(answer.encode() + b"\r\n")
                heard.append(lines.readline())
                if heard[-2:-1] and heard[-2].startswith(b"DATA"):
                    while heard[-1] not in (b".\r\n", b""):
                        heard.append(lines.readline())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    settings = {
        "host": "127.0.0.1",
        "port": listener.getsockname()[1],
        "tls": "none",
        "username": USERNAME,
        "password": PASSWORD,
        "from_address": USERNAME,
    }
    try:
        yield make_context(hub_email, settings, record=records.append), records, heard
    finally:
        listener.close()
        thread.join(10)


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        ("PLAIN LOGIN", base64.b64encode(f"\0{USERNAME}\0{PASSWORD}".encode())),
        ("LOGIN", base64.b64encode(PASSWORD.encode())),
        ("CRAM-MD5", b""),
    ],
)
def test_each_way_to_sign_in(offered: str, said: bytes) -> None:
    answers = ["220 here", HELLO.format(auth=offered)]
    challenge = base64.b64encode(b"<1.2@here>").decode()
    steps = {
        "PLAIN LOGIN": ["235 ok"],
        "LOGIN": ["334 UGFzc3dvcmQ6", "235 ok"],
        "CRAM-MD5": [f"334 {challenge}", "235 ok"],
    }
    with scripted(*answers, *steps[offered], "250 ok") as (ctx, records, heard):
        assert actions.test_connection(ctx)

    assert said in b"".join(heard)
    assert (b"PLAIN" in b"".join(heard)) == (offered == "PLAIN LOGIN")
    shown = f"{records} {records[0].request_excerpt}"
    assert Redactor([PASSWORD]).text(shown) == shown


def test_server_that_offers_no_way_to_sign_in() -> None:
    with scripted("220 here", "250 here") as (ctx, _, heard):
        error = failed(lambda: send(ctx))

    assert (CredentialsError, NO_SIGN_IN) == (type(error), str(error))
    assert 2 == len(heard)


def test_international_address_needs_a_server_that_knows_them() -> None:
    with scripted("220 here", HELLO.format(auth="PLAIN"), "235 ok") as (ctx, _, _h):
        error = failed(lambda: send(ctx, Message(text="x", to="josé@client.example")))

    assert (RejectedError, ASCII_ONLY) == (type(error), str(error))


ECHO = f"{PASSWORD} {base64.b64encode(f'x{PASSWORD}'.encode()).decode()}"
ECHOES: dict[str, tuple[str, ...]] = {
    "greeting": (f"554 {ECHO}",),
    "hello": ("220 x", f"554 {ECHO}"),
    "sign-in": ("220 x", HELLO.format(auth="PLAIN"), f"535 5.7.8 {ECHO}"),
    "sender": ("220 x", HELLO.format(auth="PLAIN"), "235 x", f"550 {ECHO}"),
    "junk": ("220 x", HELLO.format(auth="PLAIN"), "235 x", f"{ECHO}"),
    "quiet": ("220 x", HELLO.format(auth="PLAIN"), f"235 {ECHO}"),
}


@pytest.mark.parametrize("answers", ECHOES.values(), ids=ECHOES)
def test_no_secret_shows_however_it_ends(
    answers: tuple[str, ...], caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    """The server even says our password back to us."""
    caplog.set_level(logging.DEBUG)
    with scripted(*answers) as (ctx, records, _):
        error = failed(lambda: send(ctx))

    printed = capfd.readouterr()
    shown = [repr(records), *traceback.format_exception(error), repr(vars(error))]
    shown += [record.getMessage() for record in caplog.records]
    shown += [printed.out, printed.err, repr(ctx)]
    redactor = Redactor([PASSWORD])
    if leaking := [text for text in shown if redactor.text(text) != text]:
        pytest.fail(redactor.text(f"a secret shows in: {leaking[0]}"))


def test_short_password_is_not_repeated_either() -> None:
    answers = ("220 x", HELLO.format(auth="PLAIN"), "535 5.7.8 not abc12, is it?")
    with scripted(*answers) as (ctx, records, _):
        object.__setattr__(ctx, "settings", {**ctx.settings, "password": "abc12"})
        error = failed(lambda: send(ctx))

    assert "abc12" not in f"{error} {records}"
    assert "535 5.7.8" in records[0].response_excerpt


def test_answer_that_quotes_the_mail_is_not_repeated() -> None:
    """A filter for spam says which line it didn't like."""
    answers = ["220 x", HELLO.format(auth="PLAIN"), "235 x", "250 x", "250 x", "354 x"]
    with scripted(*answers, f"554 5.7.1 spam: {BODY}") as (ctx, records, heard):
        error = failed(lambda: send(ctx))

    assert isinstance(error, RejectedError)
    assert "5.7.1" == error.code
    assert BODY not in f"{error} {records}"
    raw = b"".join(heard)
    assert b"\r\n..\r\n" in raw, "a line with a dot alone would end the mail"


def test_unusual_password_is_refused_before_it_is_said() -> None:
    answers = ("220 x", HELLO.format(auth="PLAIN"))
    with scripted(*answers) as (ctx, records, _):
        object.__setattr__(ctx, "settings", {**ctx.settings, "password": "grün"})
        error = failed(lambda: send(ctx))

    assert isinstance(error, SettingsError)
    assert "grün" not in f"{error} {error.__context__!r} {records}"


def test_lines_of_the_mail_are_read_back_as_they_were_sent(post: Any) -> None:
    text = "\n".join([".", "..", ".a", "From here", "", "-- ", "end"])
    send(post.ctx(), Message(text=text, to="a@b.example"))

    [mail] = post.simulator.mails
    made = message_from_bytes(mail.raw, policy=policy.default)
    body = made.get_body(("plain",))
    assert body is not None
    assert text == body.get_content().replace("\r\n", "\n").rstrip("\n")


def test_method_is_that_of_the_protocol() -> None:
    assert "SMTP" == smtp.METHOD

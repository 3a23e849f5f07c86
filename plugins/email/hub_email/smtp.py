"""The talk with a mail server: smtplib over the hub's conversation."""

import re
import smtplib
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from socket import socket
from typing import Any, Final
from urllib.parse import urlsplit

from hub.sdk.context import Context
from hub.sdk.errors import (
    CredentialsError,
    RejectedError,
    SettingsError,
    UnavailableError,
)
from hub.sdk.http import Conversation, is_loopback
from hub_email.mailboxes import Mailbox
from hub_email.provider import NOT_ASCII, NOT_HERE, NOT_IN_THE_OPEN, is_open, port_of
from hub_email.replies import Stage, enhanced_of, error_of

METHOD: Final = "SMTP"
MECHANISMS: Final = ("PLAIN", "LOGIN", "CRAM-MD5")
_SHOWN: Final = frozenset({"ehlo", "mail", "rcpt", "data", "noop", "starttls", "quit"})
_SHORTEST_QUOTE = 12

NO_STARTTLS: Final = (
    "The mail server offers no encryption (STARTTLS), so nothing was sent. Port 465"
    " wants tls instead; if it always had it, somebody may stand between."
)
NO_TLS: Final = (
    "The mail server didn't answer in TLS, so nothing was sent. Port 587 goes with"
    " starttls, 465 with tls."
)
BOTH: Final = "Enter username and password, or neither of them."
NO_SIGN_IN: Final = (
    "The mail server offers no way to sign in that the hub knows. Clear username and"
    " password if it needs none; else check port and tls."
)
ASCII_ONLY: Final = (
    "The mail server can't write to addresses with letters such as é or ü before the"
    " @ (it lacks SMTPUTF8). Use another address of this contact."
)


class Talk(smtplib.SMTP):
    """smtplib with its socket, its time and its notes from a conversation.

    `private` are lines of the mail: a reply that quotes one is not repeated.
    """

    sock: socket | None

    def __init__(
        self, conversation: Conversation, name: str, private: Iterable[str] = ()
    ) -> None:
        super().__init__(local_hostname=name)
        self.conversation = conversation
        self.words = ""
        self.hushed = False
        self._private = [line for line in private if len(line) >= _SHORTEST_QUOTE]

    def open(self, *, secured: bool) -> None:
        """Connect, and hear the greeting."""
        self.sock = self.conversation.connect()
        if secured:
            self.secure()
        self.hoped("greeting", self.getreply()[0], 220)

    def secure(self) -> None:
        """Go on in TLS, and forget what was heard without it."""
        assert self.sock is not None  # noqa: S101
        failed: UnavailableError | None = None
        try:
            self.sock = self.conversation.secured(self.sock)
        except ssl.SSLCertVerificationError as error:
            failed = UnavailableError(
                f"The certificate of {self.conversation.host} could not be checked"
                f" ({error.verify_message}), so nothing was sent. Enter the host that"
                " it is made out to, or name your own authority's certificates in"
                " REQUESTS_CA_BUNDLE."
            )
        except ssl.SSLError:
            failed = UnavailableError(NO_TLS)
        if failed:
            raise failed
        self.file = None
        self.esmtp_features = {}

    def hello(self) -> None:
        """Say who calls, and hear what the server can do."""
        self.hoped("greeting", self.ehlo()[0], 250)

    def hoped(self, stage: Stage, code: int, *codes: int) -> None:
        """Raise what the reply means, unless it is one of `codes`."""
        if code not in codes:
            raise error_of(stage, code, self.words)

    def leave(self) -> None:
        """Say goodbye: what was taken is taken, however that ends."""
        with suppress(OSError):
            self.putcmd("QUIT")

    # What smtplib calls

    def send(self, s: Any) -> None:
        """Send, in what time is left."""
        if self.sock:
            self.sock.settimeout(self.conversation.left())
        super().send(s)

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Send a command; credentials are not noted."""
        verb = cmd.lower()
        if verb == "auth":
            self.conversation.say(f"AUTH {args.split(maxsplit=1)[0]}")
        elif verb in _SHOWN:
            self.conversation.say(f"{verb.upper()} {args}".strip())
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply, in what time is left."""
        if self.file is None and self.sock:
            self.file = self.conversation.reader(self.sock)
        code, raw = super().getreply()
        words = raw.decode("utf-8", "replace")
        if self.hushed:
            words = enhanced_of(words) or ""
        elif any(line in words for line in self._private):
            words = enhanced_of(words) or "(it quotes the mail)"
        self.words = self.conversation.hear(code, words)
        return code, raw


@contextmanager
def talking(ctx: Context, body: bytes = b"", text: str = "") -> Iterator[Talk]:
    """Hold a talk with the connection's server, signed in; without `body` nothing
    is to be sent."""
    settings = ctx.settings
    _check(settings)
    host, port = settings["host"], port_of(settings)
    url = f"smtp://[{host}]:{port}" if ":" in host else f"smtp://{host}:{port}"
    name = urlsplit(ctx.hub_url).hostname or ""
    with ctx.http.conversation(
        METHOD, url, body=body, reads=not body, title="The mail server"
    ) as conversation:
        talk = Talk(
            conversation,
            name if "." in name and name.isascii() else "[127.0.0.1]",
            map(str.strip, text.split("\n")),
        )
        try:
            _begin(talk, settings)
            yield talk
        finally:
            talk.close()


def send(talk: Talk, content: bytes, *, sender: Mailbox, to: Mailbox) -> None:
    """Hand one mail over; it is the server's when this returns."""
    options = [f"SIZE={len(content)}"] if talk.has_extn("size") else []
    if sender.international or to.international:
        if not talk.has_extn("smtputf8"):
            raise RejectedError(ASCII_ONLY)
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    talk.hoped("sender", talk.mail(sender.spec, options)[0], 250)
    talk.hoped("recipient", talk.rcpt(to.spec)[0], 250, 251, 252)
    talk.hoped("message", talk.docmd("DATA")[0], 354)
    talk.conversation.sends()
    talk.send(re.sub(rb"^\.", b"..", content, flags=re.MULTILINE) + b".\r\n")
    talk.hoped("message", talk.getreply()[0], 250)


def _check(settings: Mapping[str, Any]) -> None:
    """The settings may come from the environment one by one: look at them together."""
    elsewhere = is_open(settings) and not is_loopback(settings["host"])
    if elsewhere and settings["tls"] == "none":
        raise SettingsError(NOT_HERE)
    if elsewhere and settings.get("password"):
        raise SettingsError(NOT_IN_THE_OPEN)
    if bool(settings.get("username")) != bool(settings.get("password")):
        raise SettingsError(BOTH)


def _begin(talk: Talk, settings: Mapping[str, Any]) -> None:
    talk.open(secured=settings["tls"] == "tls")
    talk.hello()
    if settings["tls"] == "starttls":
        if not talk.has_extn("starttls"):
            raise SettingsError(NO_STARTTLS)
        talk.hoped("greeting", talk.docmd("STARTTLS")[0], 220)
        talk.secure()
        talk.hello()
    if settings.get("username"):
        _sign_in(talk, settings["username"], settings["password"])


def _sign_in(talk: Talk, username: str, password: str) -> None:
    if not (username + password).isascii():
        raise SettingsError(NOT_ASCII)
    offered = talk.esmtp_features.get("auth", "").upper().split()
    # One way and one try: each failure counts towards locking the account.
    mechanism = next((name for name in MECHANISMS if name in offered), None)
    if mechanism is None:
        raise CredentialsError(NO_SIGN_IN)
    # They are smtplib's names for what it signs in with.
    talk.user, talk.password = username, password
    method = getattr(talk, f"auth_{mechanism.lower().replace('-', '_')}")
    talk.hushed = True
    code = 0
    try:
        code, _ = talk.auth(mechanism, method)
    except smtplib.SMTPAuthenticationError as error:
        code = error.smtp_code
    finally:
        talk.hushed = False
        talk.user = talk.password = ""
    talk.hoped("sign-in", code, 235, 503)

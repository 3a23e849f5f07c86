"""A mail server played: SMTP on a port of its own, and a view of what came."""

import ssl
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request, Response

from hub.sdk.simulator import Fault, Simulator, json_answer, route
from hub_email.simulator import page
from hub_email.simulator.faults import MORE, is_at
from hub_email.simulator.listener import Listener
from hub_email.simulator.postmaster import Postmaster
from hub_email.simulator.received import Received

SHOWN: Final = 100
SENDER: Final = "Example IT <billing@example.com>"
_HTML: Final = "text/html; charset=utf-8"
_SECONDS: Final = 10


class EmailSimulator(Simulator):
    """A mail server with a mailbox for everybody. `configure` takes `username` and
    `password` (else any are right); some recipients have a meaning of their own."""

    name = "email"
    title = "E-mail"
    more_faults = MORE
    tls: ssl.SSLContext | None = None
    tls_at_once = False

    def reset(self) -> None:
        super().reset()
        self.mails: list[Received] = []

    def configure(self, config: Mapping[str, Any]) -> None:
        super().configure(config)
        _ = self.listener

    @cached_property
    def listener(self) -> Listener:
        """The mail server, started when it is first asked for."""
        return Listener(Postmaster(self), self.tls, at_once=self.tls_at_once)

    def close(self) -> None:
        if "listener" in vars(self):
            self.listener.close()
        super().close()

    def settings(self, url: str) -> Mapping[str, str]:
        """Connect without encryption, on this machine."""
        return {
            "host": urlsplit(url).hostname or "localhost",
            "port": str(self.listener.port),
            "tls": "none",
            "from_address": SENDER,
        }

    def state(self) -> dict[str, Any]:
        """The mails kept, oldest first, and where the server listens."""
        return {
            "mails": [mail.shown() for mail in self.mails],
            "port": self.listener.port,
        }

    def fault_at(self, stage: str) -> Fault | None:
        """Take the fault that is due at a stage of the talk."""
        return self.take_fault(lambda fault: is_at(fault, stage))

    def receive(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> Received:
        """Keep a mail."""
        with self.lock:
            mail = Received(len(self.mails) + 1, sender, recipients, raw)
            mail.copy_of = next((m.number for m in self.mails if m.is_same(mail)), None)
            self.mails.append(mail)
        return mail

    # What a person sees

    @route("GET", "/", page=True)
    def _mailbox(self, request: Request) -> Response:
        number = request.args.get("mail", type=int)
        chosen = self._mail(number) if number is not None else None
        html = page.render(
            root=request.script_root,
            mails=list(reversed(self.mails))[:SHOWN],
            chosen=chosen,
            count=len(self.mails),
            port=self.listener.port,
            said=request.args.get("said", type=int),
        )
        return _page(html, page.POLICY)

    @route("GET", "/mails/<int:number>/html", page=True)
    def _html_part(self, _request: Request, number: int) -> Response:
        # Links open outside the frame, which may go nowhere.
        html = f'<base target="_blank">{self._mail(number).html}'
        return _page(html, page.MAIL_POLICY)

    @route("GET", "/mails/<int:number>/raw", page=True)
    def _raw(self, _request: Request, number: int) -> Response:
        raw = self._mail(number).raw
        return Response(raw, content_type="text/plain; charset=utf-8")

    @route("POST", "/mails/<int:number>/unsubscribe", page=True)
    def _unsubscribe(self, request: Request, number: int) -> Response:
        """Do what a mail program does at one click (RFC 8058)."""
        url = self._mail(number).unsubscribe
        if not url.startswith(("http://", "https://")):
            return json_answer({"error": "the mail has no List-Unsubscribe"}, 400)
        form = {"List-Unsubscribe": "One-Click"}
        try:
            answer = requests.post(url, data=form, timeout=_SECONDS)
            said = answer.status_code
        except requests.RequestException:
            said = 0
        there = f"{request.script_root}/?mail={number}&said={said}"
        return Response(status=303, headers={"Location": there})

    @route("GET", "/email.css", page=True)
    def _style(self, _request: Request) -> Response:
        style = files("hub_email") / "templates" / "hub_email" / "email.css"
        return Response(style.read_bytes(), content_type="text/css; charset=utf-8")

    def _mail(self, number: int) -> Received:
        if not 1 <= number <= len(self.mails):
            raise NotFound
        return self.mails[number - 1]


def _page(html: str, policy: str) -> Response:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return Response(html, headers=headers, content_type=_HTML)

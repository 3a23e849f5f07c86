"""Twilio played: its API, the callbacks it signs, and phones to look at."""

from typing import Any, Final
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from hub.sdk.simulator import RefusalError, json_answer, read_json, route
from hub_twilio.simulator import page, rules
from hub_twilio.simulator.api import SERVICE, MessagesApi

# What the page opens with while nobody was texted.
NOBODY: Final = "+15005550010"


class TwilioSimulator(MessagesApi):
    """Twilio with its phones. `configure` takes `auth_token` (else any is right),
    `reports` (`auto`, or `manual`: by button), `shared_key_secret`, and `signed_url`:
    the address Twilio is told, if it isn't where incoming texts go."""

    @route("GET", "/", page=True)
    def _frame(self, request: Request) -> Response:
        latest = next((phone for phone, _ in self.phones.lately()), NOBODY)
        phone = request.args.get("phone") or latest
        sender = self._sender(phone)
        return page.shown(
            "phones",
            root=request.script_root,
            phone=phone,
            sender="the service" if sender.startswith("MG") else sender,
            manual=self.config.get("reports", "auto") == "manual",
            refused=rules.TO,
            fates=rules.FATES,
            senders=rules.FROM,
        )

    @route("GET", "/list", page=True)
    def _list_of_phones(self, request: Request) -> Response:
        return page.shown(
            "list",
            root=request.script_root,
            open=request.args.get("phone", ""),
            phones=list(self.phones.lately()),
        )

    @route("GET", "/thread", page=True)
    def _thread(self, request: Request) -> Response:
        phone = request.args.get("phone", "")
        sender = self._sender(phone)
        return page.shown(
            "thread",
            root=request.script_root,
            phone=phone,
            texts=self.phones.of(phone),
            opted_out=(sender, phone) in self.phones.opted_out,
            reports=rules.REPORTS,
        )

    @route("POST", "/texts", page=True)
    def _write(self, request: Request) -> Response:
        """A person writes on a phone."""
        phone = request.form.get("phone", "")
        written = request.form.get("word") or request.form.get("body", "")
        body = written[: rules.LONGEST]
        if phone.startswith("+") and body:
            self.receive(phone, self._sender(phone), body)
        return _back(request, phone)

    @route("POST", "/reports", page=True)
    def _decide(self, request: Request) -> Response:
        """A person says how a text ends; also afterwards, as some carriers do."""
        text = self.phones.texts.get(request.form.get("sid", ""))
        choice = rules.REPORTS.get(request.form.get("report", ""))
        if text is None or choice is None or not text.is_ours:
            raise RefusalError(json_answer({"error": "no such text or report"}, 404))
        self.end(text, choice[1])
        url = urlencode({"phone": text.phone})
        return redirect(f"{request.script_root}/thread?{url}", 303)

    @route("POST", "/mode", page=True)
    def _mode(self, request: Request) -> Response:
        """Reports come by themselves, or by button."""
        self.config["reports"] = "manual" if request.form.get("manual") else "auto"
        return _back(request, request.form.get("phone", ""))

    @route("GET", "/twilio.css", page=True)
    def _style(self, _request: Request) -> Response:
        return page.style()

    # The same for programs

    @route("POST", "/_sim/text", page=True)
    def _text(self, request: Request) -> Response:
        """A phone writes: `{"from", "body", "to"?}`; `to` is a sender of ours."""
        asked: dict[str, Any] = read_json(request)
        phone = str(asked["from"])
        sender = str(asked.get("to") or self._sender(phone))
        return json_answer(self.receive(phone, sender, str(asked["body"])).shown())

    @route("POST", "/_sim/report", page=True)
    def _report_it(self, request: Request) -> Response:
        """A text ends: `{"sid", "report"}`, delivered, 30003, 30007 or 30008."""
        asked = read_json(request)
        text = self.phones.texts.get(str(asked.get("sid")))
        choice = rules.REPORTS.get(str(asked.get("report")))
        if text is None or choice is None:
            raise RefusalError(json_answer({"error": "no such text or report"}, 404))
        self.end(text, choice[1])
        return json_answer(text.shown())

    def _sender(self, phone: str) -> str:
        """Return who texted a phone last."""
        texts = [text.sender for text in self.phones.of(phone) if text.is_ours]
        return texts[-1] if texts else SERVICE


def _back(request: Request, phone: str) -> Response:
    url = urlencode({"phone": phone})
    return redirect(f"{request.script_root}/?{url}", 303)

"""Slack played: webhooks and Web API in, signed requests out, a channel to look at."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from itertools import islice
from typing import Any, Final

from werkzeug.wrappers import Request, Response

from hub.sdk import clock
from hub.sdk.simulated_webhooks import SentWebhook
from hub.sdk.simulator import (
    Fault,
    RefusalError,
    Simulator,
    json_answer,
    read_json,
    route,
)
from hub_slack import webhooks
from hub_slack.simulator import page, people, wire
from hub_slack.simulator.rules import refusal

KEPT, SHOWN, SENT_SHOWN = 20_000, 50, 8
WEBHOOK_PATH: Final = "/services/T0SIMULATED/B0SIMULATED/simulatedwebhooksecret00"
INJECTED: Final = {400: "invalid_payload", 401: "invalid_token", 429: "rate_limited"}


@dataclass(frozen=True)
class Posted:
    """A message in a channel."""

    ts: str
    channel: str
    at: datetime
    body: Mapping[str, Any]


class SlackSimulator(Simulator):
    """A workspace in which every channel exists but #missing; #archived is archived.

    `configure` takes `webhook_url`, `signing_secret`, `bot_token` (else any that
    begins with xoxb- is right) and `channel`, that of all incoming webhooks.
    """

    name = "slack"
    title = "Slack"

    def reset(self) -> None:
        super().reset()
        self.count = 0
        self.messages: deque[Posted] = deque(maxlen=KEPT)
        self.channels: dict[str, deque[Posted]] = {}

    def state(self) -> dict[str, Any]:
        """The messages kept, oldest first, and how many there were in all."""
        shown = [
            {**posted.body, "channel": posted.channel, "ts": posted.ts}
            for posted in self.messages
        ]
        return {"messages": shown, "count": self.count}

    def sign(self, webhook: SentWebhook) -> Mapping[str, str]:
        """Sign as Slack does, each try anew."""
        timestamp = str(int(clock.now().timestamp()))
        headers = {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": webhooks.sign(self._secret, timestamp, webhook.body),
        }
        if tries := len(webhook.statuses):
            headers["X-Slack-Retry-Num"] = str(tries)
            headers["X-Slack-Retry-Reason"] = "http_error"
        return headers

    @property
    def _secret(self) -> str:
        return str(self.config.get("signing_secret") or "simulated-signing-secret")

    def settings(self, url: str) -> Mapping[str, str]:
        """Connect by incoming webhook: that is how most begin."""
        return {
            "webhook_url": f"https://hooks.slack.com{WEBHOOK_PATH}",
            "signing_secret": self._secret,
            "api_base_url": url,
        }

    def error(self, status: int) -> Response:
        return wire.text_answer(INJECTED.get(status, "rollup_error"), status)

    # What apps call

    @route("POST", "/services/<team>/<bot>/<token>")
    def _webhook(self, request: Request, **_path: str) -> Response:
        body = wire.webhook_body(request)
        channel = str(self.config.get("channel") or people.CHANNEL)
        if refused := _closed(channel) or refusal(body):
            word = refused[0].replace("is_archived", "channel_is_archived")
            return wire.text_answer(word)
        self._post(channel, body)
        return wire.text_answer("ok", 200)

    @route("POST", "/api/chat.postMessage")
    def _post_message(self, request: Request) -> Response:
        body = wire.api_body(request)
        self._check_token(request, body)
        channel = str(body.pop("channel", ""))
        if refused := _closed(channel) or refusal(body):
            return wire.api_refusal(*refused)
        posted = self._post(channel, body)
        team = people.TEAM["id"]
        return json_answer(
            {
                "ok": True,
                "channel": people.channel_id(channel),
                "ts": posted.ts,
                "message": wire.message(posted.ts, team, people.BOT, body),
            }
        )

    @route("POST", "/api/auth.test")
    def _auth_test(self, request: Request) -> Response:
        self._check_token(request, wire.api_body(request))
        return json_answer(
            {
                "ok": True,
                "url": f"https://{people.TEAM['domain']}.slack.com/",
                "team": "Northwind MSP",
                "user": "billing-hub",
                "team_id": people.TEAM["id"],
                "user_id": people.BOT_USER,
                "bot_id": people.BOT,
                "is_enterprise_install": False,
            }
        )

    @route("POST", "/api/<method>")
    def _unknown_method(self, request: Request, method: str) -> Response:
        return wire.api_refusal("unknown_method")

    # What a person sees and does

    @route("GET", "/", page=True)
    def _first(self, request: Request) -> Response:
        return self._channel(request, next(iter(self.channels), people.CHANNEL)[1:])

    @route("GET", "/channels/<name>", page=True)
    def _channel(self, request: Request, name: str) -> Response:
        counts = {key.removeprefix("#"): len(at) for key, at in self.channels.items()}
        messages = self.channels.get(f"#{name}") or self.channels.get(name) or ()
        html = page.render(
            "channel.html",
            root=request.script_root,
            here=name,
            channels={name: 0} | counts,
            most=SHOWN,
            # Newest first: the view is filled from its lower edge.
            messages=list(reversed(messages)),
            sent=list(islice(reversed(self.webhooks.sent), SENT_SHOWN)),
            live="paused" not in request.args,
            target=self.webhooks.url,
        )
        headers = {"Content-Security-Policy": page.POLICY, "Cache-Control": "no-store"}
        return Response(html, headers=headers, content_type="text/html; charset=utf-8")

    @route("GET", "/slack.css", page=True)
    def _style(self, request: Request) -> Response:
        style = files("hub_slack") / "templates" / "hub_slack" / "slack.css"
        return Response(style.read_bytes(), content_type="text/css; charset=utf-8")

    @route("POST", "/click", page=True)
    def _click(self, request: Request) -> Response:
        """Press a button: Slack tells the app, then opens the button's link."""
        form, number = request.form, self.new_number()
        for posted in self.messages:
            if posted.ts == form.get("ts") and (button := _button(posted, form)):
                now = clock.now().timestamp()
                pressed = people.press(number, now, posted.channel, posted.ts, button)
                self._tell(f"block_actions {number}", pressed)
                return _see(request, str(button.get("url", "")))
        return wire.text_answer("no such button", 404)

    @route("POST", "/say", page=True)
    def _say(self, request: Request) -> Response:
        """Do what else people do: a command, a mention, the app's handshake."""
        what = request.form.get("what", "")
        if what not in people.SAYINGS:
            return wire.text_answer("say what?", 400)
        number = self.new_number()
        self._tell(f"{what} {number}", people.SAYINGS[what](number))
        return _see(request)

    @route("POST", "/_sim/faults", page=True)
    def _add_fault(self, request: Request) -> Response:
        given = read_json(request)
        if given.get("kind") != "error":
            return super()._add_fault(request)
        self.faults.append(Fault(f"error:{given.get('error')}", given.get("count", 1)))
        return json_answer({"faults": [fault.kind for fault in self.faults]})

    def _faulty(
        self, fault: Fault, work: Callable[[], Response], request: Request
    ) -> Response:
        kind, _, word = fault.kind.partition(":")
        if kind != "error":
            return super()._faulty(fault, work, request)
        if request.path.startswith("/api/"):
            return wire.api_refusal(word)
        return wire.text_answer(word)

    def _post(self, channel: str, body: Mapping[str, Any]) -> Posted:
        now = clock.now()
        ts = f"{int(now.timestamp())}.{self.new_number() % 1_000_000:06d}"
        posted = Posted(ts, channel, now, body)
        self.count += 1
        self.messages.append(posted)
        self.channels.setdefault(channel, deque(maxlen=SHOWN)).append(posted)
        return posted

    def _check_token(self, request: Request, body: dict[str, Any]) -> None:
        header = request.headers.get("Authorization", "").partition("Bearer ")[2]
        token = str(body.pop("token", "")) or header
        wanted = self.config.get("bot_token")
        if not token:
            raise RefusalError(wire.api_refusal("not_authed"))
        if token != wanted if wanted else not token.startswith("xoxb-"):
            raise RefusalError(wire.api_refusal("invalid_auth"))

    def _tell(self, id: str, sent: people.Sent) -> None:
        body, content_type = sent
        self.send_webhook(body, id=id, content_type=content_type)


def _closed(channel: str) -> tuple[str, list[str]] | None:
    words = {
        "": "channel_not_found",
        "missing": "channel_not_found",
        "archived": "is_archived",
    }
    word = words.get(channel.removeprefix("#"))
    return (word, []) if word else None


def _button(posted: Posted, form: Mapping[str, str]) -> Mapping[str, Any] | None:
    """Find the element of a message that a form names."""
    wanted = form.get("block_id"), form.get("action_id")
    for holder in (posted.body, *(posted.body.get("attachments") or [])):
        for block in holder.get("blocks") or []:
            for element in block.get("elements") or []:
                if wanted == (block.get("block_id", ""), element.get("action_id")):
                    return {**element, "block_id": wanted[0]}
    return None


def _see(request: Request, url: str = "") -> Response:
    is_web = url.startswith(("https://", "http://"))
    location = url if is_web else f"{request.script_root}/"
    return Response(status=303, headers={"Location": location})

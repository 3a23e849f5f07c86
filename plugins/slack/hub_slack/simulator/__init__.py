"""Slack played: webhooks and Web API in, signed requests out, a channel to look at."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

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
from hub_slack.simulator import page, people, wire, workspace
from hub_slack.simulator.rules import refusal
from hub_slack.simulator.workspace import SHOWN, Workspace, closed

SENT_SHOWN = 8
TOKEN: Final = "xoxb-simulated"  # noqa: S105 - the simulator's own
INJECTED: Final = {400: "invalid_payload", 401: "invalid_token", 429: "rate_limited"}
ASSETS: Final = {"slack.css": "text/css", "slack.js": "text/javascript"}


class SlackSimulator(Simulator):
    """A workspace in which every channel exists but #missing; #archived is archived.

    `configure` takes `webhook_url`, `signing_secret`, `bot_token` (else any that
    begins with xoxb- is right) and `channel`, that of all incoming webhooks.
    """

    name = "slack"
    title = "Slack"

    def reset(self) -> None:
        super().reset()
        self.space = Workspace()

    def state(self) -> dict[str, Any]:
        """The messages kept, oldest first, how many there were in all, and the
        answers that one person sees."""
        space = self.space
        messages, answers = (
            [{**each.body, "channel": each.channel, "ts": each.ts} for each in kept]
            for kept in (space.messages, space.answers)
        )
        return {"messages": messages, "count": space.count, "answers": answers}

    def sign(self, webhook: SentWebhook) -> Mapping[str, str]:
        """Sign as Slack does, each try anew."""
        timestamp = str(int(clock.now().timestamp()))
        headers = {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": webhooks.sign(self._newest, timestamp, webhook.body),
        }
        if tries := len(webhook.statuses):
            headers["X-Slack-Retry-Num"] = str(tries)
            headers["X-Slack-Retry-Reason"] = "http_error"
        return headers

    @property
    def _secret(self) -> str:
        return str(self.config.get("signing_secret") or "simulated-signing-secret")

    @property
    def _newest(self) -> str:
        return webhooks.secrets_of(self._secret)[0]

    def settings(self, url: str) -> Mapping[str, str]:
        """Connect by bot: so invoices have threads, and buttons work."""
        return {
            "bot_token": str(self.config.get("bot_token") or TOKEN),
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
        if refused := closed(channel) or refusal(body):
            word = refused[0].replace("is_archived", "channel_is_archived")
            return wire.text_answer(word)
        self.space.post(channel, body, self.new_number())
        return wire.text_answer("ok", 200)

    @route("POST", "/actions/<team>/<int:number>/<token>")
    @route("POST", "/commands/<team>/<int:number>/<token>")
    def _response_url(self, request: Request, number: int, **_path: str) -> Response:
        body = wire.webhook_body(request)
        channel, word = self.space.use_way(number)
        if not word and (refused := refusal(body)):
            word = refused[0]
        if word:
            return wire.text_answer(word)
        private = body.get("response_type") != "in_channel"
        self.space.post(channel, body, self.new_number(), private=private)
        return wire.text_answer("ok", 200)

    @route("POST", "/api/chat.postMessage")
    def _post_message(self, request: Request) -> Response:
        body = wire.api_body(request)
        self._check_token(request, body)
        channel = str(body.pop("channel", ""))
        if refused := closed(channel) or refusal(body):
            return wire.api_refusal(*refused)
        posted = self.space.post(channel, body, self.new_number())
        team = people.TEAM["id"]
        return json_answer(
            {
                "ok": True,
                "channel": people.channel_id(channel),
                "ts": posted.ts,
                "message": wire.message(posted.ts, team, people.BOT, posted.body),
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
        return self._channel(request, next(iter(self.space.channels), people.CHANNEL))

    @route("GET", "/channels/<name>", page=True)
    def _channel(self, request: Request, name: str) -> Response:
        name, channels = name.removeprefix("#"), self.space.channels
        counts = {key.removeprefix("#"): len(at) for key, at in channels.items()}
        html = page.render(
            "channel.html",
            root=request.script_root,
            here=name,
            channels={name: 0} | counts,
            most=SHOWN,
            # Newest first: the view is filled from its lower edge.
            messages=self.space.shown(name),
            sent=list(islice(reversed(self.webhooks.sent), SENT_SHOWN)),
            live="paused" not in request.args,
            target=self.webhooks.url,
            mentions=people.USER["username"],
        )
        headers = {"Content-Security-Policy": page.POLICY, "Cache-Control": "no-store"}
        return Response(html, headers=headers, content_type="text/html; charset=utf-8")

    @route("GET", "/<any('slack.css', 'slack.js'):name>", page=True)
    def _asset(self, request: Request, name: str) -> Response:
        asset = files("hub_slack") / "templates" / "hub_slack" / name
        kind = f"{ASSETS[name]}; charset=utf-8"
        return Response(asset.read_bytes(), content_type=kind)

    @route("POST", "/click", page=True)
    def _click(self, request: Request) -> Response:
        """Press a button: Slack tells the app, then opens the button's link."""
        form, number = request.form, self.new_number()
        posted = self.space.find(form.get("ts", ""))
        button = workspace.button(posted, form) if posted else None
        if posted is None or button is None:
            return wire.text_answer("no such button", 404)
        self.space.open_way(number, posted.channel)
        now = clock.now().timestamp()
        self._tell(f"block_actions {number}", people.press(number, now, posted, button))
        return _see(request, posted.channel, str(button.get("url", "")))

    @route("POST", "/say", page=True)
    def _say(self, request: Request) -> Response:
        """Do what else people do: a command, a mention, the app's handshake."""
        what, channel = request.form.get("what", ""), request.form.get("channel", "")
        channel = f"#{channel.removeprefix('#')}" if channel else people.CHANNEL
        if what not in people.SAYINGS:
            return wire.text_answer("say what?", 400)
        number = self.new_number()
        self.space.open_way(number, channel)
        said = people.SAYINGS[what](number, channel, request.form.get("text", ""))
        self._tell(f"{what} {number}", said)
        return _see(request, channel)

    @route("POST", "/delete", page=True)
    def _delete(self, request: Request) -> Response:
        """Somebody takes a message away, the first of a thread perhaps."""
        posted = self.space.delete(request.form.get("ts", ""))
        if posted is None:
            return wire.text_answer("no such message", 404)
        return _see(request, posted.channel)

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


def _see(request: Request, channel: str, url: str = "") -> Response:
    is_web = url.startswith(("https://", "http://"))
    here = f"{request.script_root}/channels/{quote(channel.removeprefix('#'))}"
    return Response(status=303, headers={"Location": url if is_web else here})

"""Teams played: a workflow that takes cards, and a channel to look at them."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qs

from werkzeug.wrappers import Request, Response

from hub.sdk import clock
from hub.sdk.simulator import RefusalError, Simulator, json_answer, route
from hub_teams.simulator import page
from hub_teams.simulator.rules import MOST_BYTES, problem

KEPT, SHOWN = 20_000, 50
HOST: Final = "simulated.a1.environment.api.powerplatform.com:443"
INVOKE: Final = "/workflows/<workflow>/triggers/manual/paths/invoke"
DIRECT: Final = "/powerautomate/automations/direct"
WORKFLOW: Final = "0123456789abcdef0123456789abcdef"
QUERY: Final = "api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0"
SIG: Final = "simulated-workflow-sig"


@dataclass(frozen=True)
class Posted:
    """A card in the channel."""

    at: datetime
    summary: str
    card: Mapping[str, Any]


class TeamsSimulator(Simulator):
    """A channel behind a workflow. `configure` takes `sig` (else any is right).

    It is stricter than Teams: what the workflow would take with 202 and never show
    is refused with 400, so that it is noticed.
    """

    name = "teams"
    title = "Microsoft Teams"

    def reset(self) -> None:
        super().reset()
        self.count = 0
        self.messages: deque[Posted] = deque(maxlen=KEPT)

    def state(self) -> dict[str, Any]:
        """The cards kept, oldest first, and how many there were in all."""
        shown = [
            {"summary": posted.summary, "card": posted.card} for posted in self.messages
        ]
        return {"messages": shown, "count": self.count}

    def settings(self, url: str) -> Mapping[str, str]:
        """Connect by an address of the form that Teams shows."""
        path = f"{DIRECT}{INVOKE}".replace("<workflow>", WORKFLOW)
        sig = str(self.config.get("sig") or SIG)
        return {
            "webhook_url": f"https://{HOST}{path}?{QUERY}&sig={sig}",
            "api_base_url": url,
        }

    def error(self, status: int) -> Response:
        codes = {400: "InvalidRequestContent", 401: "DirectApiAuthorizationRequired"}
        return _refusal(status, codes.get(status, "InternalServerError"), "Injected.")

    # What the hub calls

    @route("POST", DIRECT + INVOKE)
    @route("POST", INVOKE)
    def _invoke(self, request: Request, workflow: str) -> Response:
        if workflow == "gone":
            return _refusal(404, "WorkflowNotFound", "The workflow could not be found.")
        self._check_sig(request)
        message = _message(request)
        if wrong := problem(message):
            return _refusal(400, "InvalidCard", wrong)
        for attachment in message["attachments"]:
            self.count += 1
            summary = str(message.get("summary") or "")
            self.messages.append(Posted(clock.now(), summary, attachment["content"]))
        return Response(status=202)

    def _check_sig(self, request: Request) -> None:
        raw = request.query_string.decode("latin-1")
        [sig] = parse_qs(raw).get("sig", [""])[:1]
        wanted = self.config.get("sig")
        required = "DirectApiAuthorizationRequired"
        if "Authorization" in request.headers:
            code = "DirectApiRequestHasMoreThanOneAuthorization"
            raise RefusalError(_refusal(401, code, "Use the Shared Access scheme."))
        if not sig or (wanted and sig != wanted) or not raw.startswith(QUERY):
            text = "The request must be authenticated only by Shared Access scheme."
            raise RefusalError(_refusal(401, required, text))

    # What a person sees

    @route("GET", "/", page=True)
    def _channel(self, request: Request) -> Response:
        html = page.render(
            root=request.script_root,
            # Newest first: the view is filled from its lower edge.
            messages=list(reversed(self.messages))[:SHOWN],
            count=self.count,
            live="paused" not in request.args,
        )
        headers = {"Content-Security-Policy": page.POLICY, "Cache-Control": "no-store"}
        return Response(html, headers=headers, content_type="text/html; charset=utf-8")

    @route("GET", "/teams.css", page=True)
    def _style(self, _request: Request) -> Response:
        style = files("hub_teams") / "templates" / "hub_teams" / "teams.css"
        return Response(style.read_bytes(), content_type="text/css; charset=utf-8")


def _message(request: Request) -> dict[str, Any]:
    raw = request.get_data()
    if len(raw) > MOST_BYTES:
        text = "Request Entity too large"
        raise RefusalError(_refusal(413, "RequestEntityTooLarge", text))
    try:
        message = json.loads(raw) if request.is_json else None
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        text = "The body must be a JSON object."
        raise RefusalError(_refusal(400, "InvalidRequestContent", text))
    return message


def _refusal(status: int, code: str, text: str) -> Response:
    return json_answer({"error": {"code": code, "message": text}}, status)

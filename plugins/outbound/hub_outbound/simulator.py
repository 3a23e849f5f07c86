"""A receiver played: it checks what comes as Standard Webhooks asks, and shows it.

Its check is written by itself, so that a mistake in ours is noticed.
"""

import base64
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader
from werkzeug.wrappers import Request, Response

from hub.sdk.simulator import Simulator, json_answer, route

KEPT, SHOWN = 20_000, 50
TOLERANCE: Final = 300
SECRET: Final = "whsec_" + base64.b64encode(b"a secret of the simulator").decode()
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none';"
    " frame-ancestors 'none'"
)


class OutboundSimulator(Simulator):
    """A receiver. `configure` takes `signing_secret`; the fault `410` wants no more."""

    name = "outbound"
    title = "Outgoing webhooks"
    more_faults = ("302", "404", "410")

    def reset(self) -> None:
        super().reset()
        self.received: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.refused = 0

    def state(self) -> dict[str, Any]:
        """What came and was signed as it should, oldest first, each id once."""
        return {"received": list(self.received), "refused": self.refused}

    def settings(self, url: str) -> Mapping[str, str]:
        """Connect to the inbox."""
        return {"url": f"{url}/inbox", "signing_secret": self._secret()}

    @route("POST", "/inbox")
    def _take(self, request: Request) -> Response:
        body = request.get_data()
        problem = self._problem(request, body)
        if problem:
            self.refused += 1
            return json_answer({"error": problem}, 401)
        id = request.headers["webhook-id"]
        if all(id != each["id"] for each in self.received):
            self.received.append({"id": id, "payload": json.loads(body)})
        return json_answer({"received": True})

    def _problem(self, request: Request, body: bytes) -> str:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        id, stamp, given = (request.headers.get(name, "") for name in names)
        if not (id and stamp.isdecimal() and given):
            return "A header of Standard Webhooks is missing."
        if abs(time.time() - int(stamp)) > TOLERANCE:
            return "The timestamp is too old, or too new."
        key = base64.b64decode(self._secret().removeprefix("whsec_"))
        content = b".".join((id.encode(), stamp.encode(), body))
        mine = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
        signatures = [each.partition(",") for each in given.split()]
        good = any(
            version == "v1" and hmac.compare_digest(text.encode(), mine)
            for version, _, text in signatures
        )
        return "" if good else "No signature fits."

    def _secret(self) -> str:
        return str(self.config.get("signing_secret") or SECRET)

    @route("GET", "/", page=True)
    def _inbox(self, request: Request) -> Response:
        shown = [
            {**each, "text": json.dumps(each["payload"], indent=2, ensure_ascii=False)}
            for each in reversed(self.received)
        ]
        html = (
            _environment()
            .get_template("hub_outbound/inbox.html")
            .render(
                root=request.script_root,
                received=shown[:SHOWN],
                count=len(shown),
                refused=self.refused,
                live="paused" not in request.args,
            )
        )
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
        return Response(html, headers=headers, content_type="text/html; charset=utf-8")

    @route("GET", "/outbound.css", page=True)
    def _style(self, _request: Request) -> Response:
        style = files("hub_outbound") / "templates" / "hub_outbound" / "outbound.css"
        return Response(style.read_bytes(), content_type="text/css; charset=utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("hub_outbound"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )

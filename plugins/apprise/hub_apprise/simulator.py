"""A service played: Apprise's own JSON target, and a page to look at what came."""

from collections import deque
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader
from werkzeug.wrappers import Request, Response

from hub.sdk import clock
from hub.sdk.simulator import Simulator, json_answer, read_json, route

KEPT, SHOWN = 20_000, 50
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none';"
    " frame-ancestors 'none'"
)


class AppriseSimulator(Simulator):
    """A service that takes whatever comes."""

    name = "apprise"
    title = "Apprise"

    def reset(self) -> None:
        super().reset()
        self.count = 0
        self.notes: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def state(self) -> dict[str, Any]:
        """The notifications kept, oldest first, and how many there were in all."""
        return {"notes": list(self.notes), "count": self.count}

    def settings(self, url: str) -> Mapping[str, str]:
        """Connect by a URL of Apprise's JSON target."""
        return {"urls": f"{url.replace('http', 'json', 1)}/notify"}

    @route("POST", "/notify")
    def _take(self, request: Request) -> Response:
        given = read_json(request)
        if not isinstance(given, dict) or not given.get("message"):
            return json_answer({"error": "no message"}, 400)
        self.count += 1
        names = ("title", "message", "type")
        told = {name: str(given.get(name) or "") for name in names}
        self.notes.append({**told, "at": clock.iso(clock.now())})
        return json_answer({"taken": self.count})

    @route("GET", "/", page=True)
    def _page(self, request: Request) -> Response:
        html = _template().render(
            root=request.script_root,
            notes=list(reversed(self.notes))[:SHOWN],
            count=self.count,
            live="paused" not in request.args,
        )
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
        return Response(html, headers=headers, content_type="text/html; charset=utf-8")

    @route("GET", "/apprise.css", page=True)
    def _style(self, _request: Request) -> Response:
        style = files("hub_apprise") / "templates" / "hub_apprise" / "apprise.css"
        return Response(style.read_bytes(), content_type="text/css; charset=utf-8")


@cache
def _template() -> Any:
    made = Environment(
        loader=PackageLoader("hub_apprise"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return made.get_template("hub_apprise/notes.html")

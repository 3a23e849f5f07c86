"""What simulators are built from: a WSGI app that plays a provider, with faults.

A simulator is a subclass of `Simulator` with methods marked `@route`; `serve` runs
it on a port, `Simulators` mounts many of them below one address.
"""

import itertools
import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final, TypeVar

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from hub.sdk.simulated_webhooks import SentWebhook, WebhookSender

SLOW_SECONDS = 30.0
# Dripped one byte a second, this outlasts the deadline of the hub's calls.
DRIP_BYTES = 60
ANSWER_FAULTS: Final = (
    *("429", "500", "503", "400", "401", "junk"),
    *("slow", "drip", "drop", "timeout_after"),
)
WEBHOOK_FAULTS: Final = ("duplicate", "out_of_order")

Handler = TypeVar("Handler", bound=Callable[..., Response])


def route(
    method: str, path: str, *, page: bool = False
) -> Callable[[Handler], Handler]:
    """Mark a method of a simulator as the answer to `method path` (werkzeug rule).

    A `page` is what a person looks at: faults pass it by.
    """

    def mark(handler: Handler) -> Handler:
        marks = getattr(handler, "routes", ())
        handler.routes = (*marks, (method, path, page))  # type: ignore[attr-defined]
        return handler

    return mark


class RefusalError(Exception):
    """Ends a handler with this answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def json_answer(
    data: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer JSON."""
    return Response(json.dumps(data), status, headers, content_type="application/json")


def read_json(request: Request) -> Any:
    """Return the request's JSON, or end the handler with 400."""
    try:
        return json.loads(request.get_data())
    except ValueError:
        raise RefusalError(json_answer({"error": "not JSON"}, 400)) from None


@dataclass
class Fault:
    """What goes wrong next, `count` times (None: until it is cleared), for paths
    that begin with `path`. `seconds` is how slow slow is."""

    kind: str
    count: int | None = 1
    retry_after: float | None = None
    seconds: float = SLOW_SECONDS
    path: str = "/"


@dataclass(frozen=True)
class SeenRequest:
    """A request the simulator got; credentials are left out."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    status: int


class Simulator:
    """Base of all simulators. Handlers run one at a time, under `lock`."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    # Faults of its own, beside ANSWER_FAULTS: it takes them with `take_fault`.
    more_faults: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.config: dict[str, Any] = {}
        self.faults: list[Fault] = []
        self.seen: deque[SeenRequest] = deque(maxlen=1000)
        self.webhooks = WebhookSender(self.sign)
        self._numbers = itertools.count(1)
        self._closing = threading.Event()
        self._map, self._handlers, self._pages = _routes_of(self)
        self.reset()

    # For subclasses

    def reset(self) -> None:
        """Begin afresh; configuration stays. Subclasses set up their state here."""
        self.faults.clear()
        self.seen.clear()
        self.webhooks.forget()

    def state(self) -> dict[str, Any]:
        """Describe what the provider holds, for `GET /_sim/state`."""
        return {}

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take settings from `POST /_sim/config`; `webhook_url` is among them."""
        self.config.update(config)
        self.webhooks.url = str(self.config.get("webhook_url") or "")

    def settings(self, url: str) -> Mapping[str, str]:
        """Return the settings that point a connection at this simulator, which is
        served at `url`; the demo connects itself with them."""
        return {"api_base_url": url}

    def sign(self, webhook: SentWebhook) -> Mapping[str, str]:
        """Return the headers that sign a webhook; called for each try."""
        return {}

    def error(self, status: int) -> Response:
        """Answer an injected error the way the provider words it."""
        return json_answer({"error": f"injected {status}"}, status)

    def new_number(self) -> int:
        """Return the next number, to make ids from."""
        return next(self._numbers)

    def send_webhook(
        self,
        body: bytes | Mapping[str, Any],
        *,
        id: str = "",
        content_type: str = "application/json",
        url: str = "",
    ) -> SentWebhook:
        """Send a webhook in the background, to `url` if it is given."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        name = id or f"wh-{self.new_number()}"
        webhook = SentWebhook(name, raw, content_type, url)
        self.webhooks.send(webhook)
        return webhook

    def wait_idle(self, timeout: float = 10.0) -> None:
        """Wait until every webhook is delivered or given up."""
        self.webhooks.wait_idle(timeout)

    def close(self) -> None:
        """End slow answers and the sender."""
        self._closing.set()
        self.webhooks.close()

    # The WSGI side

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        try:
            response = self._answer(request)
        except RefusalError as refusal:
            response = refusal.response
        except HTTPException as error:
            response = json_answer({"error": error.name}, error.code or 500)
        if not request.path.startswith("/_sim/"):
            self.seen.append(_seen(request, response.status_code))
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        adapter = self._map.bind_to_environ(request.environ)
        endpoint, arguments = adapter.match()
        handler = self._handlers[endpoint]
        fault = None if endpoint in self._pages else self._take_fault(request.path)

        def work() -> Response:
            with self.lock:
                try:
                    return handler(request, **arguments)
                except RefusalError as refusal:
                    return refusal.response

        return self._faulty(fault, work, request) if fault else work()

    def _take_fault(self, path: str) -> Fault | None:
        return self.take_fault(lambda fault: path.startswith(fault.path))

    def take_fault(self, applies: Callable[[Fault], bool]) -> Fault | None:
        """Return the first fault that applies now, once less often from then on."""
        with self.lock:
            for fault in self.faults:
                if applies(fault):
                    if fault.count is not None:
                        fault.count -= 1
                        if fault.count <= 0:
                            self.faults.remove(fault)
                    return fault
        return None

    def _faulty(
        self, fault: Fault, work: Callable[[], Response], request: Request
    ) -> Response:
        match fault.kind:
            case "slow":
                response = work()
                self._closing.wait(fault.seconds)
                return response
            case "drip":
                return self._dripping(work())
            case "drop":
                return _dropped(request)
            case "timeout_after":
                work()
                self._closing.wait(fault.seconds)
                return self.error(504)
            case "junk":
                return Response("<html>maintenance</html>", content_type="text/html")
        response = self.error(int(fault.kind))
        if fault.retry_after is not None:
            response.headers["Retry-After"] = f"{fault.retry_after:g}"
        return response

    def _dripping(self, response: Response) -> Response:
        body = response.get_data().ljust(DRIP_BYTES)

        def drops() -> Iterator[bytes]:
            for byte in body:
                yield bytes([byte])
                if self._closing.wait(1.0):
                    return

        headers = dict(response.headers) | {"Content-Length": str(len(body))}
        return Response(drops(), response.status_code, headers)

    # What every simulator answers below /_sim/

    @route("POST", "/_sim/faults", page=True)
    def _add_fault(self, request: Request) -> Response:
        given = read_json(request)
        kind = str(given.get("kind", ""))
        count = given.get("count", 1)
        if kind == "duplicate":
            self.webhooks.duplicate(int(count))
        elif kind == "out_of_order":
            self.webhooks.hold(int(count))
        elif kind in (*ANSWER_FAULTS, *self.more_faults):
            names = ("retry_after", "seconds", "path")
            options = {name: given[name] for name in names if name in given}
            self.faults.append(Fault(kind, count, **options))
        else:
            kinds = [*ANSWER_FAULTS, *self.more_faults, *WEBHOOK_FAULTS]
            return json_answer({"error": "unknown kind", "kinds": kinds}, 400)
        return json_answer({"faults": [asdict(fault) for fault in self.faults]})

    @route("DELETE", "/_sim/faults", page=True)
    def _clear_faults(self, _request: Request) -> Response:
        self.faults.clear()
        return json_answer({"faults": []})

    @route("GET", "/_sim/state", page=True)
    def _show_state(self, _request: Request) -> Response:
        return json_answer(
            {
                **self.state(),
                "faults": [asdict(fault) for fault in self.faults],
                "requests": [asdict(request) for request in self.seen],
                "webhooks": [webhook.shown() for webhook in self.webhooks.sent],
            }
        )

    @route("GET", "/_sim/settings", page=True)
    def _show_settings(self, request: Request) -> Response:
        return json_answer(
            {"settings": dict(self.settings(request.root_url.rstrip("/")))}
        )

    @route("POST", "/_sim/reset", page=True)
    def _reset(self, _request: Request) -> Response:
        self.reset()
        return json_answer({"reset": True})

    @route("POST", "/_sim/config", page=True)
    def _configure(self, request: Request) -> Response:
        self.configure(read_json(request))
        return json_answer({"configured": sorted(self.config)})


def _routes_of(
    simulator: Simulator,
) -> tuple[Map, dict[str, Callable[..., Response]], frozenset[str]]:
    rules, handlers, pages = [], {}, set()
    for attribute in dir(type(simulator)):
        handler = getattr(type(simulator), attribute)
        for method, path, page in getattr(handler, "routes", ()):
            endpoint = f"{method} {path}"
            rules.append(Rule(path, endpoint=endpoint, methods=[method]))
            handlers[endpoint] = getattr(simulator, attribute)
            if page:
                pages.add(endpoint)
    return Map(rules, strict_slashes=False), handlers, frozenset(pages)


def _seen(request: Request, status: int) -> SeenRequest:
    headers = {
        name: value for name, value in request.headers if name != "Authorization"
    }
    return SeenRequest(
        request.method,
        request.path,
        request.query_string.decode("latin-1"),
        headers,
        request.get_data().decode(errors="replace")[:65536],
        status,
    )


def _dropped(request: Request) -> Response:
    sock = request.environ.get("werkzeug.socket") or request.environ.get(
        "gunicorn.socket"
    )
    if sock is None:
        raise NotFound
    request.get_data()
    sock.shutdown(socket.SHUT_RDWR)
    return Response(status=500)

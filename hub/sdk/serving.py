"""Serve simulators over real HTTP: many below one address, a thread per request."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request

from hub.sdk.simulator import Simulator, json_answer


class Simulators:
    """Many simulators below one address: `/paypal/…`, `/slack/…`."""

    def __init__(self, apps: Mapping[str, Simulator]) -> None:
        self.apps = dict(apps)
        mounts: dict[str, Any] = {f"/{name}": app for name, app in apps.items()}
        self._dispatch = DispatcherMiddleware(self._index, mounts)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return self._dispatch(environ, start_response)

    def close(self) -> None:
        """Close them all."""
        for app in self.apps.values():
            app.close()

    def _index(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        names = {name: f"{request.root_url}{name}/" for name in sorted(self.apps)}
        response = (
            json_answer({"simulators": names})
            if request.path == "/"
            else json_answer({"error": "no such simulator"}, 404)
        )
        return response(environ, start_response)


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    port: int


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: paths may hold secrets."""


@contextmanager
def serve(app: Any, port: int = 0, host: str = "127.0.0.1") -> Iterator[Served]:
    """Serve a WSGI app over real HTTP, a thread per request, until the block ends."""
    server = make_server(host, port, app, threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield Served(f"http://{host}:{server.server_port}", server.server_port)
    finally:
        if hasattr(app, "close"):
            app.close()
        server.shutdown()
        server.server_close()
        thread.join(5)

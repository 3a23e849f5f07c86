"""The application on a real port, in threads of this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

import web
from hub.app import create_app
from hub.boot import Hub
from web.feed import feed_of


class _Quiet(WSGIRequestHandler):
    def log(self, *arguments: Any) -> None:
        """Say nothing."""


@dataclass
class Served:
    """A running server."""

    hub: Hub
    app: Flask
    url: str

    @property
    def feed_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/feed"


@contextmanager
def served(hub: Hub) -> Iterator[Served]:
    """Serve the hub until the block ends."""
    app = create_app(hub)
    if "feed" not in app.blueprints:
        web.register(app)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    url = f"http://localhost:{server.server_port}"
    hub.settings = replace(hub.settings, base_url=url)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield Served(hub, app, url)
    finally:
        feed_of(hub).stop()
        server.shutdown()
        server.server_close()
        thread.join(5)

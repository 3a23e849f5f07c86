"""A provider on loopback that answers as it is told."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, bytes] | tuple[int, bytes, dict[str, str]]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Server:
    """Notes each request and answers 200 unless told otherwise."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._answer: Callable[[Request], Any] | None = lambda request: (200, b"{}")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        # A client that is killed in the middle of a request is what we test.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, answer: Callable[[Request], Any] | None) -> None:
        """Answer so from now on; None breaks the connection off after reading."""
        self._answer = answer

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # the client was killed while it wrote
                    self.close_connection = True
                    return
                request = Request(self.command, self.path, body, dict(self.headers))
                server.requests.append(request)
                if server._answer is None:
                    self.close_connection = True
                    return
                status, content, *more = server._answer(request)
                self.send_response(status)
                for name, value in (more[0] if more else {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815 — http.server's name

            def log_message(self, format: str, *arguments: Any) -> None: ...

        return Handler

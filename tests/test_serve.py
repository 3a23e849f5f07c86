"""The web server as it really runs: gunicorn with gevent, spoken to in raw bytes."""

import hashlib
import hmac
import json
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from sqlalchemy import select

from hub import ports, serve
from hub.boot import Hub
from hub.core.models import InboundWebhook, PluginSwitch
from hub.db import Database
from hub.jobs import Bell
from hub.plugins import Plugins
from hub.sdk.errors import SettingsError
from hub.settings import load
from tests.parts.hub import KEY, connect

SECRET = "a secret for tests"
ROOT = Path(__file__).parents[1]


@dataclass
class Server:
    """A running server and its database."""

    port: int
    process: "subprocess.Popen[bytes]"
    database: Database

    def say(self, raw: bytes, *more: bytes) -> tuple[int, bytes]:
        """Send bytes as they are; returns status and body, 0 if it hung up."""
        address = ("127.0.0.1", self.port)
        with closing(socket.create_connection(address, timeout=20)) as client:
            with suppress(BrokenPipeError, ConnectionResetError):
                for piece in (raw, *more):
                    client.sendall(piece)
            said = b""
            with suppress(ConnectionResetError):
                while piece := client.recv(65536):
                    said += piece
        head, _, body = said.partition(b"\r\n\r\n")
        return int(head.split()[1]) if head else 0, body

    def headers(self, body: bytes) -> list[bytes]:
        """The header lines of the one row that was kept with this body."""
        kept = select(InboundWebhook.headers).where(InboundWebhook.body == body)
        with self.database.read() as session:
            return (session.scalars(kept).one() or b"").split(b"\n")


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "hub.db").write_bytes(sqlite_template.read_bytes())
    environ = {
        "HUB_DATA_DIR": str(folder),
        "HUB_REDIS_URL": "unix:///nowhere/redis.sock",
        "SLACK_SIGNING_SECRET": SECRET,
    }
    database = seeded(environ)
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            serve.arguments("127.0.0.1", port, 1, connections=100),
            env={**os.environ, **environ, "PYTHONPATH": str(ROOT)},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(port, process, folder / "log")
        yield Server(port, process, database)
    finally:
        process.kill()
        process.wait()
        database.dispose()


def seeded(environ: dict[str, str]) -> Database:
    settings = load(environ)
    database = Database(settings.database_url)
    hub = Hub(
        settings=settings,
        database=database,
        plugins=Plugins([]),
        bell=Bell(settings.redis_url or ""),
        keys=(KEY,),
    )
    with hub.write() as session:
        session.add(PluginSwitch(name="slack", enabled=True))
    connect(hub, "slack")
    return database


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(log.read_text())


def event(id: str, **more: str) -> bytes:
    return json.dumps({"type": "event_callback", "event_id": id, **more}).encode()


def head(body: bytes, *lines: bytes, path: bytes = b"/webhooks/slack") -> bytes:
    """The head of a signed request, without a length."""
    stamp = str(int(time.time())).encode()
    signed = b"v0:" + stamp + b":" + body
    signature = hmac.digest(SECRET.encode(), signed, hashlib.sha256).hex().encode()
    given = (
        b"POST " + path + b" HTTP/1.1",
        b"Host: localhost",
        b"Connection: close",
        b"Content-Type: application/json",
        b"X-Slack-Request-Timestamp: " + stamp,
        b"X-Slack-Signature: v0=" + signature,
        *lines,
    )
    return b"\r\n".join(given) + b"\r\n\r\n"


def length(body: bytes) -> bytes:
    return b"Content-Length: " + str(len(body)).encode()


CHUNKED = b"Transfer-Encoding: chunked"


def test_signed_request_is_kept(server: Server) -> None:
    body = event("Ev1")

    assert (200, b"") == server.say(head(body, length(body)) + body)
    assert b"Content-Type: application/json" in server.headers(body)


def test_body_in_chunks_is_kept_whole(server: Server) -> None:
    body = event("Ev2", pad="x" * 5000)
    pieces = [body[at : at + 700] for at in range(0, len(body), 700)]
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b"")]

    assert 200 == server.say(head(body, CHUNKED), *chunks)[0]
    assert b"Transfer-Encoding: chunked" in server.headers(body)


def test_bytes_that_are_not_utf_8_are_kept(server: Server) -> None:
    """ROAD 9."""
    body = event("Ev3")

    assert 200 == server.say(head(body, length(body), b"X-Note: \xff\xe9") + body)[0]
    assert b"X-Note: \xff\xe9" in server.headers(body)


def test_declared_length_over_the_limit_is_refused_at_once(server: Server) -> None:
    assert 413 == server.say(head(b"", b"Content-Length: 900000000"))[0]


def test_chunks_over_the_limit_are_refused(server: Server) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    status, _ = server.say(head(b"", CHUNKED), *([chunk] * 20), b"0\r\n\r\n")

    assert 413 == status


@pytest.mark.parametrize(
    "lines",
    [
        (b"X-Slack-Signature: v0=00",),
        (b"X-Slack-Request-Timestamp: 1",),
        (b"X-Note: a\x00b",),
        (b"X-Note: " + b"x" * 100_000,),
        tuple(b"X-%d: y" % number for number in range(3000)),
        (b"Content-Length: 3",),
        (b"Content-Length: -1",),
        (b"Content-Length: 1e3",),
        (CHUNKED,),
        (b"X-Note : a",),
        (b" folded: a",),
        (b"\xff: a",),
    ],
    ids=range(12),
)
def test_malformed_requests_are_refused_never_our_fault(
    server: Server, lines: tuple[bytes, ...]
) -> None:
    body = event("EvBad")

    status, _ = server.say(head(body, length(body), *lines) + body)

    assert 400 <= status < 500


@pytest.mark.parametrize(
    "chunks",
    [b"zz\r\n", b"5\r\nab", b"-5\r\nab\r\n", b"5\r\nabcdefg"],
)
def test_broken_chunks_are_refused_never_our_fault(
    server: Server, chunks: bytes
) -> None:
    status, _ = server.say(head(b"", CHUNKED), chunks, b"\r\n0\r\n\r\n")

    assert status == 0 or 400 <= status < 500


def test_sender_that_stops_in_the_middle_is_not_waited_for(server: Server) -> None:
    assert 400 == server.say(head(b"", CHUNKED), b"ffffff\r\n{")[0]


def test_it_still_serves_after_all_that(server: Server) -> None:
    assert 200 == server.say(b"GET /readyz HTTP/1.0\r\n\r\n")[0]


def test_worker_that_is_killed_is_replaced(server: Server) -> None:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    if not children.exists():
        pytest.skip("needs /proc")
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    body = event("Ev4")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError):
            if 200 == server.say(head(body, length(body)) + body)[0]:
                break
    assert server.headers(body)


def test_it_ends(server: Server) -> None:
    """With a browser's idle connection open."""
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        idle.recv(1000)
        server.process.terminate()

        assert 0 == server.process.wait(30)


def test_command_line_holds_the_measured_settings() -> None:
    """ROAD 41."""
    line = " ".join(serve.arguments("::1", 8000, 3, connections=20_000))

    assert "--worker-class gevent --workers 3 --worker-connections 20000" in line
    assert "--no-control-socket" in line
    assert "--bind [::1]:8000" in line
    assert "--config python:hub.serve" in line


def test_workers_know_their_settings_by_heart() -> None:
    config = Config()
    config.set("keepalive", 7)
    given = {name: getattr(config, name) for name in config.settings}

    serve.post_fork(None, SimpleNamespace(cfg=config))

    assert 7 == vars(config)["keepalive"]
    assert given == {name: getattr(config, name) for name in config.settings}


@pytest.mark.parametrize(("files", "connections"), [(1_000, 250), (60_000, 20_000)])
def test_connections_fit_the_limit_of_open_files(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    files: int,
    connections: int,
) -> None:
    """ROAD 41."""
    wanted: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, files))
    monkeypatch.setattr(resource, "setrlimit", lambda which, both: wanted.append(both))

    assert connections == serve._connections()
    assert [(min(files, 40_500), files)] == wanted
    assert ("ulimit -n" in capsys.readouterr().err) == (files == 1_000)


def test_taken_port_is_said_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"Port {port} can't be used"):
            ports.check("127.0.0.1", port)

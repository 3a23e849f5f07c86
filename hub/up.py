"""Everything in one command: `hub up` starts the parts and ends them together."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from hub import embedded, ports
from hub.parts import LOG, Parts, fresh_log
from hub.processes import stop
from hub.sdk.errors import SettingsError
from hub.settings import DEFAULT_PORT, Settings

if TYPE_CHECKING:
    from hub.boot import Hub

# Ctrl-C ends everything within five seconds (the promise of the README).
_GRACE_SECONDS = 3.5
# Browsers keep connections open; waiting for them would use all of the above.
_WEB_GRACE = 2
_LOOKED_EVERY = 0.1
_REDIS_EVERY = 1.0
# Where `localhost` reaches a server. It may mean either of 127.0.0.1 and ::1, so one
# that listens at the latter alone is called by its address.
_BY_NAME = ("127.0.0.1", "0.0.0.0", "::", "localhost", "")  # noqa: S104


class _Stopped(Exception):  # noqa: N818 — not an error
    """A signal came while the hub was starting."""


def main(
    settings: Settings,
    *,
    demo: bool = False,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    workers: int = 1,
) -> None:
    """Run until Ctrl-C or SIGTERM; SettingsError says why it can't start."""
    ports.check(host, port)
    port = port or ports.free(host=host)
    settings = _with_base_url(settings, host, port)
    with _owned(settings.data_dir), _signals() as stopped:
        parts = Parts(_environment(settings), fresh_log(settings.data_dir), stopped)
        redis = _Redis(settings)
        try:
            _start(settings, parts, redis, demo=demo, at=(host, port), deliver=workers)
            while not stopped:
                parts.watch()
                redis.watch()
                time.sleep(_LOOKED_EVERY)
        except _Stopped:
            pass
        finally:
            # Redis last: the parts use it until they are gone.
            stop(parts.running(), seconds=_GRACE_SECONDS)
            stop(redis.running(), seconds=1)


def _start(
    settings: Settings,
    parts: Parts,
    redis: "_Redis",
    *,
    demo: bool,
    at: tuple[str, int],
    deliver: int,
) -> None:
    """Start all parts, the slow ones side by side, and say where to go."""
    host, port = at
    # What an import takes is most of a start: the slow ones import side by side.
    simulators = _simulators(parts, port) if demo else None
    web_is_up = _has_schema(settings)
    if web_is_up:
        _web(settings, parts, host, port)
    redis.start()
    from hub import boot

    hub = boot.start(settings)
    try:
        _prepare(hub)
        if not web_is_up:
            _web(settings, parts, host, port)
        if simulators:
            _seed(hub, parts, simulators)
        parts.start_workers(deliver)
        parts.start("scheduler", _hub("scheduler"))
        parts.wait_for("web", f"http://{_reached(host)}:{port}/readyz")
        _check_running(parts)
        click.echo("\n".join(_greeting(hub, simulators)))
        sys.stdout.flush()
    finally:
        hub.database.dispose()


def _has_schema(settings: Settings) -> bool:
    """False on the first start. An older schema is no harm: until it is migrated,
    a moment later, the server answers that it isn't ready."""
    return settings.production or (settings.data_dir / "hub.db").exists()


def _web(settings: Settings, parts: Parts, host: str, port: int) -> None:
    from hub import serve

    # gevent serves many at a time, and SQLite writes one at a time anyhow.
    workers = 2 if settings.production else 1
    with parts.log.open("a") as told:
        line, environment = serve.command(
            settings, host=host, port=port, workers=workers, told=told
        )
    line += ["--graceful-timeout", str(_WEB_GRACE)]
    parts.start("web", line, environment)


def _prepare(hub: "Hub") -> None:
    """Migrate the embedded database; take up what the environment completes."""
    from hub import schema
    from hub.core import connections

    (schema.require if hub.settings.production else schema.upgrade)(hub.database)
    connections.settle(hub)


def _simulators(parts: Parts, port: int) -> str:
    """Start them on the next port, the same at each start where it is free."""
    found = ports.free(port + 1)
    parts.start("sim", _hub("sim", "--port", str(found)))
    return f"http://localhost:{found}"


def _seed(hub: "Hub", parts: Parts, simulators: str) -> None:
    from hub import demo

    parts.wait_for("sim", f"{simulators}/")
    _check_running(parts)
    demo.seed(hub, simulators)


def _check_running(parts: Parts) -> None:
    if parts.stopped:
        raise _Stopped


def _greeting(hub: "Hub", simulators: str | None) -> list[str]:
    """What the terminal says, the most wanted first."""
    settings = hub.settings
    lines = [f"Hub: {settings.base_url}"]
    if simulators:
        from hub import demo

        lines += [
            f"Simulators: {simulators}",
            f"Sign in: {demo.EMAIL} {demo.PASSWORD}",
        ]
    else:
        from hub.core.people import sign_in_links

        with hub.write() as session:
            link = sign_in_links.first_admin_link(session)
        if link:
            lines.append(f"Make the first admin (once, within a day): {link}")
    return [*lines, f"Log: {settings.data_dir / LOG}", "Ctrl-C ends it all."]


class _Redis:
    """The embedded Redis, started again when it ends; nothing if one is given."""

    def __init__(self, settings: Settings) -> None:
        self._folder = None if settings.redis_url else settings.data_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._looked = 0.0

    def start(self) -> None:
        """Start it, unless one that outlived the last run still answers."""
        if self._folder is not None:
            self._process = embedded.start(self._folder)

    def watch(self) -> None:
        """Start it again if it is gone; without it the hub works by polling."""
        now = time.monotonic()
        gone = self._process is None or self._process.poll() is not None
        if not gone or now - self._looked < _REDIS_EVERY:
            return
        self._looked = now
        try:
            self.start()
        except SettingsError as error:
            self._looked = now + 10 * _REDIS_EVERY
            click.echo(f"{error} The hub works on, by polling.", err=True)

    def running(self) -> list[subprocess.Popen[bytes]]:
        """The process, for ending it."""
        return [self._process] if self._process else []


def _hub(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hub", *arguments]


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "HUB_DATA_DIR": str(settings.data_dir),
        "HUB_BASE_URL": settings.base_url,
        "HUB_SIM_DIR": str(settings.data_dir / "simulators"),
    }


def _with_base_url(settings: Settings, host: str, port: int) -> Settings:
    if settings.environ.get("HUB_BASE_URL"):
        return settings
    name = "localhost" if host in _BY_NAME else _reached(host)
    return replace(settings, base_url=f"http://{name}:{port}")


def _reached(host: str) -> str:
    """Where this machine reaches a server that listens at `host`."""
    if host in ("0.0.0.0", ""):  # noqa: S104
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


@contextmanager
def _owned(data_dir: Path) -> Iterator[None]:
    """Be the only `hub up` of this data folder."""
    try:
        # What clients owe and what they were sent is nobody else's business.
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data_dir / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(
            f"The data folder {data_dir} can't be written: {error.strerror}. Choose"
            " another with --data-dir."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise SettingsError(
            f"A hub already runs on {data_dir}: end it first, or choose another"
            " folder with --data-dir."
        ) from error
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying of them."""
    got: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        got.append(number)

    before = {n: signal.signal(n, note) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield got
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

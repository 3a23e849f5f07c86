"""Everything in one command: `hub up` starts the parts and ends them together."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from hub import embedded
from hub.processes import spawn, stop
from hub.sdk.errors import SettingsError
from hub.settings import BASE_URL_FILE, DEFAULT_PORT, Settings

# Ctrl-C ends everything within five seconds (the promise of the README).
_GRACE_SECONDS = 4.0
_READY_SECONDS = 60
LOG = "hub.log"
_LOG_BYTES = 20 * 1024 * 1024


@dataclass
class Part:
    """One child process; started again, ever more slowly, when it ends by itself."""

    name: str
    arguments: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    again_at: float = 0.0


@dataclass
class Parts:
    """The running parts and the environment they are given."""

    environment: Mapping[str, str]
    log: Path
    parts: list[Part] = field(default_factory=list)

    def start(self, name: str, *arguments: str) -> Part:
        """Start `hub <arguments>` as a part."""
        part = Part(name, [sys.executable, "-m", "hub", *arguments])
        self._spawn(part)
        self.parts.append(part)
        return part

    def watch(self) -> None:
        """Start again what ended."""
        now = time.monotonic()
        for part in self.parts:
            if part.process is None or part.process.poll() is None:
                continue
            if part.again_at == 0.0:
                lived = now - part.started
                part.failures = part.failures + 1 if lived < 30 else 0
                part.again_at = now + min(2.0**part.failures * 0.25, 15.0)
            elif now >= part.again_at:
                self._spawn(part)

    def end(self) -> None:
        """End all parts."""
        stop([p.process for p in self.parts if p.process], seconds=_GRACE_SECONDS)

    def _spawn(self, part: Part) -> None:
        part.process = spawn(part.arguments, env=self.environment, log=self.log)
        part.started, part.again_at = time.monotonic(), 0.0


def main(
    settings: Settings,
    *,
    demo: bool = False,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    workers: int = 1,
) -> None:
    """Run until Ctrl-C or SIGTERM; SettingsError says why it can't start."""
    _check_port(host, port)
    settings = _with_base_url(settings, port)
    with _owned(settings.data_dir), _signals() as stopped:
        (settings.data_dir / BASE_URL_FILE).write_text(settings.base_url)
        redis = None if settings.redis_url else embedded.start(settings.data_dir)
        parts = Parts(_environment(settings), _log_file(settings.data_dir))
        try:
            simulators = _prepare(settings, parts, demo)
            _start(parts, host, port, workers)
            _wait_until_ready(parts, host, port, stopped)
            _greet(settings, simulators)
            redis = _supervise(settings, parts, redis, stopped)
        finally:
            parts.end()
            stop([redis] if redis else [], seconds=2)


def _prepare(settings: Settings, parts: Parts, demo: bool) -> str | None:
    """Migrate the embedded database; in the demo start simulators and seed."""
    from hub import boot, schema

    hub = boot.start(settings)
    try:
        (schema.require if settings.production else schema.upgrade)(hub.database)
        if not demo:
            return None
        from hub import demo as demo_data

        port = _free_port(settings.base_url)
        parts.start("sim", "sim", "--port", str(port))
        simulators = f"http://localhost:{port}"
        _wait_for(f"{simulators}/", parts)
        demo_data.seed(hub, simulators)
        return simulators
    finally:
        hub.database.dispose()


def _start(parts: Parts, host: str, port: int, workers: int) -> None:
    parts.start("web", "web", "--host", host, "--port", str(port))
    parts.start("worker", "worker", "--process", "1", "--deliver", str(workers))
    parts.start("scheduler", "scheduler")


def _supervise(
    settings: Settings,
    parts: Parts,
    redis: subprocess.Popen[bytes] | None,
    stopped: list[int],
) -> subprocess.Popen[bytes] | None:
    """Watch over the parts until a signal comes."""
    while not stopped:
        parts.watch()
        if redis is not None and redis.poll() is not None:
            with suppress(SettingsError):
                redis = embedded.start(settings.data_dir)
        time.sleep(0.2)
    return redis


def _greet(settings: Settings, simulators: str | None) -> None:
    from hub import boot
    from hub.core import sign_in_links

    lines = [f"Hub: {settings.base_url}"]
    if simulators:
        from hub import demo as demo_data

        lines += [
            f"Simulators: {simulators}",
            f"Sign in: {demo_data.EMAIL} {demo_data.PASSWORD}",
        ]
    else:
        hub = boot.start(settings)
        with hub.write() as session:
            link = sign_in_links.first_admin_link(session)
        hub.database.dispose()
        if link:
            lines.append(f"Make the first admin (once, within a day): {link}")
    lines += [f"Log: {settings.data_dir / LOG}", "Ctrl-C ends it all."]
    print("\n".join(lines), flush=True)  # noqa: T201 — the command's output


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "HUB_DATA_DIR": str(settings.data_dir),
        "HUB_BASE_URL": settings.base_url,
        "HUB_SIM_DIR": str(settings.data_dir / "simulators"),
    }


def _with_base_url(settings: Settings, port: int) -> Settings:
    if settings.environ.get("HUB_BASE_URL"):
        return settings
    return replace(settings, base_url=f"http://localhost:{port}")


def _log_file(folder: Path) -> Path:
    """What the parts say goes to one file, so that the terminal says what to do."""
    log = folder / LOG
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-12:])


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"Port {port} can't be used: {error.strerror}. Choose another with"
                " --port."
            ) from error


def _free_port(base_url: str) -> int:
    """A port for the simulators, the same at each start where possible."""
    wanted = int(base_url.rsplit(":", 1)[-1]) + 1 if base_url.count(":") == 2 else 0
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError, OverflowError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise SettingsError("No port is free for the simulators.")


@contextmanager
def _owned(data_dir: Path) -> Iterator[None]:
    """Be the only `hub up` of this data folder."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(data_dir / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(
            f"The data folder {data_dir} can't be written: {error.strerror}. Choose"
            " another with --data-dir."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SettingsError(f"A hub already runs on {data_dir}.") from error
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


def _wait_until_ready(parts: Parts, host: str, port: int, stopped: list[int]) -> None:
    address = "127.0.0.1" if host in ("0.0.0.0", "") else host  # noqa: S104
    _wait_for(f"http://{address}:{port}/readyz", parts, stopped)


def _wait_for(url: str, parts: Parts, stopped: list[int] | None = None) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not stopped:
        if _answers(url):
            return
        for part in parts.parts:
            if part.process is not None and part.process.poll() is not None:
                raise SettingsError(
                    f"The {part.name} part did not start; the end of {parts.log}:\n"
                    f"{_tail(parts.log)}"
                )
        if time.monotonic() > deadline:
            raise SettingsError(f"{url} did not answer within {_READY_SECONDS} s.")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as reply:  # noqa: S310 — loopback
            return bool(reply.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False

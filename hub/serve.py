"""`hub web`: gunicorn with gevent workers.

It is a program of its own (exec), so that gevent patches Python before anything of
the hub is imported.
"""

import os
import resource
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn, TextIO

from hub import ports
from hub.settings import Settings

# Browsers hold one socket each; at gunicorn's own 1,000 the next one starves the
# webhooks (ROAD 41).
CONNECTIONS: Final = 20_000
FILES_PER_CONNECTION: Final = 2  # the ping of a WebSocket needs one more
FILES_BESIDE: Final = 500


def main(settings: Settings, *, host: str, port: int, workers: int = 2) -> NoReturn:
    """Become the server; SettingsError or UnreadyError say why it can't start."""
    from hub import boot, schema

    ports.check(host, port)
    hub = boot.start(settings)
    schema.require(hub.database)
    hub.database.dispose()
    line, surroundings = command(settings, host=host, port=port, workers=workers)
    sys.stdout.flush()
    os.execve(  # noqa: S606 - our own list
        sys.executable, line, {**os.environ, **surroundings}
    )


def command(
    settings: Settings,
    *,
    host: str,
    port: int,
    workers: int,
    told: TextIO | None = None,
) -> tuple[list[str], dict[str, str]]:
    """The server's command line, and what its environment has to hold besides.

    Low limits are told to `told`, else to standard error.
    """
    connections = _connections(told)
    line = arguments(host, port, workers, connections=connections)
    return line, _environment(settings, port)


def arguments(host: str, port: int, workers: int, *, connections: int) -> list[str]:
    """The server's command line."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return [
        sys.executable,
        *("-m", "gunicorn", "hub.app:wsgi()", "--bind", address),
        *("--worker-class", "gevent", "--workers", str(workers)),
        *("--worker-connections", str(connections)),
        *("--keep-alive", "30", "--graceful-timeout", "3", "--timeout", "60"),
        # It would open a socket in the home folder.
        "--no-control-socket",
        *("--log-level", "warning", "--name", "hub web"),
        *("--config", "python:hub.serve"),  # post_fork
    ]


def post_fork(server: Any, worker: Any) -> None:
    """Called by gunicorn in each new worker, whose settings never change.

    It looks each of them up anew in a table of objects, some twenty times a request:
    that was a twentieth of the time a webhook takes.
    """
    config = worker.cfg
    vars(config).update({name: each.get() for name, each in config.settings.items()})


def _environment(settings: Settings, port: int) -> dict[str, str]:
    """Where the workers of this server count together, empty at each start."""
    folder = Path(settings.data_dir, f"metrics-{port}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
        "HUB_DATA_DIR": str(settings.data_dir),
        "HUB_BASE_URL": settings.base_url,
    }


def _connections(told: TextIO | None = None) -> int:
    """How many sockets a worker may hold, after raising the limit of open files."""
    wanted = CONNECTIONS * FILES_PER_CONNECTION + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):  # macOS has one more limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    files = wanted if soft == resource.RLIM_INFINITY else soft
    found = min(CONNECTIONS, max(100, (files - FILES_BESIDE) // FILES_PER_CONNECTION))
    if found < CONNECTIONS:
        (told or sys.stderr).write(
            f"Only {found} connections at a time: raise the limit of open files"
            f" (ulimit -n) to {wanted} for {CONNECTIONS}.\n"
        )
    return found

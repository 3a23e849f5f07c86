"""The processes of `hub up`: started, watched, and started again when they end."""

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from hub.processes import spawn
from hub.sdk.errors import SettingsError

if TYPE_CHECKING:
    from hub.worker import Workers

LOG: Final = "hub.log"
_LOG_BYTES = 20 * 1024 * 1024
_LINES_SHOWN = 12
_READY_SECONDS = 60
_STEADY_SECONDS = 30
_LONGEST_PAUSE = 15.0
# Proxies of the environment are for others than ourselves.
_here = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Part:
    """One child process; started again, ever more slowly, when it ends by itself."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    again_at: float = 0.0

    def start(self) -> None:
        """Start it; what it says goes to the log."""
        self.process = spawn(self.command, env=self.environment, log=self.log)
        self.started, self.again_at = time.monotonic(), 0.0

    def has_ended(self) -> bool:
        """True if it was started and is no more."""
        return self.process is not None and self.process.poll() is not None

    def watch(self) -> None:
        """Start it again if it ended."""
        if not self.has_ended():
            return
        now = time.monotonic()
        if not self.again_at:
            brief = now - self.started < _STEADY_SECONDS
            self.failures = self.failures + 1 if brief else 0
            self.again_at = now + min(2.0**self.failures * 0.25, _LONGEST_PAUSE)
            self._tell()
        elif now >= self.again_at:
            self.start()

    def _tell(self) -> None:
        text = f"The {self.name} part ended and is started again."
        if self.failures > 2:
            text += f" It keeps failing; the end of {self.log}:\n{tail(self.log)}"
        click.echo(text, err=True)


@dataclass
class Parts:
    """The parts, the environment they are given, and the signals that came."""

    environment: Mapping[str, str]
    log: Path
    stopped: Sequence[int]
    _parts: dict[str, Part] = field(default_factory=dict)
    _workers: "Workers | None" = None

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start a part."""
        given = {**self.environment, **(environment or {})}
        self._parts[name] = Part(name, command, given, self.log)
        self._parts[name].start()

    def start_workers(self, deliver: int) -> None:
        """Start the processes that take work; their supervisor is this process."""
        from hub.worker import Workers

        self._workers = Workers(
            self.environment, process=1, deliver=deliver, log=self.log
        )
        self._workers.start()

    def watch(self) -> None:
        """Start again what ended; to be called often."""
        for part in self._parts.values():
            part.watch()
        if self._workers is not None:
            self._workers.watch()

    def running(self) -> list[subprocess.Popen[bytes]]:
        """All processes, for ending them."""
        found = [part.process for part in self._parts.values() if part.process]
        return found + (self._workers.running() if self._workers else [])

    def wait_for(self, name: str, url: str) -> None:
        """Wait until a part answers, or a signal comes; SettingsError if it can't."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self.stopped and not _answers(url):
            if self._parts[name].has_ended():
                raise SettingsError(
                    f"The {name} part did not start; the end of {self.log}:\n"
                    f"{tail(self.log)}"
                )
            if time.monotonic() > deadline:
                raise SettingsError(
                    f"The {name} part did not answer within {_READY_SECONDS} s: see"
                    f" {self.log}."
                )
            time.sleep(0.02)


def fresh_log(folder: Path) -> Path:
    """What the parts say goes to one file, so that the terminal says what to do."""
    log = folder / LOG
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log


def tail(log: Path) -> str:
    """The last lines of the log."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-_LINES_SHOWN:])


def _answers(url: str) -> bool:
    try:
        with _here.open(url, timeout=1) as reply:
            return bool(reply.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False

"""The command line in this process, on both databases."""

import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import structlog

from hub import cli as hub_cli
from hub import log
from hub.db import Database
from hub.settings import Settings

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@dataclass(frozen=True)
class Outcome:
    """What a command came to."""

    status: int
    out: str
    err: str


class Cli:
    """Runs commands on one installation; `everything` is all they ever printed."""

    def __init__(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch
        self.everything = ""

    def __call__(self, *arguments: str, typed: str = "") -> Outcome:
        """Run `hub ARGUMENTS` with `typed` on standard input."""
        self._monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        try:
            status = hub_cli.execute(list(arguments))
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = self._capsys.readouterr()
        self.everything += out + err
        return Outcome(status, out, err)

    def done(self, *arguments: str, typed: str = "") -> str:
        """Run a command that has to succeed and return what it printed."""
        outcome = self(*arguments, typed=typed)
        assert 0 == outcome.status, outcome.err
        return outcome.out

    def setenv(self, **environ: str) -> None:
        for name, value in environ.items():
            self._monkeypatch.setenv(name, value)


@pytest.fixture
def cli(
    database: Database,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Cli]:
    for name in [name for name in os.environ if name.startswith("HUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(settings.data_dir)
    found = Cli(capsys, monkeypatch)
    found.setenv(
        HUB_DATA_DIR=str(settings.data_dir),
        HUB_REDIS_URL=settings.redis_url or "",
        HUB_ENCRYPTION_KEYS=KEY,
        HUB_SECRET_KEY="a-secret-key-for-tests",
        HUB_LOG_FORMAT="console",
    )
    if not database.sqlite:
        url = database.url.render_as_string(hide_password=False)
        found.setenv(HUB_DATABASE_URL=url)
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook)
    yield found
    root.handlers[:], level, sys.excepthook, threading.excepthook = before
    root.setLevel(level)
    structlog.reset_defaults()
    log._hidden.clear()

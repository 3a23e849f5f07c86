"""Two providers of checkouts, connected."""

import pytest

from hub.boot import Hub
from tests.core.checkouts.desk import Desk, opened


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def kiosk() -> Desk:
    return Desk("kiosk", captures=False)


@pytest.fixture
def shop(hub: Hub, desk: Desk, kiosk: Desk) -> Hub:
    """A hub with both."""
    return opened(hub, desk, kiosk)[0]

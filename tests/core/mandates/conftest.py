"""A hub with a provider of direct debits and one of checkouts."""

from dataclasses import dataclass

import pytest

from hub.boot import Hub
from hub.core.models import Connection
from tests.core.checkouts.desk import Desk
from tests.core.mandates.giro import Giro, opened


@dataclass
class Counter:
    """The hub, the provider and its connection; `days` that it told news on."""

    hub: Hub
    giro: Giro
    connection: Connection
    desk: Desk
    days: int = 0


@pytest.fixture
def counter(hub: Hub) -> Counter:
    giro, desk = Giro(), Desk()
    found, connection = opened(hub, giro, desk)
    return Counter(found, giro, connection, desk)

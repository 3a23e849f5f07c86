"""Notifications through the hub itself: each target has its own delivery."""

from collections.abc import Iterator

import pytest
import requests
from sqlalchemy import select

import hub_apprise
from hub.boot import Hub
from hub.core import connections, deliver
from hub.core.emit import emit
from hub.core.models import Delivery
from hub.db import Database
from hub.jobs import Bell
from hub.plugins import Plugins, check
from hub.sdk.serving import Served, serve
from hub.settings import Settings
from hub_apprise import targets
from hub_apprise.simulator import AppriseSimulator
from tests.parts.hub import KEY

Places = list[tuple[AppriseSimulator, Served]]


@pytest.fixture
def places() -> Iterator[Places]:
    """Two services."""
    one, two = AppriseSimulator(), AppriseSimulator()
    with serve(one) as first, serve(two) as second:
        yield [(one, first), (two, second)]


def urls(places: Places) -> str:
    return "\n".join(each.settings(served.url)["urls"] for each, served in places)


@pytest.fixture
def telling(database: Database, settings: Settings, places: Places) -> Hub:
    """A hub with one connection to both."""
    hub = Hub(
        settings=settings,
        database=database,
        plugins=Plugins([check("apprise", hub_apprise)]),
        bell=Bell(settings.redis_url or ""),
        keys=(KEY,),
    )
    with hub.write() as session:
        given = {"urls": urls(places), "rate_limit": "1000"}
        connections.add(session, "apprise", settings=given)
    return hub


def run(hub: Hub) -> dict[str, str]:
    """Deliver what there is now, whenever it would be due: target → state."""
    with hub.write() as session:
        for row in session.scalars(select(Delivery)):
            row.next_attempt_at = row.created_at
    deliver.drain_all(hub)
    with hub.read() as session:
        return {row.target: row.state for row in session.scalars(select(Delivery))}


def test_retry_of_one_target_tells_the_others_nothing_twice(
    telling: Hub, places: Places
) -> None:
    """ROAD 15."""
    one, two = targets.names({"urls": urls(places)})
    fault = {"kind": "500", "count": 1}
    requests.post(f"{places[0][1].url}/_sim/faults", json=fault, timeout=10)
    with telling.write() as session:
        emit(session, "alert.raised", {"title": "Disk full"})

    assert {one: "retrying", two: "delivered"} == run(telling)
    assert {one: "delivered", two: "delivered"} == run(telling)
    assert [1, 1] == [simulator.count for simulator, _ in places]

"""Wait for what becomes of a delivery, for a person who is looking at a terminal."""

import time

from sqlalchemy import exists, select

from hub.boot import Hub
from hub.core.models import Delivery, Worker
from hub.core.models.duty import ALIVE
from hub.sdk import clock

_LOOKED_EVERY = 0.1  # seconds
_UNFINISHED = ("pending", "sending", "retrying")


def for_delivery(hub: Hub, delivery_id: str, seconds: float) -> Delivery:
    """Return the delivery once it is finished, or as it is after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        with hub.read() as session:
            delivery = session.get_one(Delivery, delivery_id)
        if delivery.state not in _UNFINISHED or time.monotonic() >= deadline:
            return delivery
        time.sleep(_LOOKED_EVERY)


def anybody_delivers(hub: Hub) -> bool:
    """True if a process is running that makes deliveries."""
    alive = Worker.seen_at > clock.now() - ALIVE
    with hub.read() as session:
        return bool(
            session.scalar(select(exists().where(alive, Worker.kind == "deliver")))
        )

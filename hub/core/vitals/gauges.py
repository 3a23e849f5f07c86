"""Work that waits, read from the tables when `/metrics` is asked."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import Connection, Delivery, InboundWebhook, Outage
from hub.sdk.clock import now


class Gauges:
    """A collector for prometheus_client."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read all gauges in one short transaction."""
        with self._hub.read() as session:
            yield from _waiting(session)
            yield _connections(session)
            open_outages = select(func.count()).where(Outage.ended_at.is_(None))
            yield _one("hub_outages_open", "Outages now.", session.scalar(open_outages))
        yield _one("hub_redis_up", "1 if Redis answers.", self._hub.bell.is_up())
        if self._hub.database.sqlite:
            yield _one("hub_sqlite_wal_bytes", "Size of the WAL.", self._wal_bytes())

    def _wal_bytes(self) -> int:
        wal = Path(f"{self._hub.database.url.database}-wal")
        return wal.stat().st_size if wal.exists() else 0


def _waiting(session: Session) -> Iterator[GaugeMetricFamily]:
    webhooks = session.execute(
        select(func.count(), func.min(InboundWebhook.received_at)).where(
            InboundWebhook.state == "received"
        )
    ).one()
    deliveries = session.execute(
        select(func.count(), func.min(Delivery.created_at)).where(
            Delivery.state.in_(("pending", "retrying", "sending"))
        )
    ).one()
    for name, (count, oldest) in (("webhooks", webhooks), ("deliveries", deliveries)):
        yield _one(f"hub_{name}_waiting", f"Unfinished {name}.", count)
        age = _age(oldest)
        yield _one(
            f"hub_{name}_oldest_seconds", f"Age of the oldest of these {name}.", age
        )


def _connections(session: Session) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "hub_connections", "Connections by state.", labels=["state"]
    )
    rows = session.execute(
        select(Connection.state, func.count())
        .where(Connection.removed_at.is_(None))
        .group_by(Connection.state)
    )
    for state, count in rows:
        family.add_metric([state], count)
    return family


def _age(oldest: datetime | None) -> float:
    return (now() - oldest).total_seconds() if oldest else 0.0


def _one(name: str, help: str, value: float | None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help, value=float(value or 0))

"""Retention: after some days bytes and headers of webhooks go; keys, ids and states
stay, and so do facts, events and everything of the ledger (ROAD 14)."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import literal_column, select, tuple_, update

from hub.boot import Hub
from hub.core import calls
from hub.core.models import InboundWebhook
from hub.sdk.clock import now

AT_ONCE: Final = 1_000  # rows; a purge of 290,000 blocked writers for 2.4 s (ROAD 34)
_Place = tuple[datetime, str]


def run(hub: Hub, stop: Callable[[], bool] = lambda: False) -> int:
    """Blank and purge what is old enough, in short steps; returns how many rows.

    Stopped or killed in the middle, the next run goes on where it ended.
    """
    return _blank_webhooks(hub, stop) + _purge_calls(hub, stop)


def _blank_webhooks(hub: Hub, stop: Callable[[], bool]) -> int:
    days = hub.settings.webhook_days
    place: _Place | None = None
    count = 0
    while days and not stop():
        found = _old(hub, now() - timedelta(days=days), place)
        if not found:
            break
        place = found[-1]
        count += _blank(hub, [id for _, id in found])
    return count


def _old(hub: Hub, before: datetime, place: _Place | None) -> Sequence[_Place]:
    """The next old webhooks that still have their bytes; pending ones keep them."""
    at = (InboundWebhook.received_at, InboundWebhook.id)
    old = select(*at).where(
        InboundWebhook.received_at < before,
        InboundWebhook.body.is_not(None),
        InboundWebhook.state != literal_column("'received'"),  # the index needs it so
    )
    if place is not None:
        old = old.where(tuple_(*at) > place)
    with hub.read() as session:
        rows = session.execute(old.order_by(*at).limit(AT_ONCE))
        return [(row[0], row[1]) for row in rows]


def _blank(hub: Hub, ids: Sequence[str]) -> int:
    with hub.write() as session:
        blanked = session.scalars(
            update(InboundWebhook)
            # It may have been opened again in between.
            .where(InboundWebhook.id.in_(ids), InboundWebhook.state != "received")
            .values(body=None, headers=None, query="")
            .returning(InboundWebhook.id)
            .execution_options(synchronize_session=False)
        )
        return len(blanked.all())


def _purge_calls(hub: Hub, stop: Callable[[], bool]) -> int:
    days = hub.settings.api_call_days
    count = 0
    while days and not stop():
        with hub.write() as session:
            gone = calls.purge(session, days)
        if not gone:
            break
        count += gone
    return count

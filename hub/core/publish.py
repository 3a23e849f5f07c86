"""Publish events: rows for the event, its notifications and its deliveries.

After record and the ledger, before deliver. `publish` only notes the event down;
the rows are written last in the same transaction (ROAD 1), so that ids come in
commit order (ROAD 37), and the bell rings after the commit.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.models import Delivery, Event
from hub.core.notify import ORDER_LOCK, notify_of
from hub.core.policy import plan
from hub.db import at_end, lock_for_order
from hub.jobs import ring_after
from hub.sdk.clock import now

_PENDING = "hub.events"
_BATCH = 500
# Where the detail of a subject is shown.
_PAGES: Mapping[str, str] = {
    "invoice": "/invoices/",
    "payment": "/payments/",
    "quote": "/quotes/",
    "company": "/companies/",
}


def publish(  # noqa: PLR0913 - an event has these parts
    session: Session,
    type: str,
    *,
    subject: str,
    key: str,
    data: Mapping[str, Any],
    origin_id: str | None = None,
    fact_id: str | None = None,
    occurred_at: datetime | None = None,
) -> Event:
    """Publish an event when this transaction commits, unless `key` already was.

    `origin_id` is the connection the news came from: it isn't told (ROAD 8). The
    row has its id after the transaction; a duplicate never gets one.
    """
    event = Event(
        type=type,
        subject=subject,
        key=key,
        data=dict(data),
        url=_url(session, subject, data),
        origin_id=origin_id,
        fact_id=fact_id,
        occurred_at=occurred_at or now(),
        created_at=now(),
    )
    session.info.setdefault(_PENDING, []).append(event)
    at_end(session, _PENDING, _flush)
    return event


def _url(session: Session, subject: str, data: Mapping[str, Any]) -> str:
    kind, _, id = subject.partition(":")
    if kind == "connection":
        return hub_of(session).url(f"/settings/connections/{data['connection']}")
    if kind == "mandate" and data.get("company"):
        kind, id = "company", data["company"]["id"]
    return hub_of(session).url(_PAGES[kind] + id if kind in _PAGES else "/")


def _flush(session: Session) -> None:
    events: list[Event] = session.info.pop(_PENDING, [])
    session.flush()
    lock_for_order(session, ORDER_LOCK)
    fresh = list(_fresh(session, events))
    if not fresh:
        return
    session.add_all(fresh)
    session.flush()
    _deliver(session, fresh)
    for event in fresh:
        notify_of(session, event)


def _fresh(session: Session, events: Sequence[Event]) -> Iterator[Event]:
    """Pass on what was never published: asked under the lock, so nobody else can
    be publishing the same right now."""
    seen = _published(session, [event.key for event in events])
    for event in events:
        if event.key not in seen:
            seen.add(event.key)
            yield event


def _published(session: Session, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        found |= set(session.scalars(select(Event.key).where(Event.key.in_(batch))))
    return found


def _deliver(session: Session, events: Sequence[Event]) -> None:
    rows = plan.rows(session, events, plan.listeners(session))
    if rows:
        session.execute(insert(Delivery), rows)
    if any(row["state"] == "pending" for row in rows):
        ring_after(session, "deliver")

"""Events: what happened in the ledger, as plugins and subscribers see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

EVENT_TYPES: Final = (
    "payment.received",
    "payment.failed",
    "payment.refunded",
    "payment.disputed",
    "invoice.created",
    "invoice.updated",
    "invoice.sent",
    "invoice.paid",
    "invoice.overdue",
    "invoice.anomaly",
    "quote.accepted",
    "quote.declined",
    "company.changed",
    "device_count.changed",
    "alert.raised",
    "alert.resolved",
    "mandate.changed",
    "connection.failing",
    "connection.recovered",
)


def hook_of(event_type: str) -> str:
    """Name the hook that hears `event_type`: `on_payment_received`."""
    return "on_" + event_type.replace(".", "_")


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event. `data` is a snapshot with plain JSON values: amounts are decimal
    strings beside `currency`, times ISO 8601; `url` leads to the detail in the hub.

    `subject` is the ledger object it is about: `invoice:inv_…`.
    """

    id: str
    type: str
    subject: str
    occurred_at: datetime
    data: Mapping[str, Any]
    url: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message to a channel, phone or address (None: the connection's own).

    `subject`, `link` (the page it leads to) with its `label` and `unsubscribe_url`
    are for channels that have a place for them; the text says all that matters.
    """

    text: str
    to: str | None = None
    blocks: tuple[Mapping[str, Any], ...] = ()
    subject: str = ""
    link: str = ""
    label: str = ""
    unsubscribe_url: str = ""

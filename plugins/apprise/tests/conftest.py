"""What the tests of this plugin share: a connection's context and events."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import hub_apprise
from hub.sdk.context import Context
from hub.sdk.events import Event
from hub.sdk.testing import make_context

URLS = (
    "jsons://user:plugh-Plover-2@hooks.example.com/one\njsons://two.example.com/xyzzy"
)


@pytest.fixture
def ctx_with() -> Callable[..., Context]:
    """Make a connection's context."""

    def make(urls: str = URLS, target: str = "") -> Context:
        return make_context(hub_apprise, {"urls": urls}, target=target)

    return make


@pytest.fixture
def event_of() -> Callable[..., Event]:
    """Make an event of a type."""

    def make(type: str, **data: Any) -> Event:
        known = {
            **{"number": "INV-1", "total": "1200.00", "open_amount": "1200.00"},
            **{"amount": "1200.00", "currency": "EUR", "invoice_number": "INV-1"},
            **{"days_overdue": 7, "reason": "High.", "title": "Disk full"},
            "company": {"id": "com_1", "name": "Smith & Sons"},
        }
        return Event(
            id="42",
            type=type,
            subject="invoice:inv_1",
            occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
            data={**known, **data},
            url="https://hub.example.com/invoices/inv_1",
        )

    return make

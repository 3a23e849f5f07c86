"""What the tests of this plugin share: a connection's context and events."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import hub_outbound
from hub.sdk.context import Context
from hub.sdk.events import Event
from hub.sdk.http import CallRecord
from hub.sdk.testing import make_context

URL = "https://hooks.example.com/hub"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_aGVyZSBpcyBhbiBvbGRlciBzZWNyZXQu"


@pytest.fixture
def calls() -> list[CallRecord]:
    """The calls the context's client recorded."""
    return []


@pytest.fixture
def ctx_with(calls: list[CallRecord]) -> Callable[..., Context]:
    """Make a connection's context."""

    def make(
        url: str = URL, signing_secret: str = SECRET, delivery: str | None = "dlv_1"
    ) -> Context:
        return make_context(
            hub_outbound,
            {"url": url, "signing_secret": signing_secret},
            delivery=delivery,
            record=calls.append,
        )

    return make


@pytest.fixture
def event_of() -> Callable[..., Event]:
    """Make an event of a type."""

    def make(type: str, **data: Any) -> Event:
        return Event(
            id="42",
            type=type,
            subject="invoice:inv_1",
            occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
            data={"number": "INV-1", **data},
            url="http://hub.example.com/invoices/inv_1",
        )

    return make

"""Event → what is posted (pure). Its schemas are published at
`/api/v1/event-schemas`."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from hub.sdk.clock import iso
from hub.sdk.event_schemas import MESSAGE, VERSION
from hub.sdk.events import Event, Message

TEST: Final = "custom.test"


def event(event: Event) -> bytes:
    """The body that tells of an event."""
    return _body(
        event.type,
        event.id,
        event.occurred_at,
        event.data,
        subject=event.subject,
        url=event.url,
    )


def free(message: Message, id: str, now: datetime) -> bytes:
    """The body of a free message."""
    data = {
        "text": message.text,
        "to": message.to,
        "subject": message.subject,
        "blocks": [dict(block) for block in message.blocks],
    }
    return _body(MESSAGE, id, now, data, url=message.link)


def test(connection: str, id: str, now: datetime) -> bytes:
    """The body of a test."""
    return _body(TEST, id, now, {"connection": connection})


def _body(
    type: str,
    id: str,
    at: datetime,
    data: Mapping[str, Any],
    *,
    subject: str = "",
    url: str = "",
) -> bytes:
    told = {
        "type": type,
        "id": id,
        "timestamp": iso(at),
        "version": VERSION,
        "subject": subject,
        "url": url,
        "data": dict(data),
    }
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")

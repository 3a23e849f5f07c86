"""An inbound webhook as a plugin sees it, and what a plugin answers about it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl

from hub.sdk.errors import PayloadError, ProviderError, WebhookError
from hub.sdk.facts import Fact
from hub.sdk.text import clean_all, may_hold_halves

_MOST_PARAMETERS: Final = 1_000


class Headers(Mapping[str, str]):
    """Header names without regard to case; values as latin-1 text."""

    def __init__(self, items: Sequence[tuple[str, str]]) -> None:
        self._items = {name.lower(): value for name, value in items}

    def __getitem__(self, name: str) -> str:
        return self._items[name.lower()]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


@dataclass(frozen=True, kw_only=True)
class WebhookRequest:
    """The request as it came. `body` are the raw bytes, never re-encoded.

    `path` is what follows the connection's URL ("" or "status"), `url` the full
    public URL built from HUB_BASE_URL. `key` is what the hub fetched from
    `webhook_key_url` (None if the plugin asked for nothing).
    """

    method: str
    path: str
    url: str
    headers: Headers
    query: Mapping[str, str]
    body: bytes
    received_at: datetime
    key: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer a provider demands in place of the hub's own."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What `verify_webhook` returns for an authentic request.

    `dedupe_key` (from signed content only) names this request among all of the
    connection; None where each request counts by itself. `answer` replaces the
    hub's JSON. `keep` is false for a handshake that carries nothing: it is
    answered and not stored.
    """

    dedupe_key: str | None
    answer: Answer | None = None
    keep: bool = True


@dataclass(frozen=True, kw_only=True)
class InboundWebhook:
    """A kept webhook, handed to `handle_webhook`."""

    id: str
    path: str
    headers: Headers
    body: bytes
    received_at: datetime
    query: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """Return the body as JSON, or raise PayloadError."""
        return read_json(self.body)


def read_query(text: str) -> dict[str, str]:
    """Read a query string, the first of a name counts; ValueError if it is endless."""
    if not text:
        return {}
    found = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    return dict(reversed(found))


def read_json(body: bytes) -> Any:
    """Parse a provider's JSON; PayloadError for whatever is wrong. Characters that
    can't be stored are replaced: a client's odd name must not stop its payment."""
    value = parse_json(body)
    return clean_all(value) if may_hold_halves(body) else value


def parse_json(body: bytes) -> Any:
    """Parse JSON from an outside source; PayloadError for whatever is wrong.

    Numbers with a fraction become Decimal: money never passes through a float.
    """
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        return _decoder().decode(text)
    except (ValueError, RecursionError) as error:
        raise PayloadError("The body is not readable as JSON.") from error


@cache  # making one for each body took longer than reading a small one
def _decoder() -> json.JSONDecoder:
    from decimal import Decimal

    return json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One provider event, understood: its facts (none: nothing to us, ignored)."""

    event_id: str
    event_type: str
    facts: tuple[Fact, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Unheard:
    """One provider event that could not be understood or fetched, and why."""

    event_id: str
    event_type: str
    error: ProviderError | WebhookError


Result = Heard | Unheard

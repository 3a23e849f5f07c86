"""Contexts: build `ctx`, a plugin's view of one connection, over the database."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import buckets, calls, references, vault
from hub.core.buckets import Buckets, Meter
from hub.core.configuration.live import LiveConnection
from hub.core.lookups import StoredLedger
from hub.core.models import ConnectionState
from hub.sdk import clock
from hub.sdk.addresses import Reach, networks
from hub.sdk.context import Context
from hub.sdk.errors import ConflictError, PluginError, SettingsError
from hub.sdk.http import ApiClient, Around, CallRecord
from hub.sdk.provider import Provider

LARGEST_STATE = 64 * 1024
_Result = TypeVar("_Result")

_log = structlog.get_logger("hub.plugin")


def build(  # noqa: PLR0913 - everything a hook call is about, by name
    hub: Hub,
    connection: LiveConnection,
    *,
    delivery: str | None = None,
    target: str = "",
    generations: Mapping[str, int] | None = None,
    asked: dict[str, str] | None = None,
    webhook_id: str | None = None,
    record: Callable[[CallRecord], None] | None = None,
    around: Around = buckets.free,
    paid: int = 0,
    patience: float = 0.0,
) -> Context:
    """Make the context of one hook call; SettingsError if the connection can't be
    used. Whoever calls the hook flushes its API calls afterwards (`calls.flush`).
    Every call but the first `paid` ones counts against the connection's rate; for
    their turn all of them together wait `patience` seconds at the most."""
    if connection.error or connection.provider is None:
        raise SettingsError(connection.error or f"{connection.plugin} is broken.")
    provider = connection.provider
    meter = _meter(hub, connection, provider, paid, patience)
    kept = _recorder(hub, connection, delivery, webhook_id)
    return Context(
        plugin=connection.plugin,
        connection=connection.slug,
        settings=connection.settings,
        http=_client(connection, provider, record or kept, meter.around(around)),
        refs=StoredReferences(hub, connection),
        state=StoredState(hub, connection),
        ledger=StoredLedger(hub),
        log=_log.bind(plugin=connection.plugin, connection=connection.slug),
        hub_url=hub.settings.base_url,
        webhook_url=webhook_url(hub, connection.slug),
        delivery=delivery,
        target=target,
        generations=generations or {},
        asked={} if asked is None else asked,
    )


def _meter(
    hub: Hub,
    connection: LiveConnection,
    provider: Provider,
    paid: int,
    patience: float,
) -> Meter:
    rate = buckets.rate(provider.budget, connection.rate_limit)
    return Meter(hub.part(Buckets), connection.id, rate, paid, patience)


def _client(
    connection: LiveConnection,
    provider: Provider,
    record: Callable[[CallRecord], None],
    around: Around,
) -> ApiClient:
    return ApiClient(
        plugin=connection.plugin,
        connection=connection.slug,
        title=provider.title,
        hosts=provider.hosts,
        given=[v for v in connection.settings.values() if isinstance(v, str)],
        api_base_url=connection.api_base_url,
        redactor=connection.redactor,
        record=record,
        around=around,
        reach=_reach(connection, provider),
    )


def _reach(connection: LiveConnection, provider: Provider) -> Reach:
    if not provider.anywhere:
        return Reach()
    allowed = str(connection.settings.get("allowed_networks") or "")
    return Reach(private=False, allowed=networks(allowed))


def _recorder(
    hub: Hub, connection: LiveConnection, delivery: str | None, webhook: str | None
) -> Callable[[CallRecord], None]:
    sink = calls.calls(hub)
    return sink.recorder(connection.id, delivery_id=delivery, webhook_id=webhook)


@contextmanager
def opened(hub: Hub, connection: LiveConnection, **about: Any) -> Iterator[Context]:
    """Build a context for one hook call and write its API calls afterwards."""
    context = build(hub, connection, **about)
    try:
        yield context
    finally:
        calls.flush(hub)


def webhook_url(hub: Hub, slug: str) -> str:
    """Where the provider sends the webhooks of this connection."""
    return hub.url(f"/webhooks/{slug}")


@dataclass(frozen=True)
class StoredReferences:
    """External references of one connection."""

    _hub: Hub
    _connection: LiveConnection

    def find(self, entity: str, kind: str) -> str | None:
        """Return the id of `entity` at this connection, if it has one."""
        with self._hub.read() as session:
            return references.find(session, entity, self._connection.id, kind)

    def save(self, entity: str, kind: str, id: str, url: str = "") -> None:
        """Keep the id of `entity` at this connection."""
        try:
            with self._hub.write() as session:
                references.save(session, entity, self._connection.id, kind, id, url)
        except ConflictError as error:
            raise PluginError(f"{self._connection.slug}: {error}") from error


@dataclass(frozen=True)
class StoredState:
    """Small values a plugin keeps for one connection."""

    _hub: Hub
    _connection: LiveConnection

    def get(self, key: str) -> Any:
        """Return the value, None if there is none or its time is over."""
        with self._hub.read() as session:
            row = session.get(ConnectionState, (self._connection.id, key))
        if row is None or (row.expires_at and row.expires_at <= clock.now()):
            return None
        if not row.sealed:
            return json.loads(row.value)
        value = vault.unseal(self._hub, self._identity(key), row.value)
        self._hide(value)
        return value

    def set(
        self, key: str, value: Any, *, secret: bool = False, ttl: float | None = None
    ) -> None:
        """Keep a JSON value, for `ttl` seconds if given; a secret one encrypted."""
        text = _small_json(key, value)
        if secret:
            self._hide(value)
            text = vault.seal(self._hub, self._identity(key), value)
        expires_at = clock.now() + timedelta(seconds=ttl) if ttl is not None else None

        def write(session: Session) -> None:
            row = session.get(ConnectionState, (self._connection.id, key))
            if row is None:
                row = ConnectionState(connection_id=self._connection.id, key=key)
                session.add(row)
            row.value, row.sealed, row.expires_at = text, secret, expires_at

        _twice(self._hub, write)

    def delete(self, key: str) -> None:
        """Forget the value."""
        with self._hub.write() as session:
            session.execute(
                delete(ConnectionState).where(
                    ConnectionState.connection_id == self._connection.id,
                    ConnectionState.key == key,
                )
            )

    def _identity(self, key: str) -> str:
        return vault.of_state(self._connection.id, key)

    def _hide(self, value: Any) -> None:
        for text in _texts(value):
            self._connection.redactor.add(text)


def _twice(hub: Hub, write: Callable[[Session], _Result]) -> _Result:
    """Write; if another process inserted the same row in between, update it."""
    try:
        with hub.write() as session:
            return write(session)
    except IntegrityError:
        with hub.write() as session:
            return write(session)


def _small_json(key: str, value: Any) -> bytes:
    try:
        text = json.dumps(value).encode()
    except (TypeError, ValueError):
        text = b""
    if not text or len(text) > LARGEST_STATE:
        raise PluginError(
            f"The state {key!r} must be a JSON value of at most"
            f" {LARGEST_STATE // 1024} KB."
        )
    return text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def addresses(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What an admin entered as an address may be called."""
    return tuple(
        value
        for value in settings.values()
        if isinstance(value, str) and value.startswith(("http://", "https://"))
    )

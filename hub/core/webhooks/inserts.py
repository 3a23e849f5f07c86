"""The one hot INSERT, in the drivers' own SQL: SQLAlchemy's share of a row cost more
than the row."""
# ruff: noqa: S608 - put together from constants of this file; values are bound

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import PoolProxiedConnection
from sqlalchemy.exc import SQLAlchemyError

from hub.core.models import InboundWebhook, new_id
from hub.db import Database
from hub.sdk.clock import now
from hub.sdk.errors import UnreadyError

_TYPES: Final = {
    "id": "text",
    "connection_id": "text",
    "dedupe_key": "text",
    "method": "text",
    "path": "text",
    "query": "text",
    "headers": "bytea",
    "body": "bytea",
    "size": "bigint",
    "received_at": "timestamptz",
    "next_attempt_at": "timestamptz",
}
_INTO = (
    f"INSERT INTO inbound_webhooks ({', '.join(_TYPES)}, state, event_types,"
    " attempts, lost_leases, error)"
)
_ROW = f"({', '.join('?' * len(_TYPES))}, 'received', '', 0, 0, '')"
# Bytes go in binary: as text each would be two hex digits.
_ARRAYS = ", ".join(
    f"{'%b' if kind == 'bytea' else '%s'}::{kind}[]" for kind in _TYPES.values()
)
_POSTGRES = (
    f"{_INTO} SELECT {', '.join(_TYPES)}, 'received', '', 0, 0, ''"
    f" FROM unnest({_ARRAYS}) AS given ({', '.join(_TYPES)}) ON CONFLICT DO NOTHING"
)
_SAME = "connection_id = {0} AND dedupe_key = {0}"


@dataclass(slots=True, kw_only=True)
class Row:
    """A verified webhook to be kept; `headers` are raw lines."""

    connection_id: str
    dedupe_key: str | None
    method: str
    path: str
    headers: bytes
    body: bytes
    query: str = ""
    received_at: datetime = field(default_factory=now)
    id: str = field(default_factory=lambda: new_id("whk"))

    @property
    def size(self) -> int:
        return len(self.body)

    @property
    def weight(self) -> int:
        """Bytes it holds while it waits: headers may be as large as bodies."""
        return len(self.headers) + len(self.body) + len(self.query)

    @property
    def order(self) -> tuple[str, str]:
        """What rows are sorted by before they are written."""
        return self.connection_id, self.dedupe_key or ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A row that is durable; not `fresh` if its dedupe key was kept before."""

    id: str
    fresh: bool


class _Cursor(Protocol):
    """What both drivers' cursors have in common."""

    def execute(self, sql: Any, values: Any = ..., /) -> Any: ...
    def fetchone(self) -> Any: ...


class Inserts:
    """Writes rows in one transaction, on either database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        driver: Any = database.writer.dialect.loaded_dbapi
        self._down = (driver.OperationalError, driver.InterfaceError)
        time = InboundWebhook.received_at.type.dialect_impl(database.writer.dialect)
        self._held: PoolProxiedConnection | None = None
        self._time = time.bind_processor(database.writer.dialect) or (lambda v: v)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Use one connection for all commits of the block."""
        try:
            yield
        finally:
            self._release()

    def commit(self, rows: Sequence[Row]) -> list[Kept | None]:
        """Make the rows durable in one transaction, in the order given; None for one
        whose connection was removed meanwhile: that must not hide the others."""
        if not self._database.sqlite:
            return self._into_postgres(rows)
        return self._database.write_natively(
            lambda connection: self._into_sqlite(connection, rows)
        )

    def is_down(self, error: Exception) -> bool:
        """True if it is the database that failed, not a row."""
        return isinstance(error, (*self._down, SQLAlchemyError, OSError, UnreadyError))

    def _into_sqlite(self, connection: Any, rows: Sequence[Row]) -> list[Kept | None]:
        cursor: sqlite3.Cursor = connection.cursor()
        # One statement, which is its own transaction: each gives the interpreter
        # away, and gets it back late while another thread is busy.
        cursor.execute(
            f"{_INTO} VALUES {', '.join([_ROW] * len(rows))} ON CONFLICT DO NOTHING",
            [value for row in rows for value in self._values(row)],
        )
        if cursor.rowcount == len(rows):
            return [Kept(row.id, True) for row in rows]
        return [self._found(cursor, row, "?") for row in rows]

    def _into_postgres(self, rows: Sequence[Row]) -> list[Kept | None]:
        cursor = self._connected().cursor()
        columns = zip(*map(self._values, rows), strict=True)
        try:
            cursor.execute(_POSTGRES, tuple(map(list, columns)))
            if cursor.rowcount == len(rows):
                return [Kept(row.id, True) for row in rows]
            return [self._found(cursor, row, "%s") for row in rows]
        except self._down:
            self._release()
            raise

    def _connected(self) -> PoolProxiedConnection:
        """The connection of this drain. Asking whether it lives, BEGIN and COMMIT
        would be three more round trips for each batch."""
        if self._held is None:
            self._held = self._database.writer.raw_connection()
            driver: Any = self._held.driver_connection
            driver.autocommit = True
        return self._held

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        driver: Any = held.driver_connection
        if driver.closed or driver.broken:
            held.invalidate()
        else:
            driver.autocommit = False
        held.close()

    def _values(self, row: Row) -> tuple[Any, ...]:
        at = self._time(row.received_at)
        return (
            row.id,
            row.connection_id,
            row.dedupe_key,
            row.method,
            row.path,
            row.query,
            row.headers,
            row.body,
            row.size,
            at,
            at,
        )

    def _found(self, cursor: _Cursor, row: Row, mark: str) -> Kept | None:
        """Return the row that was kept under this dedupe key, this one or another.

        A failed one is opened again with what came now (ROAD 11).
        """
        if row.dedupe_key is None:
            return Kept(row.id, True)
        same = _SAME.format(mark)
        key = (row.connection_id, row.dedupe_key)
        cursor.execute(f"SELECT id, state FROM inbound_webhooks WHERE {same}", key)
        found = cursor.fetchone()
        if found is None:
            return None
        id, state = found
        if id == row.id:
            return Kept(id, True)
        if state != "failed":
            return Kept(id, False)
        at = self._time(row.received_at)
        cursor.execute(
            f"UPDATE inbound_webhooks SET state = 'received', headers = {mark},"
            f" query = {mark}, body = {mark}, size = {mark}, received_at = {mark},"
            f" next_attempt_at = {mark}, attempts = 0, lost_leases = 0, claim = NULL,"
            " lease_until = NULL, processed_at = NULL, error = ''"
            f" WHERE id = {mark} AND state = 'failed'",
            (row.headers, row.query, row.body, row.size, at, at, id),
        )
        return Kept(id, True)

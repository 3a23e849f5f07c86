"""API calls as rows: kept aside while a hook runs, written in batches after it.

A trail must never cost a result: what can't be written is counted and let go.
"""

import threading
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import ApiCall
from hub.sdk import clock
from hub.sdk.errors import UnreadyError
from hub.sdk.http import CallRecord

_MOST_KEPT = 5_000  # rows in memory while the database is away
_BATCH = 500
_PURGED_AT_ONCE = 1_000

_log = structlog.get_logger("hub.calls")


class Calls:
    """The calls of one process that are not written yet."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_MOST_KEPT)
        self._writing = threading.Lock()

    def recorder(
        self,
        connection_id: str,
        *,
        delivery_id: str | None = None,
        webhook_id: str | None = None,
    ) -> Callable[[CallRecord], None]:
        """Return what an ApiClient calls after each call; it does no I/O."""

        def record(call: CallRecord) -> None:
            self._waiting.append(
                {
                    "plugin": call.plugin,
                    "connection_id": connection_id,
                    "delivery_id": delivery_id,
                    "webhook_id": webhook_id,
                    "method": call.method,
                    "url": call.url,
                    "status": call.status,
                    "error": call.error,
                    "duration_ms": call.duration_ms,
                    "request_size": call.request_size,
                    "response_size": call.response_size,
                    "request_excerpt": call.request_excerpt,
                    "response_excerpt": call.response_excerpt,
                    "created_at": call.started_at,
                }
            )

        return record

    def flush(self) -> None:
        """Write what waits. If another thread is writing, it takes ours along.

        It never raises: a trail must not cost the hook's result.
        """
        while self._waiting and self._writing.acquire(blocking=False):
            try:
                if not self._write():
                    return
            except Exception as error:
                _log.error("calls.not_kept", exc_info=error)
                return
            finally:
                self._writing.release()

    def _write(self) -> bool:
        count = min(len(self._waiting), _BATCH)
        rows = [self._waiting.popleft() for _ in range(count)]
        try:
            with self._hub.write() as session:
                session.execute(insert(ApiCall), rows)
        except UnreadyError:
            self._waiting.extendleft(reversed(rows))
            return False
        except DBAPIError:
            return self._write_singly(rows)
        return True

    def _write_singly(self, rows: list[dict[str, Any]]) -> bool:
        """One row that can't be written must not take the others with it."""
        lost = 0
        try:
            with self._hub.write() as session:
                for row in rows:
                    try:
                        with session.begin_nested():
                            session.execute(insert(ApiCall), [row])
                    except DBAPIError:
                        lost += 1
        except UnreadyError:
            self._waiting.extendleft(reversed(rows))
            return False
        _log.warning("calls.not_kept", count=lost)
        return True


def calls(hub: Hub) -> Calls:
    """This process's calls."""
    return hub.part(Calls)


def flush(hub: Hub) -> None:
    """Write the calls made so far; at the end of a hook, outside any transaction."""
    calls(hub).flush()


def purge(session: Session, days: int) -> int:
    """Delete some calls older than so many days; 0 once there are none (ROAD 34)."""
    before = clock.now() - timedelta(days=days)
    old = (
        select(ApiCall.id)
        .where(ApiCall.created_at < before)
        .order_by(ApiCall.created_at)
        .limit(_PURGED_AT_ONCE)
    )
    gone = session.execute(
        delete(ApiCall).where(ApiCall.id.in_(old)).returning(ApiCall.id)
    )
    return len(gone.all())

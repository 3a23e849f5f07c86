"""A backlog of 100,000 rows must not slow each look down."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from hub.core import sweep
from hub.core.deliveries import breaker, pauses
from hub.core.deliveries.breaker import Signs
from hub.core.models import Connection, Outage
from hub.sdk.clock import now
from tests.core.deliveries.stage import Actor, Stage

# Indexes that hold only what is unfinished, and the one that orders a subject.
SERVING = (
    "ix_deliveries_due",
    "ix_deliveries_suspect",
    "ix_deliveries_sending",
    "subject=? AND",
    "sqlite_autoindex_deliveries_1 (id=?)",
)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_look_reads_what_is_finished(stage: Stage) -> None:
    """SQLite uses a partial index only if its condition is written out."""
    stage.cast(Actor("slack"))
    connection_id = stage.connect("slack")
    stage.deliver(connection_id, lost_leases=2)
    stage.deliver(connection_id)
    database = stage.hub.database

    with _recorded(database.reader) as reads, _recorded(database.writer) as writes:
        stage.run()
        sweep.run(stage.hub)
        _end_an_outage(stage, connection_id)
        _resume(stage, connection_id)

    plans = [
        line
        for statement, parameters in [*reads, *writes]
        if "deliveries" in statement and not statement.startswith("INSERT")
        for line in _plan(stage, statement, parameters)
        if "deliveries" in line
    ]
    assert [] == [
        line for line in plans if not any(served in line for served in SERVING)
    ]
    assert {"ix_deliveries_due", "ix_deliveries_suspect", "ix_deliveries_sending"} <= {
        name for name in SERVING for line in plans if name in line
    }


def _end_an_outage(stage: Stage, connection_id: str) -> None:
    with stage.hub.write() as session:
        moment = now()
        session.add(
            Outage(connection_id=connection_id, started_at=moment, reason="down")
        )
        session.flush()
        breaker.note(session, connection_id, Signs(works=True))


def _resume(stage: Stage, connection_id: str) -> None:
    with stage.hub.write() as session:
        row = session.get_one(Connection, connection_id)
        row.paused_at = now() - timedelta(hours=1)
        pauses.resume(session, row)


@contextmanager
def _recorded(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(*arguments: Any) -> None:
        _, _, statement, parameters, _, many = arguments
        if not many:
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def _plan(stage: Stage, statement: str, parameters: Any) -> list[str]:
    with stage.hub.read() as session:
        found = session.connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}", parameters
        )
        return [row[3] for row in found]

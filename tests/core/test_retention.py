"""Retention: bytes go after some days, everything else stays (ROAD 14)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy import text as sql
from sqlalchemy.event import listens_for

from hub.core import process
from hub.core.models import ApiCall, FactRow, InboundWebhook
from hub.core.webhooks import retention
from hub.sdk import clock
from tests.parts.bank import Bank, body_of, event


def add(bank: Bank, count: int, *, days: float, state: str = "processed") -> None:
    received = clock.now() - timedelta(days=days)
    with bank.hub.write() as session:
        session.add_all(
            InboundWebhook(
                connection_id=bank.connection.id,
                method="POST",
                path="",
                query="From=%2B4930123456",
                headers=b"A: b",
                body=b"{}",
                size=2,
                received_at=received,
                state=state,
            )
            for _ in range(count)
        )


def full(bank: Bank) -> int:
    with bank.hub.read() as session:
        whole = InboundWebhook.body.is_not(None), InboundWebhook.headers.is_not(None)
        return session.scalar(select(func.count(InboundWebhook.id)).where(*whole)) or 0


def test_old_bytes_go_and_the_rest_stays(bank: Bank) -> None:
    bank.post(body_of("1", event("a")))
    process.drain_all(bank.hub)
    (before,) = bank.kept()
    bank.hub.settings = replace(bank.hub.settings, webhook_days=0)
    assert 0 == retention.run(bank.hub)  # 0 days: for ever

    bank.hub.settings = replace(bank.hub.settings, webhook_days=90)
    add(bank, 2, days=91)
    add(bank, 1, days=89)
    assert 2 == retention.run(bank.hub)
    assert 2 == full(bank)
    assert 1 == sum(bool(row.query) for row in bank.kept())
    assert 0 == retention.run(bank.hub)

    (after,) = (row for row in bank.kept() if row.id == before.id)
    assert (before.body, "1") == (after.body, after.dedupe_key)
    with bank.hub.read() as session:
        assert 1 == session.scalar(select(func.count(FactRow.id)))


def test_keys_ids_and_states_stay(bank: Bank) -> None:
    bank.post(body_of("1"))
    with bank.hub.write() as session:
        row = session.scalars(select(InboundWebhook)).one()
        row.state, row.received_at = "failed", clock.now() - timedelta(days=365)
    retention.run(bank.hub)

    (after,) = bank.kept()
    assert (None, None) == (after.body, after.headers)
    assert (row.id, "1", "failed", row.size) == (
        *(after.id, after.dedupe_key, after.state, after.size),
    )
    assert "accepted" in bank.post(body_of("1")).text  # and it may be sent again
    assert body_of("1") == bank.kept()[0].body


def test_pending_webhooks_keep_their_bytes(bank: Bank) -> None:
    add(bank, 1, days=400, state="received")

    assert (0, 1) == (retention.run(bank.hub), full(bank))


def test_purge_takes_short_steps(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROAD 34."""
    assert retention.AT_ONCE <= 1_000
    monkeypatch.setattr(retention, "AT_ONCE", 10)
    add(bank, 35, days=100)
    sizes: list[int] = []

    @listens_for(bank.hub.database.writer, "before_cursor_execute")
    def note(connection: object, cursor: object, text: str, *more: object) -> None:
        if text.startswith("UPDATE inbound_webhooks"):
            sizes.append(1)

    assert 35 == retention.run(bank.hub)
    assert 4 == len(sizes)


def test_stopped_purge_goes_on_where_it_ended(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 10)
    add(bank, 25, days=100)
    steps = iter((False, True, True))

    assert 10 == retention.run(bank.hub, lambda: next(steps))
    assert 15 == retention.run(bank.hub)


def test_old_api_calls_are_deleted(bank: Bank) -> None:
    with bank.hub.write() as session:
        session.add_all(
            ApiCall(
                plugin="bank",
                connection_id=bank.connection.id,
                method="GET",
                url="https://bank.example/",
                error="",
                duration_ms=1,
                request_size=0,
                response_size=0,
                request_excerpt="",
                response_excerpt="",
                created_at=clock.now() - timedelta(days=days),
            )
            for days in (29, 31, 32)
        )

    assert 2 == retention.run(bank.hub)
    with bank.hub.read() as session:
        assert 1 == session.scalar(select(func.count(ApiCall.id)))


def test_a_look_at_what_is_blanked_already_costs_nothing(bank: Bank) -> None:
    """A purge of a big table that is purged reads none of its rows (ROAD 34)."""
    add(bank, 20_000, days=200)
    add(bank, 50, days=1)
    assert 20_000 == retention.run(bank.hub)
    database = bank.hub.database
    statements: list[Any] = []

    @listens_for(database.reader, "before_cursor_execute")
    def note(connection: Any, cursor: Any, text: str, values: Any, *more: Any) -> None:
        if "body IS NOT NULL" in text:
            statements.append((text, values))

    # A plan needs to know what the rows are like, and that the index holds few of
    # them: autovacuum's part.
    with database.writer.connect() as connection:
        if not database.sqlite:
            connection.execution_options(isolation_level="AUTOCOMMIT")
        tidy = "ANALYZE" if database.sqlite else "VACUUM (ANALYZE) inbound_webhooks"
        connection.execute(sql(tidy))
    assert 0 == retention.run(bank.hub)
    ((text, values),) = statements

    explain = "EXPLAIN QUERY PLAN " if database.sqlite else "EXPLAIN "
    with bank.hub.read() as session:
        plan = session.connection().exec_driver_sql(explain + text, values).all()

    assert "ix_inbound_webhooks_full" in str(plan)

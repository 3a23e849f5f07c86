"""`/healthz`, `/readyz`, `/metrics`: what they say and what they need."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import text
from werkzeug.test import Client

from hub.core.vitals import gauges
from hub.db import Database
from hub.jobs import Bell
from hub.sdk import clock
from hub.settings import Settings
from tests.parts.bank import SECRET, Bank, BankPlugin, body_of, make_hub, serving


@pytest.fixture
def postgres_bank(request: pytest.FixtureRequest, settings: Settings) -> Client:
    database: Database = request.getfixturevalue("postgres_database")
    return serving(make_hub(database, settings, BankPlugin()))


@pytest.fixture
def away(settings: Settings) -> Iterator[Client]:
    """A client of a hub whose database is away."""
    database = Database("postgresql://nobody@/hub?host=/nowhere")
    yield serving(make_hub(database, settings, BankPlugin()))
    database.dispose()


def test_process_is_healthy_without_a_database(away: Client) -> None:
    assert 200 == away.get("/healthz").status_code


def test_ready(bank: Bank) -> None:
    answer = bank.client.get("/readyz")

    assert 200 == answer.status_code
    assert {"status": "ready", "redis": "up"} == answer.get_json()


def test_ready_without_redis(bank: Bank) -> None:
    """ROAD 44."""
    bank.hub.bell = Bell("unix:///nowhere/redis.sock")
    answer = bank.client.get("/readyz")

    assert 200 == answer.status_code
    assert {"status": "ready", "redis": "down"} == answer.get_json()


def test_not_ready_without_the_database(away: Client) -> None:
    answer = away.get("/readyz")

    assert 503 == answer.status_code
    assert "database" in (answer.get_json() or {})["problem"]


def test_not_ready_with_an_older_schema(bank: Bank) -> None:
    with bank.hub.write() as session:
        session.execute(text("DELETE FROM alembic_version"))
    try:
        answer = bank.client.get("/readyz")
    finally:
        from hub.schema import newest

        with bank.hub.write() as session:
            session.execute(
                text("INSERT INTO alembic_version VALUES (:n)"), {"n": newest()}
            )

    assert 503 == answer.status_code
    assert "hub db upgrade" in (answer.get_json() or {})["problem"]


@pytest.mark.parametrize("seconds", [-8, 8])
def test_not_ready_when_the_clocks_differ(postgres_bank: Client, seconds: int) -> None:
    """ROAD 39."""
    assert 200 == postgres_bank.get("/readyz").status_code
    with time_machine.travel(clock.now() + timedelta(seconds=seconds)):
        answer = postgres_bank.get("/readyz")

    assert 503 == answer.status_code
    assert "clock" in (answer.get_json() or {})["problem"]


def test_metrics_tell_what_waits_and_no_secret(bank: Bank) -> None:
    bank.post(body_of("1"))
    bank.post(b"{}", headers={"X-Signature": "no"})
    answer = bank.client.get("/metrics")

    assert 200 == answer.status_code
    assert "hub_webhooks_waiting 1.0" in answer.text
    assert 'hub_webhooks_answered_total{connection="bank",status="401"}' in answer.text
    assert 'hub_connections{state="active"} 2.0' in answer.text
    assert SECRET not in answer.text


def test_wal_is_a_metric_on_sqlite(bank: Bank) -> None:
    """ROAD 34."""
    told = "hub_sqlite_wal_bytes" in bank.client.get("/metrics").text

    assert bank.hub.database.sqlite == told


def test_gauges_without_rows_are_zero(bank: Bank) -> None:
    found = {
        sample.name: sample.value
        for family in gauges.Gauges(bank.hub).collect()
        for sample in family.samples
    }

    assert 0 == found["hub_webhooks_oldest_seconds"] == found["hub_deliveries_waiting"]
    assert 1 == found["hub_redis_up"]

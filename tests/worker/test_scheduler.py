"""`hub scheduler` as real processes (ROAD 27)."""

import signal
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub import schema
from hub.core.deliveries import claims, readiness
from hub.core.duties import DUTIES
from hub.core.models import Connection, Delivery, Duty
from hub.db import Database
from hub.scheduler import main
from hub.sdk.clock import now
from hub.sdk.errors import UnreadyError
from tests.worker.conftest import Installation


def test_several_schedulers_do_no_harm(
    installation: Installation, connection_id: str
) -> None:
    """ROAD 27: each duty is done, and its effect is there once."""
    stage = installation.stage
    id = stage.deliver(connection_id)
    _claim_and_die(installation, connection_id, id)
    processes = [installation.scheduler() for _ in range(2)]

    installation.until(lambda: stage.delivery(id).state == "retrying", "the sweep")
    installation.until(lambda: len(_done(installation)) == len(DUTIES), "all duties")
    installation.until(lambda: len(installation.workers("scheduler")) == 2, "both live")

    for process in processes:
        process.send_signal(signal.SIGTERM)
    assert [0, 0] == [process.wait(60) for process in processes]
    assert (1, 1) == (stage.delivery(id).lost_leases, len(stage.attempts(id)))
    assert {""} == set(_done(installation).values())
    assert [] == installation.workers("scheduler")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_killed_scheduler_is_replaced_by_any_other(
    installation: Installation, connection_id: str
) -> None:
    """ROAD 27: no leader."""
    stage = installation.stage
    first = installation.scheduler()
    installation.until(lambda: _done(installation), "its duties")
    first.kill()
    first.wait()
    stage.change(Connection, connection_id, state="disabled")

    installation.scheduler()

    installation.until(
        lambda: stage.connection(connection_id).paused_at, "the other's sweep"
    )


def test_scheduler_refuses_an_old_schema(
    installation: Installation, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN 5."""
    monkeypatch.setattr(schema, "is_behind", lambda database: True)
    monkeypatch.setattr("hub.log.configure", lambda settings: None)

    with pytest.raises(UnreadyError, match="hub db upgrade"):
        main(installation.settings)


def _done(installation: Installation) -> dict[str, str]:
    with installation.stage.hub.read() as session:
        rows = session.scalars(select(Duty).where(Duty.last_run_at.is_not(None)))
        return {row.name: row.last_error for row in rows}


def _claim_and_die(installation: Installation, connection_id: str, id: str) -> None:
    hub = installation.stage.hub
    with hub.read() as session:
        ready = readiness.look(session, hub)
    with hub.write() as session:
        claims.claim(session, hub, ready, {connection_id: 1}, worker="dead")
    past = now() - timedelta(seconds=1)
    installation.stage.change(Delivery, id, lease_until=past)

"""`hub worker` as real processes: RQ, kills, losing Redis, stopping."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import text

from hub import schema, worker
from hub.core.models import PluginSwitch
from hub.db import Database
from hub.sdk.errors import UnreadyError
from tests.core.deliveries.server import Request, Server
from tests.core.deliveries.stage import Stage
from tests.parts.valkey import Valkey
from tests.worker.conftest import Installation

# Which database it is makes no difference here, and each run takes seconds.
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@on_sqlite
def test_ring_over_rq_brings_a_delivery_to_the_provider(
    installation: Installation, server: Server, connection_id: str
) -> None:
    """RQ carries the work: a ring makes a worker look at once."""
    stage, redis = installation.stage, installation.stage.hub.bell.redis
    installation.worker()
    installation.until(lambda: redis.scard("rq:workers") == 2, "both listen")
    installation.until(lambda: installation.workers("deliver"), "it lives")

    stage.deliver(connection_id, "news")
    stage.hub.bell.ring("deliver")

    installation.until(lambda: stage.states() == {"delivered": 1}, "the delivery")
    assert ["news"] == _names(server)
    installation.until(lambda: _jobs_done(installation) >= 1, "the job")


@on_sqlite
def test_work_goes_on_without_redis(
    installation: Installation, server: Server, connection_id: str
) -> None:
    """ROAD 23: workers look at the table by themselves."""
    installation.environment["HUB_REDIS_URL"] = "unix:///nowhere/redis.sock"
    installation.worker()
    installation.until(lambda: installation.workers("deliver"), "it lives")

    installation.stage.deliver(connection_id, "news")

    installation.until(lambda: server.requests, "the request")
    installation.until(
        lambda: installation.stage.states() == {"delivered": 1}, "the delivery"
    )


def test_delivery_of_a_killed_worker_is_finished_by_the_next(
    installation: Installation, server: Server, connection_id: str
) -> None:
    """ROAD 16, 26: killed between claim and settle; the next one takes it up."""
    stage = installation.stage
    go = threading.Event()
    server.answer(lambda request: (go.wait(60), (200, b"{}"))[1])
    id = stage.deliver(connection_id, "news")
    installation.worker()
    installation.until(lambda: server.requests, "the first request")
    installation.until(lambda: installation.workers("deliver"), "its first beat")
    [pid] = installation.workers("deliver")

    os.kill(pid, signal.SIGKILL)
    server.answer(lambda request: (200, b"{}"))

    installation.until(lambda: stage.delivery(id).state == "delivered", "the delivery")
    go.set()
    assert ["news", "news"] == _names(server)
    assert ["lost", "delivered"] == [each.outcome for each in stage.attempts(id)]
    assert 2 == len({each.worker for each in stage.attempts(id)})


@on_sqlite
def test_plugin_that_kills_its_process_is_stopped(
    installation: Installation, server: Server, connection_id: str
) -> None:
    """ROAD 26: three leases lost; the deliveries of others arrive all the same."""
    stage = installation.stage
    server.answer(lambda request: (200, _crash_if(request, "bad")))
    bad = stage.deliver(connection_id, "bad")
    good = [stage.deliver(connection_id, f"good {n}") for n in range(5)]
    installation.worker()

    installation.until(lambda: stage.delivery(bad).state == "dead", "the end of it")

    with stage.hub.read() as session:
        switch = session.get_one(PluginSwitch, "toy")
    assert switch.quarantined_at is not None
    assert ["lost"] * 3 == [each.outcome for each in stage.attempts(bad)]
    assert "dead" not in {stage.delivery(id).state for id in good}


@on_sqlite
def test_worker_survives_the_loss_of_redis(
    installation: Installation,
    server: Server,
    connection_id: str,
    mortal_valkey: Valkey,
) -> None:
    """ROAD 25: nothing is lost, and rings are heard again when it is back."""
    stage = installation.stage
    installation.environment["HUB_REDIS_URL"] = mortal_valkey.url
    supervisor = installation.worker()
    with mortal_valkey.client() as client:
        installation.until(lambda: client.scard("rq:workers") == 2, "both listen")
    installation.until(lambda: installation.workers("deliver"), "its first beat")
    pids = installation.workers("deliver")

    mortal_valkey.kill()
    lost = stage.deliver(connection_id, "without")
    installation.until(lambda: stage.delivery(lost).state == "delivered", "polling")
    mortal_valkey.start()
    with mortal_valkey.client() as client:
        installation.until(lambda: _listening(client) >= 2, "both listen again")
        jobs = _jobs(client)
        stage.hub.bell = type(stage.hub.bell)(mortal_valkey.url)
        stage.deliver(connection_id, "with")
        stage.hub.bell.ring("deliver")
        installation.until(lambda: _jobs(client) > jobs, "the ring")

    installation.until(lambda: stage.states() == {"delivered": 2}, "both")
    assert supervisor.poll() is None
    assert pids == installation.workers("deliver")


@on_sqlite
def test_sigterm_ends_all_of_it(
    installation: Installation, server: Server, connection_id: str
) -> None:
    """Set-up: no orphan, no half-written state, though a delivery hangs."""
    stage = installation.stage
    go = threading.Event()
    server.answer(lambda request: (go.wait(60), (200, b"{}"))[1])
    id = stage.deliver(connection_id, "news")
    supervisor = installation.worker()
    installation.until(lambda: server.requests, "the request")
    installation.until(lambda: installation.workers("deliver"), "its first beat")
    installation.until(lambda: installation.workers("process"), "its first beat")
    pids = installation.workers("deliver") + installation.workers("process")

    supervisor.send_signal(signal.SIGTERM)

    assert 0 == supervisor.wait(60)
    assert [] == [pid for pid in pids if _lives(pid)]
    row = stage.delivery(id)
    assert ("retrying", None, 0) == (row.state, row.claim, row.lost_leases)
    assert ["interrupted"] == [each.outcome for each in stage.attempts(id)]
    assert [] == installation.workers("deliver")
    go.set()


@on_sqlite
def test_processes_end_with_their_supervisor(installation: Installation) -> None:
    """However that ends."""
    supervisor = installation.worker()
    installation.until(
        lambda: installation.workers("deliver") and installation.workers("process"),
        "they live",
    )
    pids = installation.workers("deliver") + installation.workers("process")

    supervisor.kill()
    supervisor.wait()

    installation.until(lambda: not any(map(_lives, pids)), "their end")


@on_sqlite
def test_hook_that_hangs_ends_its_process(
    installation: Installation, server: Server, connection_id: str
) -> None:
    """ROAD 26: a thread can't be ended, a process can; then it is started again."""
    go = threading.Event()
    server.answer(lambda request: (go.wait(60), (200, b"{}"))[1])
    id = installation.stage.deliver(connection_id, "hangs")
    code = (
        "from hub.core.deliveries import pool; from hub.core.vitals import presence;"
        "pool.HOOK_SECONDS = 0.5; presence.BEATS_EVERY = 0.2;"
        "from hub.worker import run; run()"
    )

    process = installation.run(code, "deliver", "token")

    assert 3 == process.wait(60)
    # Its lease stays: that it was lost counts against the plugin.
    assert "sending" == installation.stage.delivery(id).state
    go.set()


@on_sqlite
def test_process_whose_hook_hangs_is_started_again(
    installation: Installation, server: Server, connection_id: str
) -> None:
    """ROAD 26: it leaves with OVERRAN, and the next one goes on with the rest."""
    go, hung = threading.Event(), threading.Event()

    def answer(request: Request) -> tuple[int, bytes]:
        if b"hangs" in request.body and not hung.is_set():
            hung.set()
            go.wait(60)
        return 200, b"{}"

    server.answer(answer)
    stage = installation.stage
    first = stage.deliver(connection_id, "hangs")
    short = (
        "from hub.core.deliveries import pool; from hub.core.vitals import presence;"
        "pool.HOOK_SECONDS = 3; presence.BEATS_EVERY = 0.2;"
    )
    code = (
        "from hub import worker; from hub.settings import load;"
        f"worker._RUN = {short!r} + worker._RUN;"
        "worker.main(load(), process=0, deliver=1)"
    )

    installation.run(code)
    assert hung.wait(60)
    pid = int(stage.attempts(first)[0].worker.split("-")[-1])
    installation.until(lambda: not _lives(pid), "its end")
    second = stage.deliver(connection_id, "goes on")

    installation.until(lambda: stage.delivery(second).state == "delivered", "the next")
    assert stage.attempts(first)[0].worker != stage.attempts(second)[0].worker
    go.set()


def test_worker_refuses_an_old_schema(
    installation: Installation, database: Database
) -> None:
    """DESIGN 5."""
    with database.write() as session:
        session.execute(text("DELETE FROM alembic_version"))
    try:
        with pytest.raises(UnreadyError, match="hub db upgrade"):
            worker.main(installation.settings)
    finally:
        with database.write() as session:
            insert = text("INSERT INTO alembic_version VALUES (:newest)")
            session.execute(insert, {"newest": schema.newest()})


def test_everything_arrives_once_whatever_is_killed(
    installation: Installation, server: Server, connection_id: str
) -> None:
    """Law 1, 4: deliver processes are killed again and again."""
    stage = installation.stage
    names = [f"{number}" for number in range(150)]
    for name in names:
        stage.deliver(connection_id, name)
    server.answer(_slowly)
    installation.worker()
    for seen in (20, 60, 100):
        installation.until(_has_seen(server, seen), "requests")
        for pid in installation.workers("deliver"):
            os.kill(pid, signal.SIGKILL)

    installation.until(lambda: stage.states() == {"delivered": 150}, "all of them")

    heard = Counter(_names(server))
    assert set(names) == set(heard)
    assert max(heard.values()) <= 4
    attempts = sum(len(stage.attempts(row)) for row in _ids(stage))
    assert sum(heard.values()) <= attempts


@on_sqlite
def test_plain_rq_worker_delivers_too(
    installation: Installation,
    server: Server,
    connection_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The jobs are ordinary RQ jobs."""
    installation.stage.deliver(connection_id, "news")
    installation.stage.hub.bell.ring("deliver")
    code = (
        "import os; from redis import Redis; from rq import Queue, SimpleWorker;"
        "c = Redis.from_url(os.environ['HUB_REDIS_URL']);"
        "q = Queue('deliver', connection=c, serializer='json');"
        "SimpleWorker([q], connection=c, serializer='json').work(burst=True)"
    )

    assert 0 == installation.run(code).wait(60)

    assert ["news"] == _names(server)


def _slowly(request: Request) -> tuple[int, bytes]:
    time.sleep(0.02)
    return 200, b"{}"


def _has_seen(server: Server, count: int) -> Callable[[], bool]:
    return lambda: len(server.requests) >= count


def _names(server: Server) -> list[str]:
    return [json.loads(request.body)["name"] for request in list(server.requests)]


def _crash_if(request: Request, name: str) -> bytes:
    return b"crash" if json.loads(request.body)["name"] == name else b"{}"


def _jobs_done(installation: Installation) -> int:
    return _jobs(installation.stage.hub.bell.redis)


def _jobs(client: object) -> int:
    keys = client.smembers("rq:workers")  # type: ignore[attr-defined]
    found = [client.hget(key, "successful_job_count") for key in keys]  # type: ignore[attr-defined]
    return sum(int(count or 0) for count in found)


def _listening(client: object) -> int:
    try:
        return sum(
            client.hget(key, "state") == b"idle"  # type: ignore[attr-defined]
            for key in client.smembers("rq:workers")  # type: ignore[attr-defined]
        )
    except Exception:
        return 0


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _ids(stage: Stage) -> list[str]:
    from sqlalchemy import select

    from hub.core.models import Delivery

    with stage.hub.read() as session:
        return list(session.scalars(select(Delivery.id)))

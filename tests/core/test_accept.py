"""Group commit: durable before answered, one bad row sinks only itself."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text, update

from hub.boot import Hub
from hub.core import accept
from hub.core.accept import Writer
from hub.core.models import Connection, InboundWebhook
from hub.core.webhooks.inserts import Inserts, Kept, Row
from hub.db import Database
from hub.jobs import Bell
from hub.plugins import Plugins
from hub.sdk.errors import UnreadyError
from hub.settings import Settings
from tests.parts.hub import KEY, connect, plugin


def row(connection: Connection, key: str | None, **values: Any) -> Row:
    given = {"method": "POST", "path": "", "headers": b"A: b", "body": b"{}", **values}
    return Row(connection_id=connection.id, dedupe_key=key, **given)


def kept(database: Database) -> dict[str | None, InboundWebhook]:
    with database.read() as session:
        return {
            each.dedupe_key: each for each in session.scalars(select(InboundWebhook))
        }


def together(hub: Hub, rows: Sequence[Row]) -> list[Kept | None]:
    """Keep rows that have all come, in this order, when the writer looks; None for
    what it couldn't keep."""
    writer = hub.part(Writer)
    batches = [writer._enter(each)[0] for each in rows]
    writer._write.wake()
    for batch in batches:
        assert batch.done.wait(60)
    return [batch.kept.get(row.id) for row, batch in zip(rows, batches, strict=True)]


def _kept_or_error(writer: Writer, given: Row) -> Kept | Exception:
    try:
        return writer.keep(given)
    except Exception as error:
        return error


def test_row_is_durable_when_keep_returns(hub: Hub, till: Connection) -> None:
    """ROAD law 2."""
    given = row(till, "1", headers=b"X: \x00\xff", body=b"\x00\xfe")

    found = accept.keep(hub, given)

    assert Kept(given.id, fresh=True) == found
    stored = kept(hub.database)["1"]
    assert (b"X: \x00\xff", b"\x00\xfe", 2) == (
        stored.headers,
        stored.body,
        stored.size,
    )
    assert (given.received_at, "received") == (stored.received_at, stored.state)
    assert given.received_at == stored.next_attempt_at


def test_all_who_wait_share_one_transaction(
    hub: Hub, till: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = []
    inserts = hub.part(Writer)._inserts

    def commit(rows: Sequence[Row]) -> list[Kept | None]:
        batches.append(len(rows))
        return Inserts.commit(inserts, rows)

    monkeypatch.setattr(inserts, "commit", commit)
    together(hub, [row(till, str(number)) for number in range(30)])

    assert [30] == batches
    assert set(map(str, range(30))) == set(kept(hub.database))


def test_duplicate_hears_the_id_of_the_first(hub: Hub, till: Connection) -> None:
    first = accept.keep(hub, row(till, "1"))

    assert Kept(first.id, fresh=False) == accept.keep(hub, row(till, "1"))
    assert 1 == len(kept(hub.database))


def test_same_key_twice_in_one_batch_is_kept_once(hub: Hub, till: Connection) -> None:
    given = [row(till, "1"), row(till, "2"), row(till, "1")]

    found = together(hub, given)

    assert [
        Kept(given[0].id, fresh=True),
        Kept(given[1].id, fresh=True),
        Kept(given[0].id, fresh=False),
    ] == found


def test_same_key_of_another_connection_is_another(hub: Hub, till: Connection) -> None:
    other = connect(hub, "till", "till-2")

    accept.keep(hub, row(till, "1"))

    assert accept.keep(hub, row(other, "1")).fresh


def test_without_a_key_each_request_counts(hub: Hub, till: Connection) -> None:
    found = together(hub, [row(till, None), row(till, None), row(till, "1")])

    assert [True, True, True] == [each is not None and each.fresh for each in found]


def test_nul_in_a_header_sinks_nobody(hub: Hub, till: Connection) -> None:
    """ROAD 9."""
    given = [
        row(till, "1"),
        row(till, "2", headers=b"X: a\x00b\nY: \xff\xfe", body=b"\x00"),
        row(till, "3"),
    ]

    found = together(hub, given)

    assert [Kept(each.id, fresh=True) for each in given] == found


def test_row_that_cannot_be_stored_sinks_only_itself(
    hub: Hub, till: Connection
) -> None:
    """ROAD 35."""
    nobody = Connection(id="cnn_gone")
    given = [row(till, str(number)) for number in range(9)]
    bad = row(nobody, "bad")

    *found, last = together(hub, [*given, bad])

    assert [Kept(each.id, fresh=True) for each in given] == found
    assert last is None


def test_failed_webhook_is_opened_again_with_what_came_now(
    hub: Hub, till: Connection
) -> None:
    """ROAD 11."""
    first = accept.keep(hub, row(till, "1"))
    with hub.write() as session:
        session.execute(
            update(InboundWebhook).values(
                state="failed", error="broken", attempts=7, lost_leases=3, body=None
            )
        )
    again = row(till, "1", body=b"new", query="try=2")

    assert Kept(first.id, fresh=True) == accept.keep(hub, again)
    assert Kept(first.id, fresh=False) == accept.keep(hub, row(till, "1"))

    stored = kept(hub.database)["1"]
    assert ("received", "", 0, 0) == (
        *(stored.state, stored.error),
        *(stored.attempts, stored.lost_leases),
    )
    assert (b"new", again.received_at) == (stored.body, stored.next_attempt_at)
    assert "try=2" == stored.query


@pytest.mark.parametrize("state", ["received", "processed", "ignored"])
def test_only_failed_ones_are_opened_again(
    hub: Hub, till: Connection, state: str
) -> None:
    accept.keep(hub, row(till, "1"))
    with hub.write() as session:
        session.execute(update(InboundWebhook).values(state=state))

    assert not accept.keep(hub, row(till, "1")).fresh
    assert state == kept(hub.database)["1"].state


def test_opposite_orders_do_not_deadlock(postgres_hub: Hub, other_process: Hub) -> None:
    """ROAD 35."""
    till = connect(postgres_hub, "till")

    start = threading.Barrier(2)

    def insert(hub: Hub, keys: Sequence[str]) -> int:
        rows = [row(till, key, body=b"x" * 4096) for key in keys]
        start.wait(60)
        found = together(hub, rows)
        assert None not in found
        return sum(each is not None and each.fresh for each in found)

    for turn in range(10):
        keys = [f"{turn}-{number:03}" for number in range(500)]
        with ThreadPoolExecutor(2) as pool:
            there = pool.submit(insert, postgres_hub, keys)
            back = pool.submit(insert, other_process, keys[::-1])
            assert 500 == there.result(30) + back.result(30)


def test_writer_answers_everybody_when_the_database_is_away(
    hub: Hub, till: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 35."""
    driver: Any = hub.database.writer.dialect.loaded_dbapi
    tries = []

    def commit(self: Inserts, rows: Sequence[Row]) -> list[Kept | None]:
        tries.append(len(rows))
        raise driver.OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(Inserts, "commit", commit)
        found = together(hub, [row(till, "1"), row(till, "2")])

    assert [None, None] == found
    assert [2] == tries  # not row by row: each would wait for the database
    assert accept.keep(hub, row(till, "1")).fresh


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_writer_that_ends_is_started_again(
    hub: Hub, till: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit(self: Inserts, rows: Sequence[Row]) -> list[Kept | None]:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(Inserts, "commit", commit)
        with pytest.raises(UnreadyError):
            accept.keep(hub, row(till, "1"))

    # Its end may still be on its way.
    found = [_kept_or_error(hub.part(Writer), row(till, key)) for key in "12"]
    assert isinstance(found[-1], Kept)


def test_queue_is_bounded(
    hub: Hub, till: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 35."""
    monkeypatch.setattr(accept, "MAX_WAITING", 2)
    monkeypatch.setattr(accept, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(Writer, "_take", lambda self: None)  # the writer hangs

    found = [_kept_or_error(hub.part(Writer), row(till, key)) for key in "123"]

    assert [
        "The database is too busy right now; try again.",
        "The database is too busy right now; try again.",
        "Too many webhooks wait to be kept; try again.",
    ] == [str(each) for each in found]


def test_whoever_shares_a_batch_is_sent_away_with_its_first(
    hub: Hub, till: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the first watches the clock; what comes later waits anew."""
    writer = hub.part(Writer)
    with monkeypatch.context() as patched:
        patched.setattr(accept, "PATIENCE_SECONDS", 0.01)
        patched.setattr(Writer, "_take", lambda self: None)  # the writer hangs
        batch, first = writer._enter(row(till, "1"))
        assert (batch, False) == writer._enter(row(till, "2"))
        assert first
        writer._give_up(batch)

        assert batch.done.is_set()
        assert isinstance(_kept_or_error(writer, row(till, "3")), UnreadyError)
    accept.keep(hub, row(till, "4"))
    # Who was sent away comes again: without a dedupe key it would be there twice.
    assert {"4"} == set(kept(hub.database))


def test_row_that_went_meanwhile_hides_no_other(
    hub: Hub, till: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key was there when it was written, and is gone when it is looked for."""
    accept.keep(hub, row(till, "gone"))
    look = Inserts._found

    def found(self: Inserts, cursor: Any, row: Row, mark: str) -> Kept | None:
        return None if row.dedupe_key == "gone" else look(self, cursor, row, mark)

    monkeypatch.setattr(Inserts, "_found", found)
    rows = [row(till, "1"), row(till, "gone"), row(till, "2")]

    assert [True, None, True] == [
        each and each.fresh for each in Inserts(hub.database).commit(rows)
    ]


def test_many_bytes_are_too_many_as_well(
    hub: Hub, till: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers count as well: they may be as large as bodies."""
    fits = row(till, "2", body=b"x" * 100)
    monkeypatch.setattr(accept, "MAX_WAITING_BYTES", len(fits.headers) + 100)

    with pytest.raises(UnreadyError, match="Too many"):
        accept.keep(hub, row(till, "1", body=b"x" * 101))
    assert accept.keep(hub, fits).fresh


def test_bell_is_rung_after_the_commit(
    hub: Hub, till: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[int] = []
    heard = threading.Event()

    def ring(work: str) -> None:
        rung.append(len(kept(hub.database)))
        heard.set()

    monkeypatch.setattr(hub.bell, "ring", ring)
    accept.keep(hub, row(till, "1"))

    assert heard.wait(10)
    assert [1] == rung


def test_without_redis_webhooks_are_kept(hub: Hub, till: Connection) -> None:
    """ROAD law 1."""
    hub.bell = Bell("unix:///nowhere/redis.sock")

    assert accept.keep(hub, row(till, "1")).fresh


def test_removed_connection_is_not_ready(hub: Hub, till: Connection) -> None:
    accept.keep(hub, row(till, "1"))
    with hub.write() as session:
        session.execute(text("DELETE FROM inbound_webhooks"))
        session.execute(text("DELETE FROM connections"))

    with pytest.raises(UnreadyError):
        accept.keep(hub, row(till, "2"))


@pytest.fixture
def postgres_hub(request: pytest.FixtureRequest) -> Hub:
    """The hub of the fixtures, on PostgreSQL only."""
    database = request.getfixturevalue("postgres_database")
    return _hub_on(database, request.getfixturevalue("settings"))


@pytest.fixture
def other_process(postgres_hub: Hub) -> Iterator[Hub]:
    """What another process has on the same database."""
    url = postgres_hub.database.url.render_as_string(hide_password=False)
    database = Database(url)
    yield _hub_on(database, postgres_hub.settings)
    database.dispose()


def _hub_on(database: Database, settings: Settings) -> Hub:
    return Hub(
        settings=settings,
        database=database,
        plugins=Plugins([plugin("till", "payment")]),
        bell=Bell(settings.redis_url or ""),
        keys=(KEY,),
    )

"""The parts themselves: each is what its fixture promises."""

import socket

import psycopg
import pytest
import redis
import requests
from playwright.sync_api import Page, expect
from sqlalchemy import text

from hub.db import Database
from hub.schema import is_behind
from hub.settings import Settings
from tests.parts.database import dsn, empty
from tests.parts.network import NetworkForbiddenError
from tests.parts.valkey import Valkey

ENTRY = text(
    "INSERT INTO audit_entries (id, actor, action, subject, data, created_at)"
    " VALUES ('a', 'test', 'test', 'test', '{}', CURRENT_TIMESTAMP)"
)


def test_database_is_real_and_migrated(
    database: Database, request: pytest.FixtureRequest
) -> None:
    with database.read() as session:
        dialect = session.get_bind().dialect.name

    assert request.node.callspec.params["database"] in dialect
    assert not is_behind(database)


@pytest.mark.parametrize("turn", [1, 2])
def test_database_is_empty_for_each_test(database: Database, turn: int) -> None:
    with database.write() as session:
        session.execute(ENTRY)

    with database.read() as session:
        found = session.execute(text("SELECT id FROM audit_entries"))
        assert ["a"] == list(found.scalars())


def test_connection_left_open_does_not_hold_up_the_next_test(
    postgres_database: Database, postgres_url: str
) -> None:
    forgotten = psycopg.connect(dsn(postgres_url))
    forgotten.execute("SELECT * FROM companies")
    with psycopg.connect(dsn(postgres_url), autocommit=True) as connection:
        empty(connection)

    with pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")
    forgotten.close()


def test_sqlite_database_is_the_one_of_the_settings(
    sqlite_database: Database, settings: Settings
) -> None:
    assert settings.database_url == str(sqlite_database.url)


def test_valkey_is_empty_and_on_a_unix_socket(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert 0 == client.dbsize()
        assert {"port": "0"} == client.config_get("port")
    assert redis_url.startswith("unix://")


def test_mortal_valkey_comes_back_with_what_it_wrote(mortal_valkey: Valkey) -> None:
    with mortal_valkey.client() as client:
        client.set("kept", "yes")
        client.config_set("appendfsync", "always")
        client.set("also", "yes")
    mortal_valkey.kill()
    assert not mortal_valkey.answers()

    mortal_valkey.start()

    with mortal_valkey.client() as client:
        assert [b"yes", b"yes"] == client.mget("kept", "also")


def test_network_outside_is_forbidden() -> None:
    with pytest.raises(NetworkForbiddenError):
        requests.get("https://example.com", timeout=1)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram,
        pytest.raises(NetworkForbiddenError),
    ):
        datagram.sendto(b"", ("192.0.2.1", 9))


def test_loopback_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address) as client:
            assert address == client.getpeername()


def test_browser_runs_pages(page: Page) -> None:
    page.set_content("<title>Hub</title><script>document.title += ' runs'</script>")

    expect(page).to_have_title("Hub runs")

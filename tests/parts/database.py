"""An empty, migrated database for each test: on SQLite, on PostgreSQL, or on both.

Migrating takes longer than most tests: SQLite's file is copied from a template made
once, PostgreSQL's database is made once for each worker and emptied before each test.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from hub.core.models import Base
from hub.db import Database
from hub.schema import upgrade
from hub.settings import Settings, load
from tests.parts.postgres import Postgres
from tests.parts.run import Run


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    """Settings of an installation with a data folder of its own and a real Valkey."""
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    return load({"HUB_DATA_DIR": str(data), "HUB_REDIS_URL": redis_url})


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database; the test runs once on SQLite and once on PostgreSQL."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty database in SQLite, where `settings` expect it."""
    file = tmp_path / "data" / "hub.db"
    file.parent.mkdir(exist_ok=True)
    shutil.copyfile(sqlite_template, file)
    yield from disposed(Database(f"sqlite:///{file}"))


@pytest.fixture
def postgres_database(postgres_url: str, postgres: Postgres) -> Iterator[Database]:
    """An empty database in PostgreSQL."""
    with psycopg.connect(dsn(postgres_url), autocommit=True) as connection:
        empty(connection)
    yield from disposed(Database(postgres_url))


@pytest.fixture(scope="session")
def sqlite_template(run: Run) -> Path:
    file = run.folder / "template" / "hub.db"
    with run.alone("sqlite"):
        if not file.exists():
            file.parent.mkdir()
            migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_url(run: Run, postgres: Postgres) -> Iterator[str]:
    """This worker's own database, migrated."""
    mine = f"hub_test_{run.folder.name.removeprefix('hub-')}_{run.process}"
    postgres.create(mine)
    migrate(postgres.url(mine))
    yield postgres.url(mine)
    postgres.drop(mine)


def migrate(url: str) -> None:
    database = Database(url)
    upgrade(database)
    database.dispose()


def disposed(database: Database) -> Iterator[Database]:
    yield database
    database.dispose()


def dsn(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def empty(connection: psycopg.Connection) -> None:
    """Take all rows away; a connection that a test left open must not hold us up."""
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    # Looking first: emptying 45 tables takes 40 ms, finding the few with rows one.
    tables = [sql.Identifier(t.name) for t in reversed(Base.metadata.sorted_tables)]
    has_rows = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    look = sql.SQL(" UNION ALL ").join(
        has_rows.format(sql.Literal(n), table) for n, table in enumerate(tables)
    )
    for (n,) in connection.execute(look).fetchall():
        connection.execute(sql.SQL("DELETE FROM {}").format(tables[n]))

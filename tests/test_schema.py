"""The schema: migrations and models agree, and behind is told from ahead."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from hub.core.models import Base
from hub.db import Database
from hub.schema import current, is_behind, newest, require, upgrade
from hub.sdk.errors import UnreadyError


def test_migrations_make_what_the_models_describe(database: Database) -> None:
    """ROAD 38: no drift, on either database."""
    with database.read() as session:
        context = MigrationContext.configure(
            session.connection(), opts={"compare_type": True}
        )
        found = compare_metadata(context, Base.metadata)

    assert [] == found


def test_upgrading_again_changes_nothing(database: Database) -> None:
    upgrade(database)

    assert newest() == current(database)
    assert not is_behind(database)


def test_empty_database_is_behind(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    try:
        assert is_behind(database)
        with pytest.raises(UnreadyError, match="hub db upgrade"):
            require(database)
    finally:
        database.dispose()


def test_newer_schema_is_fine(sqlite_database: Database) -> None:
    """ROAD 38: a process refuses only an older schema."""
    with sqlite_database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'later'"))

    assert not is_behind(sqlite_database)
    require(sqlite_database)

"""The database's schema: bring it up, and say when it is behind."""

from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from hub.db import Database
from hub.sdk.errors import UnreadyError

MIGRATION_LOCK = 7_201  # PostgreSQL advisory lock: one migrator at a time


def upgrade(database: Database) -> None:
    """Migrate to the newest revision; several processes may do it at once."""
    with database.write_lock(), database.writer.connect() as connection:
        if database.sqlite:
            # Batch mode with foreign keys on would delete the children of an
            # altered parent; the pragma works outside a transaction only.
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:n)"), {"n": MIGRATION_LOCK}
            )
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if database.sqlite:
            _check_foreign_keys(connection)
        connection.commit()
        if database.sqlite:
            connection.invalidate()  # it has foreign keys off


def current(database: Database) -> str | None:
    """Return the schema's revision, None for an empty database."""
    with database.read() as session:
        context = MigrationContext.configure(session.connection())
        return context.get_current_revision()


def is_behind(database: Database) -> bool:
    """True if this code needs an upgrade. A newer schema is fine (ROAD 38)."""
    revision = current(database)
    return revision != newest() and (revision is None or revision in _known())


def require(database: Database) -> None:
    """Raise UnreadyError unless the schema is new enough."""
    if is_behind(database):
        raise UnreadyError(
            "The database's schema is older than this program: run `hub db upgrade`."
        )


@cache
def newest() -> str:
    """The newest revision this code knows."""
    head = _scripts().get_current_head()
    assert head is not None, "there is at least one migration"  # noqa: S101
    return head


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in _scripts().walk_revisions())


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _check_foreign_keys(connection: Any) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise UnreadyError(
            f"The migration would leave {len(broken)} broken references."
        )

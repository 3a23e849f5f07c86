"""A hub for the length of one command."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.boot import Hub
    from hub.settings import Settings


def settings(data_dir: str | None = None) -> "Settings":
    """Read the settings, `--data-dir` over HUB_DATA_DIR, and set up logging."""
    from hub import log
    from hub.settings import load

    if data_dir is not None:
        os.environ["HUB_DATA_DIR"] = data_dir
    found = load()
    log.configure(found)
    return found


@contextmanager
def hub(*, any_schema: bool = False) -> Iterator["Hub"]:
    """Open the hub a command works on. An embedded database that is still empty is
    set up; else UnreadyError says that the schema is too old."""
    from hub import boot, schema

    # What a command tells stands in its output; its log is for trouble.
    given = settings()
    quiet = given.log_level == "INFO" and "HUB_LOG_LEVEL" not in given.environ
    if quiet:
        from hub import log

        log.configure(replace(given, log_level="WARNING"))
    found = boot.start(given)
    try:
        if not any_schema:
            if not given.production and schema.current(found.database) is None:
                schema.upgrade(found.database)
            schema.require(found.database)
        yield found
    finally:
        found.database.dispose()


def actor() -> str:
    """Who gives this command, for the audit."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # an account without a name, as in containers
        return "cli"

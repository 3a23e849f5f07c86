"""`hub db`: the database's schema."""

import sys

import click

from hub.cli import opened
from hub.cli.lazy import command, epilog
from hub.cli.output import say, working


@click.group(epilog=epilog("hub db check"))
def db() -> None:
    """The database's schema."""


@command(db, example="hub db upgrade")
def upgrade(as_json: bool) -> None:
    """Bring the schema to what this version needs; safe to run at any time."""
    from hub import schema

    with opened.hub(any_schema=True) as hub:
        before = schema.current(hub.database)
        with working("Upgrading the database"):
            schema.upgrade(hub.database)
        after = schema.current(hub.database)
    done = "The schema is as it was" if before == after else "The schema was upgraded"
    say(as_json, {"before": before, "after": after}, f"{done}: {after}.")


@command(db, example="hub db check")
def check(as_json: bool) -> None:
    """Say whether the schema is behind; exit status 1 if so."""
    from hub import schema

    with opened.hub(any_schema=True) as hub:
        behind = schema.is_behind(hub.database)
        now, newest = schema.current(hub.database), schema.newest()
    say(
        as_json,
        {"behind": behind, "current": now, "newest": newest},
        f"The schema ({now or 'empty'}) is behind {newest}: run `hub db upgrade`."
        if behind
        else f"The schema is up to date: {now}.",
    )
    sys.exit(1 if behind else 0)

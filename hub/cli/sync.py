"""`hub sync`: read what is new at a provider."""

import click

from hub.cli import opened
from hub.cli.lazy import command
from hub.cli.output import say


@command(example="hub sync datto\nhub sync datto --dry-run")
@click.argument("slug")
@click.option("--dry-run", is_flag=True, help="Read, and record nothing.")
def sync(slug: str, dry_run: bool, as_json: bool) -> None:
    """Read what is new at a connection's provider; exit status 1 if it fails."""
    from hub.core import sync as core

    with opened.hub() as hub:
        row = core.run(hub, slug, dry_run=dry_run, actor=opened.actor())
    shown = {
        "id": row.id,
        "state": row.state,
        "pages": row.pages,
        "facts": row.facts,
        "error": row.error,
    }
    told = f"{row.state}: {row.facts} facts on {row.pages} pages. {row.error}".strip()
    say(as_json, shown, told)
    if row.state != "done":
        raise SystemExit(1)

"""`hub config`: all settings as a file, without secrets."""

from typing import TextIO

import click

from hub.cli import entered, opened
from hub.cli.lazy import command, epilog
from hub.cli.output import say


@click.group(epilog=epilog("hub config export"))
def config() -> None:
    """All settings as a file, without secrets."""


@command(config, example="hub config export > hub.json")
def export(as_json: bool) -> None:
    """Write plugins, connections and their settings as JSON; secrets only by name."""
    from hub.core import config_file

    with opened.hub() as hub, hub.read() as session:
        data = config_file.export(session)
    say(True, data, "")


@command(config, name="import", example="hub config import hub.json")
@click.argument("file", type=click.File("r", encoding="utf-8"))
def load(file: TextIO, as_json: bool) -> None:
    """Make plugins and connections as the file says, all or nothing; `-` reads
    standard input."""
    from hub.core import config_file
    from hub.core.configuration import revision

    data = entered.read_json(file)
    with opened.hub() as hub:
        with hub.write() as session:
            done = config_file.load(session, data, actor=opened.actor())
        revision.wait_until_taken(hub)
    told = {"added": done.added, "changed": done.changed, "incomplete": done.incomplete}
    lines = [
        f"{word.title()}: {', '.join(slugs)}." for word, slugs in told.items() if slugs
    ]
    say(as_json, told, "\n".join(lines) or "Nothing had to be changed.")

"""`hub emit`: publish an event of your own."""

from typing import TextIO

import click

from hub.cli import entered, opened
from hub.cli.lazy import command
from hub.cli.output import say
from hub.sdk.errors import InvalidError


@command(
    example="hub emit invoice.anomaly --data anomaly.json\n"
    'echo \'{"text": "Backup failed"}\' | hub emit alert.raised --data -'
)
@click.argument("event")
@click.option(
    "--data",
    "file",
    type=click.File("r", encoding="utf-8"),
    required=True,
    help="A JSON object; `-` for standard input.",
)
def emit(event: str, file: TextIO, as_json: bool) -> None:
    """Publish an event: invoice.anomaly, alert.raised, alert.resolved or custom.…"""
    from hub.core import emit as core

    data = entered.read_json(file)
    if not isinstance(data, dict):
        raise InvalidError("The file must hold a JSON object.")
    with opened.hub() as hub, hub.write() as session:
        row = core.emit(session, event, data, actor=opened.actor())
    say(as_json, {"id": str(row.id), "type": row.type}, f"Published event {row.id}.")

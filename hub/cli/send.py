"""`hub send`: a message through a connection."""

import sys
from typing import Any, TextIO

import click

from hub.cli import entered, opened
from hub.cli.lazy import command
from hub.cli.output import say, working
from hub.sdk.errors import InvalidError

_SECONDS = 60.0


@command(
    example="hub send slack 'The backup is done' --to '#ops'\n"
    "hub send slack 'Report' --blocks blocks.json"
)
@click.argument("slug")
@click.argument("text")
@click.option(
    "--to", metavar="CHANNEL|PHONE|ADDRESS", help="Else the connection's own."
)
@click.option(
    "--blocks",
    type=click.File("r", encoding="utf-8"),
    help="A JSON list of the provider's blocks.",
)
@click.option("--no-wait", is_flag=True, help="Don't wait for what becomes of it.")
def send(
    slug: str,
    text: str,
    to: str | None,
    blocks: TextIO | None,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Send a message and say what became of it; exit status 1 if it failed."""
    from hub.core import messages
    from hub.core.deliveries import waiting
    from hub.sdk.events import Message

    message = Message(text=text, to=to, blocks=_read(blocks) if blocks else ())
    with opened.hub() as hub:
        with hub.write() as session:
            delivery = messages.send(session, slug, message, opened.actor())
        alone = not waiting.anybody_delivers(hub)
        if not no_wait and not alone:
            with working(f"Sending through {slug}"):
                delivery = waiting.for_delivery(hub, delivery.id, _SECONDS)
    data = {
        "delivery": delivery.id,
        "state": delivery.state,
        "reason": delivery.reason,
        "explanation": delivery.explanation,
        "provider_reference": delivery.provider_reference,
    }
    say(as_json, data, _told(delivery, alone))
    sys.exit(1 if delivery.state in ("dead", "in_doubt", "skipped") else 0)


def _told(delivery: Any, alone: bool) -> str:
    if alone:
        return (
            f"{delivery.id} waits: no process makes deliveries. Start `hub up` or"
            " `hub worker`."
        )
    why = delivery.explanation or delivery.reason
    return f"{delivery.id} is {delivery.state}{f': {why}' if why else '.'}"


def _read(file: TextIO) -> tuple[dict[str, Any], ...]:
    data = entered.read_json(file)
    blocks = data.get("blocks") if isinstance(data, dict) else data
    if not isinstance(blocks, list) or not all(isinstance(b, dict) for b in blocks):
        raise InvalidError("The file must hold a JSON list of blocks.")
    return tuple(blocks)

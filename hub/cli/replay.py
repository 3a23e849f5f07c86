"""`hub replay`: do it again."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from hub.cli import opened
from hub.cli.lazy import command, epilog
from hub.cli.output import say
from hub.sdk.errors import InvalidError, UnavailableError


@click.group(epilog=epilog("hub replay webhook whk_01j0…"))
def replay() -> None:
    """Do it again: a webhook, a delivery, a recorded sample."""


@command(replay, example="hub replay webhook whk_01j0…")
@click.argument("webhook_id", metavar="ID")
def webhook(webhook_id: str, as_json: bool) -> None:
    """Process a kept webhook once more, with today's plugin."""
    from hub.core.webhooks import replay as core

    with opened.hub() as hub, hub.write() as session:
        again = core.webhook(session, webhook_id)
    data = {"id": again.id, "replay_of": again.replay_of}
    say(as_json, data, f"{again.id} will be processed.")


@command(replay, example="hub replay delivery dlv_01j0…")
@click.argument("delivery_id", metavar="ID")
def delivery(delivery_id: str, as_json: bool) -> None:
    """Make a new delivery of the same event."""
    from hub.core.deliveries import retry

    with opened.hub() as hub, hub.write() as session:
        again = retry.replay(session, delivery_id, opened.actor())
    data = {"id": again.id, "replay_of": again.replay_of}
    say(as_json, data, f"{again.id} will be delivered.")


@command(replay, example="hub replay sample tests/samples/paid.http --to paypal")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "slug", required=True, help="Slug of the connection.")
def sample(file: Path, slug: str, as_json: bool) -> None:
    """Post a recorded webhook, byte by byte, to the running hub."""
    import requests

    from hub.sdk import samples

    try:
        recorded = samples.read(file)
    except ValueError as error:
        raise InvalidError(f"{error}.") from None
    given = opened.settings()
    url = f"{given.base_url}/webhooks/{slug}/{recorded.target}".rstrip("/")
    try:
        reply = requests.request(
            recorded.method,
            url,
            data=recorded.body,
            headers=_sendable(recorded.headers),
            timeout=30,
        )
    except requests.RequestException:
        raise UnavailableError(
            f"Nobody answers at {given.base_url}: start the hub with `hub up`."
        ) from None
    data = {"status": reply.status_code, "body": reply.text}
    say(as_json, data, f"{reply.status_code} {reply.text}".strip())
    sys.exit(0 if reply.ok else 1)


def _sendable(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """All but what belongs to the recorded transport."""
    theirs = ("host", "content-length", "transfer-encoding", "connection")
    return {name: value for name, value in headers if name.lower() not in theirs}

"""The processes of the hub: all in one, or each by itself."""

import os
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from hub.cli import opened
from hub.cli.lazy import command
from hub.sdk.errors import SettingsError

if TYPE_CHECKING:
    from hub.settings import Settings

_PORT = 8000
_ENVIRONMENT = ParameterSource.ENVIRONMENT


class _Port(click.IntRange):
    """A port; a wrong one in the environment is named by its variable."""

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            name = param.name if param else None
            if ctx and name and ctx.get_parameter_source(name) is _ENVIRONMENT:
                raise SettingsError(
                    "PORT must be a number from 0 to 65535, such as 8000."
                ) from None
            raise


_HOST = click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on."
)
_port = click.option(
    "--port",
    type=_Port(0, 65535),
    default=_PORT,
    show_default=True,
    envvar="PORT",
    help="Port to listen on.",
)
_data_dir = click.option(
    "--data-dir", help="Folder of the embedded database; else HUB_DATA_DIR, ./data."
)


@command(example="hub up --demo\nhub up --port 9000 --data-dir /srv/hub")
@click.option("--demo", is_flag=True, help="With example data and simulators.")
@_HOST
@_port
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that make deliveries.",
)
@_data_dir
def up(
    demo: bool, host: str, port: int, workers: int, data_dir: str | None, as_json: bool
) -> None:
    """Start web, workers and scheduler with all they need, until Ctrl-C."""
    from hub import up as everything

    given = _settings(as_json, data_dir)
    everything.main(given, demo=demo, host=host, port=port, workers=workers)


@command(example="hub web --host 0.0.0.0 --port 8000 --workers 2")
@_HOST
@_port
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=2,
    show_default=True,
    help="Server processes.",
)
def web(host: str, port: int, workers: int, as_json: bool) -> None:
    """Serve webhooks, API, feed and pages (gunicorn)."""
    from hub import serve

    serve.main(_ready(as_json), host=host, port=port, workers=workers)


@command(example="hub worker --process 1 --deliver 2")
@click.option(
    "--process",
    type=click.IntRange(0, 64),
    default=1,
    show_default=True,
    help="Processes that work through webhooks.",
)
@click.option(
    "--deliver",
    type=click.IntRange(0, 64),
    default=1,
    show_default=True,
    help="Processes that make deliveries.",
)
def worker(process: int, deliver: int, as_json: bool) -> None:
    """Process webhooks and make deliveries."""
    from hub import worker as workers

    workers.main(_ready(as_json), process=process, deliver=deliver)


@command(example="hub scheduler")
def scheduler(as_json: bool) -> None:
    """Run what is periodic; several of them do no harm."""
    from hub import scheduler as periodic

    periodic.main(_settings(as_json))


@command(example="hub sim --port 8100")
@_HOST
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8100,
    show_default=True,
    help="Port to listen on.",
)
def sim(host: str, port: int, as_json: bool) -> None:
    """Serve the simulators of all installed plugins."""
    from hub import simulators

    simulators.main(_settings(as_json), host=host, port=port)


def _settings(as_json: bool, data_dir: str | None = None) -> "Settings":
    """What these commands print is their log."""
    if as_json:
        os.environ["HUB_LOG_FORMAT"] = "json"
    return opened.settings(data_dir)


def _ready(as_json: bool) -> "Settings":
    """Refuse an older schema; take up what the environment completes."""
    from hub import boot, schema
    from hub.core import connections

    given = _settings(as_json)
    hub = boot.start(given)
    try:
        schema.require(hub.database)
        connections.settle(hub)
    finally:
        hub.database.dispose()
    return given

"""`hub connections`: accounts at providers."""

import sys
from typing import TYPE_CHECKING, Any

import click

from hub.cli import entered, opened
from hub.cli.lazy import command, epilog
from hub.cli.output import say, show, table, working

if TYPE_CHECKING:
    from hub.boot import Hub
    from hub.core.configuration.live import LiveConnection

_SET = click.option(
    "--set", "values", metavar="KEY=VALUE", multiple=True, help=entered.FORMS
)


@click.group(epilog=epilog("hub connections list"))
def connections() -> None:
    """Accounts at providers: their settings, on and off, a test."""


@command(connections, name="list", example="hub connections list")
def list_connections(as_json: bool) -> None:
    """List the connections."""
    from hub.core.configuration.live import live

    with opened.hub() as hub:
        rows = [_row(each) for each in live(hub).all()]
    table(
        as_json,
        rows,
        {"slug": "Slug", "title": "Provider", "state": "State", "problem": "Problem"},
        empty="There are no connections: `hub connections add PLUGIN` makes one;"
        " `hub plugins list` shows the plugins.",
    )


@command(
    connections,
    example="hub connections add slack --set webhook_url=@webhook-url.txt\n"
    "hub connections add paypal --slug paypal-uk --set client_secret=-",
)
@click.argument("plugin")
@click.option("--slug", help="Its name in URLs; the plugin's name if left out.")
@_SET
def add(plugin: str, slug: str | None, values: tuple[str, ...], as_json: bool) -> None:
    """Add a connection and enable its plugin; nothing is sent."""
    from hub.core import connections as core

    settings = entered.read(values)
    with opened.hub() as hub:
        with hub.write() as session:
            row = core.add(session, plugin, slug, settings, actor=opened.actor())
        _told(hub, row.slug, as_json, "added")


@command(
    connections,
    name="set",
    example="hub connections set slack channel=#billing bot_token=-\n"
    "hub connections set slack --set rate_limit=2 --unset bot_token",
)
@click.argument("slug")
@click.argument("more", metavar="[KEY=VALUE]...", nargs=-1)
@_SET
@click.option("--unset", metavar="KEY", multiple=True, help="Take a setting away.")
def set_settings(
    slug: str,
    more: tuple[str, ...],
    values: tuple[str, ...],
    unset: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change settings. An empty value takes a plain one away, --unset any."""
    from hub.core import connections as core

    changes = entered.read((*more, *values))
    if not changes and not unset:
        raise click.UsageError("Say what to change: KEY=VALUE or --unset KEY.")
    with opened.hub() as hub:
        with hub.write() as session:
            core.set_settings(
                session, slug, changes, remove=unset, actor=opened.actor()
            )
        _told(hub, slug, as_json, "changed")


@command(connections, name="show", example="hub connections show slack")
@click.argument("slug")
def show_connection(slug: str, as_json: bool) -> None:
    """Show a connection; of secrets only whether they are set."""
    from hub.core import contexts
    from hub.core.configuration.form import form
    from hub.core.configuration.live import live

    with opened.hub() as hub:
        found = live(hub).by_slug(slug)
        settings = form(found)
        data = _row(found) | {
            "webhook_url": contexts.webhook_url(hub, slug),
            "hooks_off": sorted(found.hooks_off),
            "settings": {
                each.key: each.shown if each.kind == "secret" else each.value
                for each in settings
            },
            "environment": [
                each.key for each in settings if each.source == "environment"
            ],
        }
    if as_json:
        say(True, data, "")
        return
    plain = ("slug", "plugin", "state", "problem", "webhook_url")
    show(("Connection", ""), [(key, data[key]) for key in plain])
    show(
        ("Setting", "Value", "From the environment"),
        [(each.key, each.shown, each.variable) for each in settings],
    )


@command(connections, example="hub connections enable slack")
@click.argument("slug")
def enable(slug: str, as_json: bool) -> None:
    """Put a connection to use."""
    from hub.core import connections as core

    _change(core.enable, slug, as_json, "enabled")


@command(connections, example="hub connections disable slack")
@click.argument("slug")
def disable(slug: str, as_json: bool) -> None:
    """Hold a connection: webhooks are refused, deliveries wait."""
    from hub.core import connections as core

    _change(core.disable, slug, as_json, "disabled")


@command(connections, example="hub connections test slack")
@click.argument("slug")
def test(slug: str, as_json: bool) -> None:
    """Make the provider's cheapest call; exit status 1 if it fails."""
    from hub.core import connection_calls

    with opened.hub() as hub, working(f"Testing {slug}"):
        tested = connection_calls.test(hub, slug, actor=opened.actor())
    say(as_json, {"ok": tested.ok, "message": tested.message}, tested.message)
    sys.exit(0 if tested.ok else 1)


@command(connections, example="hub connections remove slack-2 --yes")
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Don't ask.")
def remove(slug: str, yes: bool, as_json: bool) -> None:
    """Remove a connection and its secrets. What it did stays in the books."""
    from hub.core import connection_calls
    from hub.core.configuration import revision

    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove {slug} and its secrets?", abort=True, err=True)
    with opened.hub() as hub:
        with working(f"Removing {slug}"):
            left = connection_calls.remove(hub, slug, actor=opened.actor())
        revision.wait_until_taken(hub)
    data = {"slug": slug, "removed": True, "note": left}
    say(as_json, data, f"{slug} is removed. {left}".strip())


def _change(change: Any, slug: str, as_json: bool, done: str) -> None:
    with opened.hub() as hub:
        with hub.write() as session:
            change(session, slug, actor=opened.actor())
        _told(hub, slug, as_json, done)


def _told(hub: "Hub", slug: str, as_json: bool, done: str) -> None:
    """Say what became of it, once all running processes know."""
    from hub.core.configuration import revision
    from hub.core.configuration.live import live

    revision.wait_until_taken(hub)
    row = _row(live(hub).by_slug(slug))
    state = "" if row["state"] == done else f" and its state {row['state']}"
    text = f"{slug} is {done}{state}."
    say(as_json, row, f"{text} {row['problem']}".strip())


def _row(connection: "LiveConnection") -> dict[str, Any]:
    missing = f"Missing: {', '.join(connection.missing)}." if connection.missing else ""
    off = "" if connection.enabled else "Its plugin is not enabled."
    return {
        "id": connection.id,
        "slug": connection.slug,
        "plugin": connection.plugin,
        "title": connection.title,
        "state": connection.state,
        "problem": connection.error or connection.problem or off or missing,
    }

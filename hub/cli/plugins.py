"""`hub plugins`: what is installed, switched on or off."""

import click

from hub.cli import opened
from hub.cli.lazy import command, epilog
from hub.cli.output import say, table
from hub.sdk.errors import PluginError


@click.group(epilog=epilog("hub plugins list"))
def plugins() -> None:
    """Installed plugins, on and off."""


@command(plugins, name="list", example="hub plugins list")
def list_plugins(as_json: bool) -> None:
    """List the installed plugins with their state and, if broken, the error."""
    from hub.core.configuration.live import live

    with opened.hub() as hub:
        view = live(hub)
        rows = []
        for plugin in hub.plugins.all():
            state, error = view.plugin_state(plugin.name)
            provider = plugin.provider
            rows.append(
                {
                    "name": plugin.name,
                    "title": provider.title if provider else "",
                    "category": provider.category if provider else "",
                    "version": plugin.version,
                    "state": state,
                    "error": error,
                }
            )
    table(
        as_json,
        rows,
        {
            "name": "Name",
            "title": "Provider",
            "category": "Category",
            "version": "Version",
            "state": "State",
            "error": "Error",
        },
        empty="No plugin is installed: `pip install hub-plugin-slack`, for example.",
    )


@command(plugins, example="hub plugins enable slack")
@click.argument("name")
def enable(name: str, as_json: bool) -> None:
    """Switch a plugin on, out of quarantine too."""
    _switch(name, True, as_json)


@command(plugins, example="hub plugins disable slack")
@click.argument("name")
def disable(name: str, as_json: bool) -> None:
    """Switch a plugin off: its connections are held."""
    _switch(name, False, as_json)


@command(plugins, example="hub plugins check slack")
@click.argument("name")
def check(name: str, as_json: bool) -> None:
    """Check a plugin against the hook specifications; exit status 1 if broken."""
    from hub.plugins import Plugins

    opened.settings()
    plugin = Plugins.load().get(name)
    if plugin.error or plugin.provider is None:
        raise PluginError(f"The plugin {name} is broken: {plugin.error}")
    hooks = sorted(set(plugin.hooks) - {"describe_provider"})
    settings = list(plugin.provider.settings().fields)
    say(
        as_json,
        {"name": name, "ok": True, "hooks": hooks, "settings": settings},
        f"{name} is fine. Hooks: {', '.join(hooks) or 'none'}."
        f" Settings: {', '.join(settings) or 'none'}.",
    )


def _switch(name: str, on: bool, as_json: bool) -> None:
    from hub.core.configuration import revision
    from hub.core.configuration import switches as plugin_switches

    turn = plugin_switches.enable if on else plugin_switches.disable
    with opened.hub() as hub:
        with hub.write() as session:
            turn(session, name, actor=opened.actor())
        revision.wait_until_taken(hub)
    state = "enabled" if on else "disabled"
    say(as_json, {"name": name, "state": state}, f"{name} is {state}.")

"""Plugins over HTTP: what is installed, switched on and off."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import ADMIN, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Paging
from hub.api.lists import cut, page_of
from hub.core.configuration import switches as plugin_switches
from hub.core.configuration.live import live

blueprint = Resources("plugins", __name__, description="What is installed.")


class Plugin(ma.Schema):
    """An installed plugin: available, enabled, disabled or broken."""

    name = fields.String()
    title = fields.String()
    category = fields.String()
    summary = fields.String()
    version = fields.String()
    state = fields.String()
    error = fields.String()
    event_types = fields.List(fields.String())


@blueprint.route("/plugins")
@allowed(*ADMIN)
@blueprint.filters(Paging)
@blueprint.response(200, page_of("Plugin", Plugin))
def index(query: dict[str, Any]) -> Any:
    """List what is installed, broken plugins with their error."""
    items = [_shown(plugin.name) for plugin in the_hub().plugins.all()]
    return cut(items, query, "name")


@blueprint.route("/plugins/<string:name>")
@allowed(*ADMIN)
@blueprint.response(200, Plugin)
def single(name: str) -> Any:
    """Return one plugin."""
    return _shown(name)


@blueprint.route("/plugins/<string:name>/enable", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(200, Plugin)
def enable(name: str) -> Any:
    """Enable a plugin."""
    with the_hub().write() as session:
        plugin_switches.enable(session, name, actor=actor())
    return _shown(name)


@blueprint.route("/plugins/<string:name>/disable", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(200, Plugin)
def disable(name: str) -> Any:
    """Disable a plugin: its connections are held."""
    with the_hub().write() as session:
        plugin_switches.disable(session, name, actor=actor())
    return _shown(name)


def _shown(name: str) -> dict[str, Any]:
    plugin = the_hub().plugins.get(name)
    known = live(the_hub())
    known.refresh()
    state, error = known.plugin_state(name)
    provider = plugin.provider
    return {
        "name": name,
        "title": provider.title if provider else name,
        "category": provider.category if provider else "",
        "summary": provider.summary if provider else "",
        "version": plugin.version,
        "state": state,
        "error": error,
        "event_types": list(plugin.event_types),
    }

"""Plugins and connections over HTTP; a secret goes in and never comes out."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import ADMIN, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Paging, Text
from hub.api.lists import page_of
from hub.core import connections, plugin_switches
from hub.core.connection_settings import secret_names
from hub.core.contexts import webhook_url
from hub.core.live import LiveConnection, live

blueprint = Resources(
    "connections", __name__, description="Which services are joined, and how."
)


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


class Connection(ma.Schema):
    """A connection; of a secret only where it comes from is told."""

    id = fields.String()
    plugin = fields.String()
    slug = fields.String()
    title = fields.String()
    state = fields.String()
    problem = fields.String()
    settings = fields.Dict()
    secrets = fields.Dict(metadata={"description": "stored, environment or missing"})
    missing = fields.List(fields.String())
    hooks_off = fields.List(fields.String())
    webhook_url = fields.String()


class NewConnection(ma.Schema):
    """A connection to add; the first one of a plugin takes its name as slug."""

    plugin = Text(required=True)
    slug = Text(load_default=None, allow_none=True)
    settings = fields.Dict(load_default={})


class ConnectionChange(ma.Schema):
    """Settings to change (null takes one away), and events not to hear."""

    settings = fields.Dict()
    hooks_off = fields.List(fields.String())


class Tested(ma.Schema):
    """What came of a test."""

    ok = fields.Boolean()
    message = fields.String()


@blueprint.route("/plugins")
@allowed(*ADMIN)
@blueprint.filters(Paging)
@blueprint.response(200, page_of("Plugin", Plugin))
def plugins(query: dict[str, Any]) -> Any:
    """List what is installed, broken plugins with their error."""
    items = [_plugin(plugin.name) for plugin in the_hub().plugins.all()]
    return {"items": items, "next_cursor": None}


@blueprint.route("/plugins/<string:name>/enable", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(200, Plugin)
def enable_plugin(name: str) -> Any:
    """Enable a plugin."""
    with the_hub().write() as session:
        plugin_switches.enable(session, name, actor=actor())
    return _plugin(name)


@blueprint.route("/plugins/<string:name>/disable", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(200, Plugin)
def disable_plugin(name: str) -> Any:
    """Disable a plugin: its connections are held."""
    with the_hub().write() as session:
        plugin_switches.disable(session, name, actor=actor())
    return _plugin(name)


@blueprint.route("/connections")
@allowed(*ADMIN)
@blueprint.filters(Paging)
@blueprint.response(200, page_of("Connection", Connection))
def index(query: dict[str, Any]) -> Any:
    """List connections, by slug."""
    items = [_shown(each) for each in _fresh().all()]
    return {"items": items, "next_cursor": None}


@blueprint.route("/connections", methods=["POST"])
@allowed(*ADMIN)
@blueprint.arguments(NewConnection)
@blueprint.response(201, Connection)
def add(values: dict[str, Any]) -> Any:
    """Add a connection, without a call to the provider."""
    with the_hub().write() as session:
        made = connections.add(session, **values, actor=actor())
    return _one(made.slug)


@blueprint.route("/connections/<string:slug>")
@allowed(*ADMIN)
@blueprint.response(200, Connection)
def single(slug: str) -> Any:
    """Return one connection."""
    return _one(slug)


@blueprint.route("/connections/<string:slug>", methods=["PATCH"])
@allowed(*ADMIN)
@blueprint.arguments(ConnectionChange)
@blueprint.response(200, Connection)
def change(values: dict[str, Any], slug: str) -> Any:
    """Change settings and what it hears."""
    with the_hub().write() as session:
        if "settings" in values:
            connections.set_settings(session, slug, values["settings"], actor=actor())
        if "hooks_off" in values:
            connections.set_hooks_off(session, slug, values["hooks_off"], actor=actor())
    return _one(slug)


@blueprint.route("/connections/<string:slug>", methods=["DELETE"])
@allowed(*ADMIN)
@blueprint.response(204)
def remove(slug: str) -> None:
    """Remove a connection; what it brought into the ledger stays."""
    with the_hub().write() as session:
        connections.remove(session, slug, actor=actor())


@blueprint.route("/connections/<string:slug>/enable", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(200, Connection)
def enable(slug: str) -> Any:
    """Put a connection to use."""
    with the_hub().write() as session:
        connections.enable(session, slug, actor=actor())
    return _one(slug)


@blueprint.route("/connections/<string:slug>/disable", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(200, Connection)
def disable(slug: str) -> Any:
    """Hold a connection: webhooks are refused, deliveries wait."""
    with the_hub().write() as session:
        connections.disable(session, slug, actor=actor())
    return _one(slug)


def _fresh() -> Any:
    known = live(the_hub())
    known.refresh()
    return known


def _one(slug: str) -> dict[str, Any]:
    return _shown(_fresh().by_slug(slug))


def _shown(connection: LiveConnection) -> dict[str, Any]:
    provider = connection.provider
    secret = secret_names(provider) if provider else frozenset(connection.sources)
    return {
        "id": connection.id,
        "plugin": connection.plugin,
        "slug": connection.slug,
        "title": connection.title,
        "state": connection.state,
        "problem": connection.problem or connection.error,
        "settings": {
            key: value
            for key, value in connection.settings.items()
            if key not in secret
        },
        "secrets": {
            key: source for key, source in connection.sources.items() if key in secret
        },
        "missing": list(connection.missing),
        "hooks_off": sorted(connection.hooks_off),
        "webhook_url": webhook_url(the_hub(), connection.slug),
    }


def _plugin(name: str) -> dict[str, Any]:
    plugin = the_hub().plugins.get(name)
    state, error = _fresh().plugin_state(name)
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

"""Connections over HTTP; a secret goes in and never comes out."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import ADMIN, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.deliveries import Delivery
from hub.api.fields import Free, Paging, Text
from hub.api.lists import cut, page_of, show, with_slugs
from hub.api.road import SyncRun
from hub.core import connection_calls, connections, messages, sync
from hub.core.configuration.live import LiveConnection, live
from hub.core.configuration.settings import secret_names
from hub.core.contexts import webhook_url
from hub.core.queries.listing import DELIVERIES, SYNC_RUNS
from hub.sdk.events import Message

blueprint = Resources(
    "connections", __name__, description="Which services are joined, and how."
)


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
    settings = Free(load_default={})


class ConnectionChange(ma.Schema):
    """Settings to change (null takes one away), and events not to hear."""

    settings = Free()
    hooks_off = fields.List(Text(most=100))


class Tested(ma.Schema):
    """What came of a test."""

    ok = fields.Boolean()
    message = fields.String()


class Removed(ma.Schema):
    """What a person has to do at the provider; mostly nothing."""

    message = fields.String()


class NewMessage(ma.Schema):
    """A free message; `to` is a channel, phone or address (left out: the
    connection's own), `blocks` are the provider's own rich format. With a client's
    `company_id` a phone number may be written as in its country."""

    text = Text(load_default="", most=messages.LONGEST)
    blocks = fields.List(Free(), load_default=[])
    to = Text(load_default=None, allow_none=True)
    company_id = Text(load_default=None, allow_none=True)


@blueprint.route("/connections")
@allowed(*ADMIN)
@blueprint.filters(Paging)
@blueprint.response(200, page_of("Connection", Connection))
def index(query: dict[str, Any]) -> Any:
    """List connections, by slug."""
    items = [_shown(each) for each in _fresh().all()]
    return cut(items, query, "slug")


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
@blueprint.response(200, Removed)
def remove(slug: str) -> Any:
    """Take leave of the provider and remove a connection; what it brought into the
    ledger stays."""
    return {"message": connection_calls.remove(the_hub(), slug, actor=actor())}


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


@blueprint.route("/connections/<string:slug>/test", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(200, Tested)
def test(slug: str) -> Any:
    """Make the provider's cheapest call; `ok` says whether it answered."""
    return connection_calls.test(the_hub(), slug, actor=actor())


@blueprint.route("/connections/<string:slug>/sync", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(202, SyncRun)
def start_sync(slug: str) -> Any:
    """Begin to read what is new at the provider; the answer is the run, whose state
    `GET /sync-runs/{id}` tells."""
    row, _ = sync.start(the_hub(), slug, actor=actor())
    with the_hub().read() as session:
        return show(session, SYNC_RUNS, row.id, with_slugs)


@blueprint.route("/connections/<string:slug>/messages", methods=["POST"])
@allowed(*ADMIN)
@blueprint.arguments(NewMessage)
@blueprint.response(202, Delivery)
def send(values: dict[str, Any], slug: str) -> Any:
    """Queue a message; the answer is its delivery."""
    values["blocks"], company_id = tuple(values["blocks"]), values.pop("company_id")
    with the_hub().write() as session:
        queued = messages.send(
            session, slug, Message(**values), actor(), company_id=company_id
        )
        return show(session, DELIVERIES, queued.id, with_slugs)


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

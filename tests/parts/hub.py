"""A hub on real parts, with two plugins of its own: `till` takes payments, `ears`
hears every event."""

import pytest

from hub.boot import Hub
from hub.core.models import Connection, PluginSwitch, new_id
from hub.db import Database
from hub.hookspecs import EVENT_HOOKS
from hub.jobs import Bell
from hub.plugins import Plugin, Plugins
from hub.sdk.provider import Category, Provider, SettingsSchema
from hub.settings import Settings

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def plugin(name: str, category: Category, *hooks: str) -> Plugin:
    """A plugin whose hooks exist and do nothing."""
    provider = Provider(
        name=name,
        title=name.title(),
        category=category,
        summary="For tests.",
        settings=SettingsSchema,
    )
    return Plugin(
        name=name,
        provider=provider,
        hooks={hook: lambda **arguments: None for hook in hooks},
    )


@pytest.fixture
def hub(database: Database, settings: Settings) -> Hub:
    """A hub whose plugins `till` and `ears` are enabled."""
    hub = Hub(
        settings=settings,
        database=database,
        plugins=Plugins(
            [plugin("till", "payment"), plugin("ears", "notify", *EVENT_HOOKS)]
        ),
        bell=Bell(settings.redis_url or ""),
        keys=(KEY,),
    )
    with hub.write() as session:
        session.add_all(
            [
                PluginSwitch(name="till", enabled=True),
                PluginSwitch(name="ears", enabled=True),
            ]
        )
    return hub


def connect(
    hub: Hub, plugin: str, slug: str | None = None, state: str = "active"
) -> Connection:
    """Add a connection, straight into its table."""
    connection = Connection(
        id=new_id("cnn"), plugin=plugin, slug=slug or plugin, state=state
    )
    with hub.write() as session:
        session.add(connection)
    return connection


@pytest.fixture
def till(hub: Hub) -> Connection:
    """A connection that takes payments."""
    return connect(hub, "till")


@pytest.fixture
def ears(hub: Hub) -> Connection:
    """A connection that hears every event."""
    return connect(hub, "ears")

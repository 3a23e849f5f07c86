"""What a process knows of connections, and how soon."""

import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from statistics import median

import pytest

from hub.boot import Hub
from hub.core import connections
from hub.core.configuration import switches as plugin_switches
from hub.core.configuration.live import Live, LiveConnection, live
from hub.core.configuration.missing import Missing
from hub.core.models import Connection
from hub.db import Database
from hub.sdk.errors import NotFoundError
from hub.settings import Settings
from tests.core.plugin import CANARY, with_shop


@pytest.fixture
def shop(hub: Hub) -> Hub:
    shop = with_shop(hub)
    with shop.write() as session:
        connections.add(session, "shop", settings={"api_key": CANARY})
    return shop


def test_change_is_seen_a_second_later_and_not_asked_for_before(
    shop: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 30."""
    now = 1000.0
    monkeypatch.setattr("hub.core.configuration.live.time.monotonic", lambda: now)
    other = Live(with_shop(shop))
    shop.database.info["hub"] = shop
    assert "active" == other.by_slug("shop").state
    with shop.write() as session:
        connections.disable(session, "shop")

    assert "active" == other.by_slug("shop").state
    now += 1.0
    assert "disabled" == other.by_slug("shop").state


def test_nothing_is_read_again_while_the_revision_stands(
    shop: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("hub.core.configuration.live.time.monotonic", lambda: now)
    view = Live(shop)
    before = view.by_slug("shop")
    now += 60

    assert view.by_slug("shop") is before


def test_a_process_sees_its_own_change_at_once(shop: Hub) -> None:
    view = live(shop)
    view.all()
    with shop.write() as session:
        connections.disable(session, "shop")

    assert "disabled" == view.by_slug("shop").state


def test_unknown_slug_is_looked_for_in_the_table(shop: Hub) -> None:
    view = Live(shop)
    view.all()
    with shop.write() as session:
        added = connections.add(session, "shop", "new")

    assert added.id == view.by_slug("new").id
    with shop.write() as session:
        newer = connections.add(session, "shop", "newer")
    assert "newer" == view.by_id(newer.id).slug
    with pytest.raises(NotFoundError, match="nowhere"):
        view.by_slug("nowhere")
    with pytest.raises(NotFoundError):
        view.by_id("cnn_nowhere")


def test_unknown_slug_is_looked_for_once_a_second(
    shop: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, looked = 1000.0, 0
    look = Live._in_table

    def counted(self: Live, condition: object) -> bool:
        nonlocal looked
        looked += 1
        return look(self, condition)

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(Live, "_in_table", counted)
    other = Live(shop)
    for _ in range(3):
        with pytest.raises(NotFoundError):
            other.by_slug("new")
    assert 1 == looked
    now += 1.0
    with pytest.raises(NotFoundError):
        other.by_slug("new")
    assert 2 == looked
    with shop.write() as session:
        connections.add(session, "shop", "new")
    assert "new" == other.by_slug("new").slug


def test_strangers_do_not_fill_the_memory_with_slugs() -> None:
    snapshot, missing = object(), Missing()
    for number in range(1001):
        missing.add(str(number), snapshot)

    assert (False, True) == tuple(missing.has(slug, snapshot) for slug in ("1", "1000"))


def test_table_is_asked_before_a_connection_is_called_disabled(shop: Hub) -> None:
    with shop.write() as session:
        connections.disable(session, "shop")
    view = Live(with_shop(shop))
    assert not view.by_slug("shop").accepts_webhooks
    with shop.write() as session:
        connections.enable(session, "shop")

    assert view.by_slug("shop", fresh=True).accepts_webhooks


@pytest.mark.parametrize(
    ("state", "accepts", "works"),
    [
        ("setup", True, False),
        ("active", True, True),
        ("degraded", True, True),
        ("needs_reauth", True, False),
        ("disabled", False, False),
    ],
)
def test_states_say_what_goes_in_and_out(
    shop: Hub, state: str, accepts: bool, works: bool
) -> None:
    """ROAD 12."""
    with shop.write() as session:
        connections.find(session, "shop").state = state
    found = Live(shop).by_slug("shop")

    assert (accepts, works) == (found.accepts_webhooks, found.working)


def test_disabled_plugin_holds_its_connections(shop: Hub) -> None:
    with shop.write() as session:
        plugin_switches.disable(session, "shop")
    view = Live(shop)

    assert ("disabled", "") == view.plugin_state("shop")
    assert not view.by_slug("shop").accepts_webhooks
    assert not view.by_slug("shop").working


def test_plugin_states(shop: Hub) -> None:
    """A plugin that needs no connection is on from the first."""
    view = Live(shop)

    states = {name: view.plugin_state(name)[0] for name in ("broken", "shop", "tables")}

    assert {"broken": "broken", "shop": "enabled", "tables": "enabled"} == states


def test_connection_of_a_broken_plugin_harms_no_other(shop: Hub) -> None:
    with shop.write() as session:
        session.add(Connection(plugin="broken", slug="old", state="active"))
        session.add(Connection(plugin="gone", slug="older", state="active"))
    view = Live(shop)

    assert "no such luck" in view.by_slug("old").error
    assert "no plugin 'gone'" in view.by_slug("older").error
    assert not view.by_slug("old").working
    assert "" == view.by_slug("shop").error


def test_environment_wins_over_what_is_stored(shop: Hub) -> None:
    with shop.write() as session:
        connections.add(session, "shop", "north-2", {"region": "us"})
    environ = {
        "SHOP_API_KEY": "from the environment",
        "NORTH_2_REGION": "eu",
        "NORTH_2_TLS": "no",
        "NORTH_2_RATE_LIMIT": "9",
        "SHOP_REGION": "",
    }
    view = Live(with_shop(shop, environ=environ))
    first, second = view.by_slug("shop"), view.by_slug("north-2")

    assert "from the environment" == first.settings["api_key"]
    assert "environment" == first.sources["api_key"]
    assert ("eu", "default") == (first.settings["region"], first.sources["region"])
    assert ("eu", False, 9.0) == (
        second.settings["region"],
        second.settings["tls"],
        second.rate_limit,
    )
    assert "missing" == second.sources["api_key"]


def test_bad_environment_is_said_and_stops_that_connection_only(shop: Hub) -> None:
    view = Live(with_shop(shop, environ={"SHOP_REGION": "mars"}))
    found = view.by_slug("shop")

    assert "region" in found.error
    assert "region" not in found.settings


def test_defaults_come_from_the_plugin(shop: Hub) -> None:
    found = live(shop).by_slug("shop")

    assert ("eu", True, 7.0, "") == (
        found.settings["region"],
        found.settings["tls"],
        found.rate_limit,
        found.api_base_url,
    )


def test_no_repr_shows_a_secret(shop: Hub) -> None:
    found = live(shop).by_slug("shop")

    assert isinstance(found, LiveConnection)
    assert CANARY not in repr(found) + repr(shop) + repr(live(shop))
    assert "[hidden]" == found.redactor.text(CANARY)


READER = """
    import sys, time
    from hub import boot, settings
    from hub.core.configuration.live import live
    hub = boot.start(settings.load())
    last = None
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            found = live(hub).by_slug("slack")
            now = f"{found.working} {found.settings.get('channel')}"
        except Exception as error:
            now = type(error).__name__
        if now != last:
            print(now, flush=True)
            last = now
        time.sleep(0.02)
"""


def test_another_process_sees_each_change_within_two_seconds(
    database: Database, settings: Settings
) -> None:
    """ROAD 30: enabled, disabled and set anew without a restart and without Redis."""
    from hub import boot

    environ = {
        "HUB_DATA_DIR": str(settings.data_dir),
        "HUB_REDIS_URL": "redis://localhost:1",
        "HUB_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    }
    if not database.sqlite:
        url = database.url.render_as_string(hide_password=False)
        environ |= {"HUB_DATABASE_URL": url, "HUB_SECRET_KEY": "x"}
    hub = boot.start(replace(settings, database_url=str(database.url)))
    hub.database.dispose()
    hub.database, hub.keys = database, (environ["HUB_ENCRYPTION_KEYS"],)
    database.info["hub"] = hub
    command = [sys.executable, "-c", textwrap.dedent(READER)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        assert b"NotFoundError\n" == reader.stdout.readline()
        took = []
        for change, expected in CHANGES:
            started = time.monotonic()
            with hub.write() as session:
                change(session)
            assert expected == reader.stdout.readline().decode().strip()
            took.append(time.monotonic() - started)
        reader.kill()

    # A busy machine may hold one of them up.
    assert median(took) < 2.0


URL = {"webhook_url": "https://hooks.slack.com/services/T0/B0/abc"}
CHANGES = [
    (lambda s: connections.add(s, "slack", settings=URL), "True #billing"),
    (lambda s: connections.disable(s, "slack"), "False #billing"),
    (lambda s: connections.enable(s, "slack"), "True #billing"),
    (lambda s: connections.set_settings(s, "slack", {"channel": "#x"}), "True #x"),
    (lambda s: plugin_switches.disable(s, "slack"), "False #x"),
    (lambda s: plugin_switches.enable(s, "slack"), "True #x"),
    (lambda s: connections.remove(s, "slack"), "NotFoundError"),
]

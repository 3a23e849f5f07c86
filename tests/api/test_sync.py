"""A sync started over HTTP."""

import threading
from collections.abc import Iterator

import pytest

from hub.app import create_app
from hub.boot import Hub
from hub.core.models import PluginSwitch
from hub.hookspecs import hookimpl
from hub.plugins import Plugins, check
from hub.sdk.context import Context
from hub.sdk.provider import Provider, SettingsSchema
from hub.sdk.sync import Page
from tests.api.client import Caller, caller
from tests.parts.hub import connect, plugin


class Slow:
    """A plugin whose first page comes when it may."""

    def __init__(self) -> None:
        self.may = threading.Event()

    @hookimpl
    def describe_provider(self) -> Provider:
        return Provider(
            name="slow",
            title="Slow",
            category="rmm",
            summary="For tests.",
            settings=SettingsSchema,
        )

    @hookimpl
    def sync(self, ctx: Context, cursor: str | None) -> Iterator[Page]:
        self.may.wait(60)
        yield Page(facts=(), cursor="a")


@pytest.fixture
def slow(hub: Hub) -> Slow:
    found = Slow()
    hub.plugins = Plugins([check("slow", found), plugin("quiet", "notify")])
    with hub.write() as session:
        session.add_all(PluginSwitch(name=n, enabled=True) for n in ("slow", "quiet"))
    connect(hub, "slow")
    connect(hub, "quiet")
    return found


def test_a_sync_is_started_once_and_followed(hub: Hub, slow: Slow) -> None:
    """ROAD 29: one run per connection at a time."""
    app = create_app(hub)
    admin, billing = caller(app, hub, "admin"), caller(app, hub, "billing")

    begun = admin.post("/connections/slow/sync")
    again = admin.post("/connections/slow/sync")
    slow.may.set()
    run = begun.get_json()["id"]
    _join(run)

    assert (202, "slow", 409) == (
        begun.status_code,
        begun.get_json()["connection"],
        again.status_code,
    )
    found = admin.get(f"/sync-runs/{run}").get_json()
    assert ("done", 1) == (found["state"], found["pages"])
    assert 403 == billing.post("/connections/slow/sync").status_code


def test_what_has_no_sync_says_so(hub: Hub, slow: Slow) -> None:
    admin: Caller = caller(create_app(hub), hub, "admin")

    nothing = admin.post("/connections/quiet/sync")

    assert 409 == nothing.status_code
    assert "nothing to sync" in nothing.get_json()["detail"]
    assert 404 == admin.post("/connections/nope/sync").status_code


def _join(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(60)

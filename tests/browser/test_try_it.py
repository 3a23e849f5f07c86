"""The demo's panel: a client pays at the simulator and the whole road runs."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hub import demo, simulators
from hub.boot import Hub
from hub.core import deliver, process
from hub.db import Database
from hub.jobs import Bell
from hub.plugins import Plugins
from hub.sdk.serving import serve
from hub.settings import Settings
from tests.parts.hub import KEY
from tests.parts.server import Served, served

pytestmark = [
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def site(database: Database, settings: Settings) -> Iterator[Served]:
    """The demo, with its workers in a thread."""
    hub = Hub(
        settings=settings,
        database=database,
        plugins=Plugins.load(),
        bell=Bell(settings.redis_url or ""),
        keys=(KEY,),
    )
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            process.drain_all(hub)
            deliver.drain_all(hub)

    worker = threading.Thread(target=work)
    with served(hub) as found, serve(simulators.application(hub.settings)) as played:
        demo.seed(hub, played.url)
        worker.start()
        yield found
        over.set()
        worker.join(30)


def test_a_client_pays_and_everybody_hears_of_it(
    page: Page, site: Served, screenshot: Callable[[str], Path]
) -> None:
    page.goto(site.url)
    page.get_by_label("E-mail").fill(demo.EMAIL)
    page.get_by_label("Password").fill(demo.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    unread = page.locator("[data-unread-badge]")
    before = int(unread.text_content() or 0)

    page.get_by_role("button", name="Client pays").first.click()

    expect(unread).to_have_text(str(before + 1), timeout=60_000)
    steps = page.locator(".happening")
    expect(steps).to_contain_text("is paid", timeout=60_000)
    expect(steps).to_contain_text("Delivered", timeout=60_000)
    screenshot("try-it")
    steps.get_by_role("link", name="Told slack").click()
    expect(page.locator("h1 + .chip")).to_have_text("Delivered")

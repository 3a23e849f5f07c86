"""A real Chromium, driven by Playwright."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import ConsoleMessage, Page, Playwright, sync_playwright

from tests.parts.run import missing

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_PROGRAMS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# Without a sandbox since CI runs as root; the rest keeps it from phoning home.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "screenshots"


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, once its driver (a node of its own) is known to start here."""
    node, _ = compute_driver_executable()
    tried = subprocess.run([node, "--version"], capture_output=True, check=False)
    if tried.returncode:
        missing("A library of Playwright's driver", tried.stderr.decode().strip())
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], playwright: Playwright
) -> dict[str, Any]:
    """Launch the Chromium that is installed, so that nothing need be downloaded."""
    chromium = find_chromium(playwright)
    if chromium is None:
        missing(
            "Chromium",
            "install it (apt-get install chromium) or set HUB_TEST_CHROMIUM",
        )
    return {
        **browser_type_launch_args,
        "executable_path": chromium,
        "args": list(FLAGS),
    }


def find_chromium(playwright: Playwright) -> str | None:
    found = [shutil.which(name) for name in PROGRAMS]
    own = playwright.chromium.executable_path
    candidates = [os.environ.get("HUB_TEST_CHROMIUM"), *found, *MAC_PROGRAMS, own]
    return next((c for c in candidates if c and Path(c).exists()), None)


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """The same window on every machine."""
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 800},
        "locale": "en-US",
        "timezone_id": "UTC",
    }


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page on which a script error or a breach of the CSP fails the test."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.extend(breaches(message)))
    yield page
    assert [] == errors


def breaches(message: ConsoleMessage) -> list[str]:
    return [message.text] if "Content Security Policy" in message.text else []


@pytest.fixture
def screenshot(page: Page) -> Callable[[str], Path]:
    """Keep a picture of the page under a name, for people to look at after the run."""

    def take(name: str) -> Path:
        path = ARTEFACTS / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take

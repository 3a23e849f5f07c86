"""A real browser on a real server, signed in."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from hub.core.people import accounts
from tests.parts.bank import Bank
from tests.parts.server import Served, served

EMAIL = "admin@example.com"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def site(bank: Bank) -> Iterator[Served]:
    with bank.hub.write() as session:
        accounts.create_user(session, EMAIL, "admin", password=PASSWORD)
    with served(bank.hub) as found:
        yield found


@pytest.fixture
def signed_in(page: Page, site: Served) -> Page:
    """A page on which an admin has signed in by the form."""
    page.goto(site.url)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(site.url + "/")
    return page

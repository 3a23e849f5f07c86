"""Signing in with a browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import EMAIL
from tests.parts.server import Served

pytestmark = [
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_wrong_password_is_told_and_the_email_kept(
    page: Page, site: Served, screenshot: Callable[[str], Path]
) -> None:
    page.goto(site.url + "/invoices")
    expect(page.locator("main")).to_contain_text("Sign in to go on.")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
    expect(page.get_by_label("E-mail")).to_have_value(EMAIL)
    screenshot("sign-in")


def test_signing_out_leads_back_to_the_door(signed_in: Page, site: Served) -> None:
    signed_in.get_by_role("button", name=EMAIL).click()
    signed_in.get_by_role("button", name="Sign out").click()

    expect(signed_in.locator("main")).to_contain_text("You are signed out.")

"""Message texts and the page that stops e-mail, in Chromium: changed by keyboard, and
readable on a phone and in the dark."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hub.core.policy import unsubscribe
from tests.browser.test_pages import FAINT, NAMELESS
from tests.core.policy.plugins import add_contact
from tests.parts.bank import Bank
from tests.parts.ledger import add_company
from tests.parts.server import Served

pytestmark = [
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
Shoot = Callable[[str], Path]
PHONE = "/settings/texts/phone/invoice.overdue"
PAGES = {
    "texts": "/settings/texts",
    "text-phone": PHONE,
    "text-email": "/settings/texts/email/statement",
}


def wide(page: Page) -> int:
    found: int = page.evaluate("document.documentElement.scrollWidth")
    return found


def test_a_text_is_tried_and_saved_by_keyboard(
    signed_in: Page, site: Served, screenshot: Shoot
) -> None:
    signed_in.goto(site.url + PHONE)
    signed_in.get_by_label("Text (needed)").fill("Hi {{ compny }}")
    signed_in.keyboard.press("Tab")
    signed_in.keyboard.press("Tab")
    signed_in.keyboard.press("Enter")
    expect(signed_in.get_by_role("alert")).to_contain_text("no variable 'compny'")
    screenshot("text-wrong")

    signed_in.get_by_label("Text (needed)").fill("Please pay: {{ link }}")
    signed_in.get_by_role("button", name="Preview").click()
    expect(signed_in.get_by_text("Not saved")).to_be_visible()
    expect(signed_in.get_by_text("1 segment").first).to_be_visible()
    signed_in.get_by_role("button", name="Save").click()
    expect(signed_in.get_by_text("The text is saved")).to_be_visible()

    signed_in.on("dialog", lambda dialog: dialog.accept())
    signed_in.get_by_role("button", name="Back to the default").click()
    expect(signed_in.get_by_text("The default text is back")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_on_a_phone_and_in_the_dark(
    signed_in: Page, site: Served, screenshot: Shoot, scheme: str
) -> None:
    signed_in.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for name, path in PAGES.items():
        for width in (1280, 360):
            signed_in.set_viewport_size({"width": width, "height": 800})
            signed_in.goto(site.url + path)
            assert width >= wide(signed_in), name
            assert [] == signed_in.evaluate(FAINT), name
            assert [] == signed_in.evaluate(NAMELESS), name
            screenshot(f"{name}-{width}-{scheme}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_client_stops_e_mail_on_a_phone(
    page: Page, site: Served, bank: Bank, screenshot: Shoot, scheme: str
) -> None:
    contact = add_contact(
        bank.hub, add_company(bank.hub).id, "email", email="kim@example.com"
    )
    with bank.hub.read() as session:
        url = unsubscribe.url(session, contact).removeprefix(bank.hub.url(""))
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 360, "height": 700})

    page.goto(site.url + url)
    assert 360 >= wide(page)
    assert [] == page.evaluate(FAINT)
    screenshot(f"unsubscribe-{scheme}")
    page.get_by_role("button", name="Stop the e-mail").click()

    expect(page.get_by_role("status")).to_contain_text("sends nothing more to k…@")
    assert [] == page.evaluate(FAINT)
    screenshot(f"unsubscribed-{scheme}")

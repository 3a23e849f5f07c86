"""Mails in a real browser, as a person reads them; pictures are kept to look at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from hub.sdk.events import Message
from hub.sdk.serving import serve
from hub_email import actions

EVIL = "<script>document.title='x'</script> [x](https://evil.example) שלום \u202e👍 "
REMINDER = Message(
    to="ap@smith-sons.example",
    subject="Invoice INV-1042 is 14 days overdue",
    text=(
        "Dear Smith & Sons Joinery,\n\ninvoice INV-1042 of 1 October 2026 was due on"
        " 31 October 2026, and €1,204.30 of it is open.\n\nIf you have paid by now,"
        " please take no notice of this mail.\n\nKind regards,\nExample IT"
    ),
    link="https://hub.example.com/portal/lnk_1",
    label="View and pay the invoice",
    unsubscribe_url="https://hub.example.com/unsubscribe/1",
)
HOSTILE = Message(
    to="ap@client.example",
    subject=EVIL * 40,
    text=f"Dear {EVIL * 60},\n\n{EVIL}\n\nשמש בשמש.",
    link="https://hub.example.com/portal/lnk_2",
    label=EVIL * 10,
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_mail_is_read_in_the_mail_view(
    scheme: Any, page: Page, screenshot: Callable[[str], Path], post: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 1100, "height": 900})
    with serve(post.simulator) as served:
        actions.send_message(REMINDER, post.ctx())
        page.goto(served.url)
        page.get_by_role("link", name="Invoice INV-1042").click()

        inside = page.frame_locator("iframe")
        button = inside.get_by_role("link", name="View and pay the invoice")
        expect(button).to_be_visible()
        expect(button).to_have_attribute("href", REMINDER.link)
        expect(inside.get_by_role("link", name="Unsubscribe")).to_be_visible()
        expect(page.get_by_role("button", name="Unsubscribe")).to_be_visible()
        screenshot(f"email-reminder-{scheme}")


def test_hostile_mail_does_nothing(
    page: Page, screenshot: Callable[[str], Path], post: Any
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with serve(post.simulator) as served:
        actions.send_message(HOSTILE, post.ctx())
        page.goto(f"{served.url}/?mail=1")

        expect(
            page.frame_locator("iframe").get_by_text("Dear <script>")
        ).to_be_visible()
        expect(page).not_to_have_title("x")
        screenshot("email-hostile")

    assert [] == [url for url in asked if not url.startswith((served.url, "data:"))]


@pytest.mark.parametrize("width", [360, 1100])
def test_mail_fits_a_telephone(
    width: int, page: Page, screenshot: Callable[[str], Path], post: Any
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    with serve(post.simulator) as served:
        actions.send_message(HOSTILE, post.ctx())
        page.goto(f"{served.url}/mails/1/html")

        body = page.locator("body")
        expect(body).to_be_visible()
        box = page.locator("p").first.bounding_box()
        screenshot(f"email-width-{width}")

    assert box is not None
    assert box["x"] + box["width"] <= width

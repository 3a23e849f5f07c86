"""The channel view in a real browser: it looks right and its buttons work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from hub.sdk.events import Event
from hub.sdk.serving import serve
from hub_slack import messages
from hub_slack.cards import CARDS
from hub_slack.simulator import SlackSimulator

HOOK = "/services/T0HUB00001/B0HUB00001/xyzzyplugh"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_cards_look_as_in_slack(
    scheme: Any,
    page: Page,
    screenshot: Callable[[str], Path],
    event_of: Callable[..., Event],
) -> None:
    with serve(SlackSimulator()) as slack:
        for event_type in sorted(CARDS):
            body = messages.card(event_of(event_type))
            requests.post(slack.url + HOOK, json=body, timeout=10)

        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 1280, "height": 2600})
        page.goto(f"{slack.url}/?paused")

        expect(page.locator("article")).to_have_count(len(CARDS))
        bar = page.locator("article", has_text="Invoice overdue").locator(".bar")
        expect(bar.locator("rect")).to_have_attribute("fill", "#E01E5A")
        box = bar.bounding_box()
        assert box is not None
        assert (4, True) == (box["width"], box["height"] > 150)
        screenshot(f"slack-channel-{scheme}")


def test_button_of_a_card_opens_the_detail(
    page: Page, event_of: Callable[..., Event]
) -> None:
    with serve(SlackSimulator()) as slack:
        event = event_of("payment.received")
        body = messages.card(event)
        # The detail must be on this machine: no test leaves it.
        [button] = body["attachments"][0]["blocks"][3]["elements"]
        button["url"] = f"{slack.url}/channels/the-detail"
        requests.post(slack.url + HOOK, json=body, timeout=10)
        page.goto(f"{slack.url}/?paused")

        with page.expect_popup() as opened:
            page.get_by_role("button", name="View payment").click()

        expect(opened.value.get_by_role("heading", name="#the-detail")).to_be_visible()

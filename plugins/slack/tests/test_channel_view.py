"""The channel view in a real browser: it looks right and its buttons work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.events import Event
from hub.sdk.facts import ActionTaken, Fact
from hub.sdk.serving import serve
from hub.sdk.webhooks import Headers, Heard, InboundWebhook
from hub_slack import actions, conversation, messages
from hub_slack.cards import CARDS
from hub_slack.simulator import SlackSimulator

BOT = {"bot_token": "xoxb-made-up-for-tests", "signing_secret": "made-up-too"}
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
            body = messages.card(event_of(event_type), interactive=True)
            requests.post(slack.url + HOOK, json=body, timeout=10)

        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 1280, "height": 2900})
        page.goto(f"{slack.url}/?paused")

        expect(page.locator("article")).to_have_count(len(CARDS))
        bar = page.locator("article", has_text="Invoice overdue").locator(".bar")
        expect(bar.locator("rect")).to_have_attribute("fill", "#E01E5A")
        box = bar.bounding_box()
        assert box is not None
        assert (4, True) == (box["width"], box["height"] > 150)
        screenshot(f"slack-channel-{scheme}")


HOSTILE = (
    "<!channel> *bold* _it_ `code` <https://evil.example|Smith & Sons>",
    "\u202ereversed שלום <@U0ADMIN001> &lt;!here&gt; " + "👨‍👩‍👧‍👦" * 20,
    "<b>" + "long name " * 500,
)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_names_look_like_names(
    number: int,
    page: Page,
    screenshot: Callable[[str], Path],
    event_of: Callable[..., Event],
) -> None:
    name = HOSTILE[number]
    company = {"id": "com_1", "name": name}
    with serve(SlackSimulator()) as slack:
        for event_type in sorted(CARDS):
            changes = {"company": company, "title": name, "reason": name}
            event = event_of(event_type, **changes, number=name, invoice_number=name)
            body = messages.card(event, interactive=True)
            answer = requests.post(slack.url + HOOK, json=body, timeout=10)
            assert "ok" == answer.text

        page.set_viewport_size({"width": 1280, "height": 4200})
        page.goto(f"{slack.url}/?paused")

        expect(page.locator("article")).to_have_count(len(CARDS))
        expect(page.locator(".ping, .mention, a[href*='evil.example']")).to_have_count(
            0
        )
        assert page.evaluate("document.body.scrollWidth <= innerWidth")
        screenshot(f"slack-hostile-{number}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_thread_and_answers_look_as_in_slack(
    scheme: Any,
    page: Page,
    screenshot: Callable[[str], Path],
    event_of: Callable[..., Event],
    ctx_with: Callable[..., Context],
) -> None:
    simulator = SlackSimulator()
    with serve(simulator) as slack:
        bot = ctx_with(**BOT, api_base_url=slack.url)
        for name in ("invoice.sent", "invoice.overdue", "payment.received"):
            event = event_of(name, invoice_id="inv_977", number="INV-0977")
            actions.post_card(event, replace(bot, delivery=name))
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 1280, "height": 1500})
        page.goto(f"{slack.url}/?paused")

        expect(page.locator("article")).to_have_count(2)
        expect(page.locator(".reply")).to_have_count(2)
        page.get_by_label("Slash command").fill("/hub help")
        page.get_by_role("button", name="Send", exact=True).click()
        answer_last(simulator, bot)
        page.goto(f"{slack.url}/?paused")

        private = page.locator("article", has_text="Only visible to dana")
        expect(private).to_contain_text("This is what I can tell you")
        screenshot(f"slack-thread-{scheme}")


def test_reminder_asks_before_it_tells_the_hub(
    page: Page,
    screenshot: Callable[[str], Path],
    event_of: Callable[..., Event],
    ctx_with: Callable[..., Context],
) -> None:
    simulator = SlackSimulator()
    with serve(simulator) as slack:
        bot = ctx_with(**BOT, api_base_url=slack.url)
        actions.post_card(event_of("invoice.overdue", invoice_id="inv_977"), bot)
        page.goto(f"{slack.url}/?paused")

        page.get_by_role("button", name="Send reminder").click()
        expect(page.get_by_role("heading", name="Send a reminder?")).to_be_visible()
        screenshot("slack-asks-first")
        page.get_by_role("button", name="Not now").click()
        expect(page.get_by_role("heading", name="Send a reminder?")).to_be_hidden()
        assert [] == list(simulator.webhooks.sent)

        page.get_by_role("button", name="Send reminder").click()
        page.locator(".ask").get_by_role("button", name="Send reminder").click()
        expect(page.get_by_text("block_actions")).to_be_visible()
        [fact] = answer_last(simulator, bot)
        page.goto(f"{slack.url}/?paused")

        assert isinstance(fact, ActionTaken)
        assert ("remind", "invoice:inv_977") == (fact.action, fact.subject)
        expect(page.get_by_text("A reminder of this invoice is asked")).to_be_visible()


def test_view_looks_again_but_lets_people_type(page: Page) -> None:
    with serve(SlackSimulator()) as slack:
        page.clock.install()
        page.goto(slack.url)
        requests.post(slack.url + HOOK, json={"text": "the first"}, timeout=10)
        page.clock.fast_forward(5_000)
        expect(page.get_by_text("the first")).to_be_visible(timeout=30_000)

        box = page.get_by_label("Slash command")
        box.fill("/hub client")
        requests.post(slack.url + HOOK, json={"text": "the second"}, timeout=10)
        page.clock.fast_forward(60_000)
        expect(box).to_have_value("/hub client")
        expect(page.get_by_text("the second")).to_have_count(0)

        box.fill("")
        box.blur()
        page.clock.fast_forward(5_000)
        expect(page.get_by_text("the second")).to_be_visible(timeout=30_000)


def answer_last(simulator: SlackSimulator, bot: Context) -> tuple[Fact, ...]:
    """Let the plugin hear what was sent last; nobody else stands there."""
    webhook = InboundWebhook(
        id="whk_1",
        path="",
        headers=Headers([]),
        body=simulator.webhooks.sent[-1].body,
        received_at=clock.now(),
    )
    [heard] = conversation.handle(webhook, bot)
    assert isinstance(heard, Heard)
    return heard.facts


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

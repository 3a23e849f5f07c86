"""All cards in a real browser: in the channel view, and by Microsoft's own renderer."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from hub.sdk.cards import LOOKS
from hub.sdk.events import Event
from hub.sdk.serving import serve
from hub_teams import messages
from hub_teams.simulator import TeamsSimulator

HOOK = (
    "/workflows/xyzzy/triggers/manual/paths/invoke"
    "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=plugh"
)
VENDORED = Path(__file__).parent / "vendored"
NAME = "<b>[Evil](https://evil.example)</b> <at>all</at> **שלום** `x` 👨‍👩‍👧‍👦 _y_ 1. "
HOSTILE = {"id": "com_1", "name": (NAME * 200)[:5000]}

# Near those of Teams, so that the pictures look as there.
LIGHT = {"foreground": "#242424", "background": "#ffffff"}
DARK = {"foreground": "#f0f0f0", "background": "#292929"}
TINTS = {
    "light": {
        "good": "#e7f4e7",
        "attention": "#fde9ea",
        "warning": "#fdf3dc",
        "accent": "#e9eaf8",
    },
    "dark": {
        "good": "#16351a",
        "attention": "#45181d",
        "warning": "#3d2e0c",
        "accent": "#2a2c55",
    },
}
DRAW = """
([cards, scheme, colours, tints]) => {
  document.documentElement.style.colorScheme = scheme;
  const parser = window.markdownit();
  AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
    result.outputHtml = parser.render(text);
    result.didProcess = true;
  };
  const styles = {};
  for (const name of ["default", "emphasis", ...Object.keys(tints)]) {
    styles[name] = {backgroundColor: tints[name] || colours.background,
      foregroundColors: {default: {default: colours.foreground,
                                   subtle: colours.foreground}}};
  }
  const config = new AdaptiveCards.HostConfig({
    fontFamily: "Segoe UI, Noto Sans, sans-serif", containerStyles: styles,
    supportsInteractivity: true});
  document.body.style = `background: ${colours.background}; width: 760px`;
  const problems = [];
  for (const source of cards) {
    const card = new AdaptiveCards.AdaptiveCard();
    card.hostConfig = config;
    const context = new AdaptiveCards.SerializationContext(
      AdaptiveCards.Versions.v1_4);
    card.parse(source, context);
    for (let i = 0; i < context.eventCount; i++) {
      problems.push(context.getEventAt(i).message);
    }
    for (const failure of card.validateProperties().validationEvents) {
      problems.push(failure.message);
    }
    const article = document.createElement("article");
    article.style = "border: 1px solid #8888; margin: 12px; border-radius: 6px";
    article.append(card.render());
    document.body.append(article);
  }
  return problems;
}
"""


def cards(event_of: Callable[..., Event]) -> list[dict[str, Any]]:
    """Build a card of each kind, and one of hostile values."""
    events = [event_of(event_type) for event_type in sorted(LOOKS)]
    hostile = event_of("payment.failed", company=HOSTILE, reason=NAME, method=NAME)
    return [messages.card(event, "https://hub.example.com") for event in events] + [
        messages.card(hostile, "https://hub.example.com")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_cards_are_shown_in_the_channel(
    scheme: Any,
    page: Page,
    screenshot: Callable[[str], Path],
    event_of: Callable[..., Event],
) -> None:
    with serve(TeamsSimulator()) as teams:
        for body in cards(event_of):
            requests.post(teams.url + HOOK, json=body, timeout=10).raise_for_status()

        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 1000, "height": 4900})
        page.goto(f"{teams.url}/?paused")

        expect(page.locator("article")).to_have_count(len(LOOKS) + 1)
        overdue = page.locator("article", has_text="Invoice overdue")
        expect(overdue.locator(".style-attention")).to_be_visible()
        button = overdue.get_by_role("link", name="View invoice")
        expect(button).to_have_attribute("href", "https://hub.example.com/invoices/977")
        expect(page.locator('a[href*="evil.example"]')).to_have_count(0)
        screenshot(f"teams-channel-{scheme}")


@pytest.mark.parametrize(("scheme", "colours"), [("light", LIGHT), ("dark", DARK)])
def test_microsoft_s_renderer_draws_every_card_and_nothing_hostile(
    scheme: str,
    colours: dict[str, str],
    page: Page,
    screenshot: Callable[[str], Path],
    event_of: Callable[..., Event],
) -> None:
    drawn = [body["attachments"][0]["content"] for body in cards(event_of)]
    page.set_viewport_size({"width": 800, "height": 1000})
    page.set_content("<!doctype html><title>Cards</title>")
    page.add_script_tag(path=VENDORED / "adaptivecards.min.js")
    page.add_script_tag(path=VENDORED / "markdown-it.min.js")

    problems = page.evaluate(DRAW, [drawn, scheme, colours, TINTS[scheme]])

    assert [] == problems
    expect(page.locator("article")).to_have_count(len(LOOKS) + 1)
    hostile = page.locator("article").last
    expect(hostile).to_contain_text("[Evil](https://evil.example)")
    expect(hostile.locator("code, ul, ol, em, b, at")).to_have_count(0)
    expect(hostile.locator('a[href*="evil.example"]')).to_have_count(0)
    expect(page.get_by_role("link", name="View invoice").first).to_be_visible()
    screenshot(f"teams-renderer-{scheme}")


def test_renderer_is_the_published_one() -> None:
    for line in (VENDORED / "SHA256SUMS").read_text(encoding="ascii").splitlines():
        digest, name = line.split()
        assert digest == hashlib.sha256((VENDORED / name).read_bytes()).hexdigest()


def test_cards_are_json_that_comes_back_the_same(
    any_type: str, event_of: Callable[..., Event]
) -> None:
    body = messages.card(event_of(any_type))

    assert body == json.loads(json.dumps(body))

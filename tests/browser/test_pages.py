"""The pages in Chromium: the bell counts by itself, forms work, all can be read."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hub.core import process
from hub.core.ledger import companies, invoices
from hub.core.ledger.invoices import NewInvoice
from hub.core.notify import notify
from hub.core.people import accounts
from tests.parts.bank import Bank, body_of, event
from tests.parts.server import Served

pytestmark = [
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
Shoot = Callable[[str], Path]
# Names of controls without one, and text too faint to read, as an auditor would
# look for them.
NAMELESS = """() => [...document.querySelectorAll(
  'input:not([type=hidden]), select, textarea, button, a[href]')].filter((e) => {
    const labels = e.labels ? [...e.labels].map((l) => l.textContent).join('') : '';
    const named = e.getAttribute('aria-label') || e.getAttribute('aria-labelledby');
    return !(labels || named || e.textContent).trim();
  }).map((e) => e.outerHTML)"""
FAINT = """() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; })
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c; } return [255, 255, 255]; };
  const found = new Set();
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !e.offsetParent || e.closest('svg, .visually-hidden')) continue;
    const style = getComputedStyle(e);
    const a = light(parse(style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.add(`${e.tagName}.${e.className} ${ratio.toFixed(2)}`);
  }
  return [...found];
}"""


@pytest.fixture
def full(bank: Bank) -> Bank:
    """A ledger with invoices, paid ones and unmatched money."""
    with bank.hub.write() as session:
        for number, name in enumerate(("Northwind Dental", "Bluebird Law"), 1):
            company = companies.create(session, {"name": name, "currency": "EUR"})
            for n, price in enumerate(("480.00", "1200.00"), 1):
                lines = [
                    {
                        "description": "Managed workplace",
                        "quantity": "12",
                        "unit_price": "40.00",
                        "tax_rate": "19",
                    },
                    {"description": "Set-up", "quantity": "1", "unit_price": price},
                ]
                invoices.create(
                    session,
                    NewInvoice(
                        company_id=company.id,
                        lines=lines,
                        number=f"INV-{number}{n}",
                    ),
                )
    bank.post(body_of("w1", event("e1", "100.00"), event("e2", "77.00")))
    process.drain_all(bank.hub)
    return bank


def tell(site: Served, title: str) -> None:
    with site.hub.write() as session:
        for user in accounts.users(session):
            notify(session, user.id, "test", {}, title=title, key=title)


def test_the_bell_counts_up_by_itself(
    signed_in: Page, site: Served, screenshot: Shoot
) -> None:
    page = signed_in
    count = page.locator("[data-unread-badge]")
    expect(count).to_be_hidden()

    tell(site, "480.00 EUR received from Northwind Dental")
    expect(count).to_have_text("1")
    expect(page).to_have_title("(1) Overview · Hub")
    expect(page.get_by_role("status").last).to_contain_text("480.00 EUR received")
    tell(site, "Quote Q-7 was accepted")
    expect(count).to_have_text("2")

    page.get_by_role("button", name="Notifications").click()
    expect(page.locator(".bell-list .news")).to_have_count(2)
    screenshot("bell")
    page.get_by_role("button", name="Mark all read").click()
    expect(count).to_be_hidden()
    expect(page.locator(".news.unread")).to_have_count(0)


def test_reading_in_one_window_is_seen_in_the_other(
    signed_in: Page, site: Served
) -> None:
    other = signed_in.context.new_page()
    other.goto(site.url)
    tell(site, "News")
    counts = [each.locator("[data-unread-badge]") for each in (signed_in, other)]
    for count in counts:
        expect(count).to_have_text("1")

    signed_in.goto(site.url + "/notifications")
    signed_in.get_by_role("button", name="Mark read").click()

    for count in counts:
        expect(count).to_be_hidden()
    other.close()


def test_without_a_websocket_the_page_polls(signed_in: Page, site: Served) -> None:
    signed_in.add_init_script(
        "window.WebSocket = class extends EventTarget {"
        " constructor() { super();"
        " setTimeout(() => this.dispatchEvent(new Event('close')), 10); } };"
    )
    signed_in.goto(site.url)

    tell(site, "Heard by polling")

    expect(signed_in.locator("[data-unread-badge]")).to_have_text("1", timeout=60_000)


def test_a_connection_is_set_up_on_its_page(
    signed_in: Page, site: Served, screenshot: Shoot
) -> None:
    page = signed_in
    page.get_by_role("link", name="Connections", exact=True).click()
    screenshot("settings")
    card = page.locator(".card-plugin", has_text="Bank")
    card.get_by_role("link", name="Connect another").click()
    page.get_by_label("Signing secret").fill("a-secret-of-mine")
    page.get_by_label("Short name").fill("bank-2")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Bank (bank-2)")
    expect(page.get_by_role("textbox", name="Webhook address")).to_have_value(
        f"{site.url}/webhooks/bank-2"
    )
    assert "a-secret-of-mine" not in page.content()
    screenshot("connection")

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Disable").click()
    expect(page.locator("h1 + .chip")).to_have_text("Disabled")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_pages_can_be_read(
    signed_in: Page, site: Served, full: Bank, screenshot: Shoot, scheme: str
) -> None:
    page = signed_in
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    with site.hub.read() as session:
        invoice = invoices.by_number(session, "INV-11")
    pages = {
        "dashboard": "/",
        "invoices": "/invoices",
        "invoice": f"/invoices/{invoice.id}",
        "new-invoice": "/invoices/new",
        "payments": "/payments",
        "companies": "/companies",
        "webhooks": "/webhooks",
        "events": "/events",
        "deliveries": "/deliveries",
        "catalogue": "/settings",
        "connection-bank": "/settings/connections/bank",
        "users": "/settings/users",
    }
    for name, path in pages.items():
        page.goto(site.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert [] == page.evaluate(NAMELESS), name
        assert [] == page.evaluate(FAINT), name
        screenshot(f"{name}-{scheme}")


def test_the_trail_is_followed_by_clicks(
    signed_in: Page, site: Served, full: Bank, screenshot: Shoot
) -> None:
    page = signed_in
    page.get_by_role("link", name="Webhooks in").click()
    page.locator(".listing tbody a").first.click()
    screenshot("trail-webhook")
    page.locator("#facts a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("EUR from")
    screenshot("payment-unmatched")
    page.get_by_label("Invoice", exact=True).select_option(index=0)
    page.get_by_role("button", name="Assign").click()
    expect(page.locator("main")).to_contain_text("The payment is assigned.")
    page.locator(".history a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("received from")
    screenshot("trail-event")
    page.locator(".listing tbody a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ears")
    screenshot("trail-delivery")


def test_a_phone_is_wide_enough(
    signed_in: Page, site: Served, full: Bank, screenshot: Shoot
) -> None:
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    for name, path in {
        "dashboard": "/",
        "invoices": "/invoices",
        "connection": "/settings/connections/bank",
    }.items():
        page.goto(site.url + path)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, name
        screenshot(f"phone-{name}")
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Invoices")).to_be_in_viewport()
    screenshot("phone-menu")


def test_the_keyboard_gets_everywhere(signed_in: Page, site: Served) -> None:
    page = signed_in
    page.goto(site.url + "/invoices")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_an_invoice_is_made_with_one_more_line(
    signed_in: Page, site: Served, full: Bank
) -> None:
    page = signed_in
    page.goto(site.url + "/invoices/new")
    page.get_by_label("Client").select_option(index=1)
    page.get_by_role("button", name="Add a line").click()
    page.get_by_label("Description of line 4").fill("Laptops")
    page.get_by_label("Unit price of line 4").fill("999.00")
    page.get_by_role("button", name="Make and issue").click()
    expect(page.locator("main")).to_contain_text("999.00 EUR")

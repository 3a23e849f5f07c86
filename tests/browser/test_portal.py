"""Clients in Chromium: they pay, decline, walk away, and read it on a phone in the
dark; the simulators' pages are clicked through as a person would."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect
from sqlalchemy import select

from hub import demo, simulators
from hub.boot import Hub
from hub.core import calls, deliver, process
from hub.core.configuration.live import live
from hub.core.ledger import quotes
from hub.core.models import ApiCall, Company, Invoice, Payment, Quote
from hub.core.people import portal_links
from hub.db import Database
from hub.jobs import Bell
from hub.plugins import Plugins
from hub.sdk.serving import serve
from hub.settings import Settings
from tests.browser.test_pages import FAINT, NAMELESS
from tests.parts.hub import KEY
from tests.parts.server import Served, served

pytestmark = [
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
Shoot = Callable[[str], Path]


@pytest.fixture
def site(database: Database, settings: Settings) -> Iterator[Served]:
    """The demo without its workers: what a client is shown waits for none of them."""
    hub = Hub(
        settings=replace(settings, msp_name="Harbour IT"),
        database=database,
        plugins=Plugins.load(),
        bell=Bell(settings.redis_url or ""),
        keys=(KEY,),
    )
    with served(hub) as found, serve(simulators.application(hub.settings)) as played:
        demo.seed(hub, played.url)
        yield found


@pytest.fixture
def workers(site: Served) -> Iterator[None]:
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            process.drain_all(site.hub)
            deliver.drain_all(site.hub)

    worker = threading.Thread(target=work)
    worker.start()
    yield
    over.set()
    worker.join(30)


def link(site: Served, kind: str = "invoice") -> str:
    """A link to the newest open thing of this kind."""
    with site.hub.write() as session:
        found = {
            "invoice": select(Invoice.id)
            .where(Invoice.state == "open", Invoice.currency == "EUR")
            .order_by(Invoice.number.desc()),
            "quote": select(Quote.id),
            "company": select(Company.id).where(Company.name == "Northwind Legal"),
        }[kind]
        subject = f"{kind}:{session.scalars(found).first()}"
        return portal_links.make(session, subject)[0]


def title(page: Page) -> str:
    return page.locator(".notice h2").first.inner_text()


def checked(page: Page) -> None:
    """What an auditor would look for."""
    assert [] == page.evaluate(NAMELESS)
    assert [] == page.evaluate(FAINT)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= page.evaluate("window.innerWidth")


@pytest.mark.parametrize(
    ("button", "approve"), [("Pay with PayPal", "Approve"), ("Pay by card", "Pay")]
)
def test_a_client_pays(
    page: Page, site: Served, screenshot: Shoot, button: str, approve: str
) -> None:
    page.goto(link(site))
    name = button.rsplit(maxsplit=1)[-1].lower()
    checked(page)
    screenshot(f"portal-{name}-1-invoice")

    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("simulated")
    screenshot(f"portal-{name}-2-provider")
    page.get_by_role("button", name=approve, exact=True).click()

    expect(page.locator(".notice h2")).to_have_text("Paid in full. Thank you!")
    expect(page.locator("main")).to_contain_text("We received")
    expect(page.get_by_role("button")).to_have_count(0)
    checked(page)
    screenshot(f"portal-{name}-3-paid")
    page.reload()
    expect(page.locator(".notice h2")).to_have_text("Paid in full. Thank you!")
    calls.flush(site.hub)
    signature = page.url.partition("?")[0].rpartition(".")[2]
    with site.hub.read() as session:
        kept = session.scalars(select(ApiCall)).all()
        texts = [each.request_excerpt + each.response_excerpt for each in kept]
    assert any("/return" in text for text in texts)
    assert not [text for text in texts if signature in text]


@pytest.mark.parametrize(
    ("button", "close"),
    [("Pay with PayPal", "Close (cancel)"), ("Pay by card", "Go back (cancel)")],
)
def test_a_client_cancels_and_pays_another_way(
    page: Page, site: Served, screenshot: Shoot, button: str, close: str
) -> None:
    page.goto(link(site))
    page.get_by_role("button", name=button).click()
    page.get_by_role("button", name=close).click()

    expect(page.locator(".notice h2")).to_have_text("You came back without paying")
    checked(page)
    screenshot(f"portal-cancelled-{button.rsplit(maxsplit=1)[-1].lower()}")
    others = {"Pay with PayPal": "Pay by card", "Pay by card": "Pay with PayPal"}
    page.get_by_role("button", name=others[button]).click()
    page.locator("button.main").click()
    expect(page.locator(".notice h2")).to_have_text("Paid in full. Thank you!")


def test_a_decline_at_paypal_is_not_the_end(
    page: Page, site: Served, screenshot: Shoot
) -> None:
    page.goto(link(site))
    page.get_by_role("button", name="Pay with PayPal").click()
    page.get_by_role("button", name="Decline").click()

    expect(page.locator(".notice h2")).to_contain_text("The payment")
    expect(page.locator(".notice")).to_contain_text("nothing was charged")
    checked(page)
    screenshot("portal-declined-paypal")
    page.get_by_role("button", name="Pay by card").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.locator(".notice h2")).to_have_text("Paid in full. Thank you!")


def test_a_declined_card_is_tried_again_at_the_provider(
    page: Page, site: Served
) -> None:
    page.goto(link(site))
    page.get_by_role("button", name="Pay by card").click()
    page.get_by_role("button", name="declined").click()
    expect(page.get_by_role("alert")).to_contain_text("declined")
    page.get_by_role("button", name="Pay", exact=True).click()

    expect(page.locator(".notice h2")).to_have_text("Paid in full. Thank you!")


def test_while_the_bank_confirms_the_page_waits(
    page: Page, site: Served, workers: None, screenshot: Shoot
) -> None:
    page.goto(link(site))
    page.get_by_role("button", name="Pay with PayPal").click()
    page.get_by_role("button", name="money comes later").click()

    expect(page.locator(".notice h2")).to_have_text(
        "The bank is confirming your payment"
    )
    expect(page.get_by_role("button")).to_have_count(0)
    checked(page)
    screenshot("portal-confirming")
    with site.hub.read() as session:
        capture = session.scalars(
            select(Payment.reference).where(Payment.state == "pending")
        ).one()
    paypal = live(site.hub).by_slug("paypal").api_base_url
    told = {"capture_id": capture, "event": "completed"}
    requests.post(f"{paypal}/_sim/event", json=told, timeout=10).raise_for_status()
    # The page looks again by itself, until the webhook has told.
    expect(page.locator(".notice h2")).to_have_text(
        "Paid in full. Thank you!", timeout=40_000
    )


def test_the_back_button_from_the_provider_is_safe(page: Page, site: Served) -> None:
    here = link(site)
    page.goto(here)
    page.get_by_role("button", name="Pay with PayPal").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("simulated")
    first = page.url
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Invoice")
    page.get_by_role("button", name="Pay with PayPal").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("simulated")

    assert first == page.url


def test_a_quote_is_accepted(page: Page, site: Served, screenshot: Shoot) -> None:
    page.goto(link(site, "quote"))
    checked(page)
    screenshot("portal-quote")
    page.get_by_label("Your name").fill("Ana Lee")
    page.get_by_label("A remark").fill("Please before Friday")
    page.get_by_role("button", name="Accept").click()

    expect(page.locator(".notice h2")).to_have_text("Accepted. Thank you!")
    screenshot("portal-quote-accepted")
    with site.hub.read() as session:
        row = session.scalars(select(Quote)).one()
        assert ("accepted", "Ana Lee") == (
            quotes.get(session, row.id).state,
            row.decided_by,
        )


def test_a_company_sees_what_is_open_and_pays(
    page: Page, site: Served, screenshot: Shoot
) -> None:
    page.goto(link(site, "company"))
    checked(page)
    screenshot("portal-company")
    page.locator(".invoices a").first.click()
    page.get_by_role("button", name="Pay with PayPal").click()
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator(".notice h2")).to_have_text("Paid in full. Thank you!")
    page.get_by_role("link", name="All open invoices").click()
    expect(page.locator(".invoices li")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_is_enough(
    page: Page, site: Served, screenshot: Shoot, scheme: str
) -> None:
    site.hub.settings = replace(site.hub.settings, part_payments=True)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 360, "height": 740})
    for kind in ("invoice", "quote", "company"):
        page.goto(link(site, kind))
        checked(page)
        screenshot(f"portal-phone-{scheme}-{kind}")
    page.goto(link(site) + "x")
    checked(page)
    screenshot(f"portal-phone-{scheme}-unknown")


def test_the_keyboard_pays(page: Page, site: Served) -> None:
    page.goto(link(site))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("button").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("simulated")


def test_without_scripts_everything_works(
    page: Page, site: Served, screenshot: Shoot
) -> None:
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(link(site))
    plain.get_by_role("button", name="Pay with PayPal").click()
    plain.get_by_role("button", name="Approve", exact=True).click()
    expect(plain.locator(".notice h2")).to_have_text("Paid in full. Thank you!")
    context.close()


def test_a_refund_is_made_and_the_client_reads_it(
    page: Page, site: Served, screenshot: Shoot
) -> None:
    here = link(site)
    page.goto(here)
    page.get_by_role("button", name="Pay by card").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.locator(".notice h2")).to_have_text("Paid in full. Thank you!")
    page.goto(site.url)
    page.get_by_label("E-mail").fill(demo.EMAIL)
    page.get_by_label("Password").fill(demo.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Payments").click()
    page.locator(".listing tbody a").first.click()
    page.get_by_role("link", name="Refund").click()
    page.get_by_label("Amount").fill("50.00")
    screenshot("refund-1-form")
    page.get_by_role("button", name="Go on").click()
    screenshot("refund-2-confirm")
    page.get_by_role("button", name="Refund 50.00 EUR").click()
    expect(page.locator("main")).to_contain_text("50.00 EUR is given back.")
    screenshot("refund-3-payment")
    page.locator("aside .facts a").first.click()
    expect(page.locator(".under")).to_contain_text("50.00 EUR")
    screenshot("refund-4-invoice")

    page.goto(here)
    expect(page.locator(".history")).to_contain_text("We paid 50.00 EUR back to you.")


def test_a_client_pays_by_bank(page: Page, site: Served, screenshot: Shoot) -> None:
    page.goto(link(site))
    page.get_by_role("button", name="Pay by bank").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("simulated")
    screenshot("portal-bank-provider")
    page.locator("button.main").click()

    expect(page.locator(".notice h2")).to_be_visible()
    checked(page)
    screenshot("portal-bank-back")


def test_a_client_sets_up_direct_debit(
    page: Page, site: Served, screenshot: Shoot
) -> None:
    page.goto(link(site))
    page.get_by_role("button", name="Set up direct debit").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("simulated")
    screenshot("portal-debit-provider")
    page.locator("button.main").click()

    expect(page.locator(".notice h2")).to_have_text(
        "Direct debit is set up. Thank you!"
    )
    expect(page.get_by_role("button", name="Set up direct debit")).to_have_count(0)
    checked(page)
    screenshot("portal-debit-set-up")

"""Direct debit in Chromium: a mandate given, declined and left, collecting by it, and
a debit that comes back; at the client's page and at ours."""

import time

import requests
from playwright.sync_api import Page, expect
from sqlalchemy import select

from hub import demo
from hub.core.configuration.live import live
from hub.core.models import Company, Invoice, Payment
from tests.browser import test_portal
from tests.browser.test_portal import Shoot, checked, link
from tests.parts.server import Served

pytestmark = test_portal.pytestmark
site, workers = test_portal.site, test_portal.workers
SET_UP = "Direct debit is set up. Thank you!"


def sign_in(page: Page, site: Served) -> None:
    page.goto(site.url)
    page.get_by_label("E-mail").fill(demo.EMAIL)
    page.get_by_label("Password").fill(demo.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(site.url + "/")


def invoice_of(site: Served) -> Invoice:
    """The one that `link` leads to."""
    with site.hub.read() as session:
        return (
            session.scalars(
                select(Invoice)
                .where(Invoice.state == "open", Invoice.currency == "EUR")
                .order_by(Invoice.number.desc())
            ).first()
            or Invoice()
        )


def happen(site: Served, invoice: Invoice, event: str) -> None:
    """Something happens to its only debit, at GoCardless."""
    with site.hub.read() as session:
        payment = session.scalars(
            select(Payment.reference).where(Payment.invoice_id == invoice.id)
        ).one()
    base = live(site.hub).by_slug("gocardless").api_base_url
    told = {"payment": payment, "event": event}
    requests.post(f"{base}/_sim/event", json=told, timeout=10).raise_for_status()


def test_a_client_whose_bank_refuses_can_leave_and_try_again(
    page: Page, site: Served, screenshot: Shoot
) -> None:
    page.goto(link(site))
    page.get_by_role("button", name="Set up direct debit").click()
    page.get_by_role("button", name="account the bank refuses").click()
    expect(page.get_by_role("alert")).to_be_visible()
    screenshot("debit-1-refused")

    page.get_by_role("button", name="Close (cancel)").click()
    expect(page.locator(".notice h2")).to_have_text("Direct debit isn't set up yet")
    checked(page)
    screenshot("debit-2-left")

    page.get_by_role("button", name="Set up direct debit").click()
    page.locator("button.main").click()
    expect(page.locator(".notice h2")).to_have_text(SET_UP)


def test_a_mandate_is_asked_for_on_the_companys_page(
    page: Page, site: Served, screenshot: Shoot
) -> None:
    with site.hub.read() as session:
        company = session.scalars(
            select(Company.id).where(Company.name == "Harbour Dental")
        ).one()
    sign_in(page, site)
    page.goto(f"{site.url}/companies/{company}")
    screenshot("debit-company-1-none")
    page.get_by_role("button", name="Set up direct debit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up direct debit")
    screenshot("debit-company-2-address")
    there = page.get_by_label("Address of the page").input_value()

    page.goto(there)
    page.locator("button.main").click()
    expect(page.locator(".notice h2")).to_have_text(SET_UP)
    checked(page)
    screenshot("debit-company-3-given")

    page.goto(f"{site.url}/companies/{company}")
    expect(page.locator("main")).to_contain_text("The client pays by mandate")
    screenshot("debit-company-4-active")


def test_a_debit_is_collected_confirmed_and_comes_back(
    page: Page, site: Served, workers: None, screenshot: Shoot
) -> None:
    """ROAD 2: what looked paid for days may fail in the end, and everybody sees it."""
    here, invoice = link(site), invoice_of(site)
    ours = f"{site.url}/invoices/{invoice.id}"
    page.goto(here)
    page.get_by_role("button", name="Set up direct debit").click()
    page.locator("button.main").click()
    expect(page.locator(".notice h2")).to_have_text(SET_UP)

    sign_in(page, site)
    page.goto(ours)
    page.on("dialog", lambda dialog: dialog.accept())
    again = page.get_by_role("button", name="Collect now")
    again.click()
    expect(page.locator("main")).to_contain_text("The debit is on its way")
    expect(again).to_have_count(0)
    screenshot("debit-collect-1-under-way")
    page.goto(here)
    expect(page.locator(".notice h2")).to_have_text(
        "The bank is confirming your payment"
    )
    expect(page.get_by_role("button")).to_have_count(0)
    checked(page)
    screenshot("debit-collect-2-confirming")

    happen(site, invoice, "confirmed")
    expect(page.locator(".notice h2")).to_have_text(
        "Paid in full. Thank you!", timeout=40_000
    )
    page.goto(ours)
    expect(page.locator("main aside")).to_contain_text("paid in full")
    screenshot("debit-collect-3-paid")

    happen(site, invoice, "late_failure")
    until = time.monotonic() + 30
    while not again.count() and time.monotonic() < until:
        page.reload()
    expect(again).to_be_visible()
    expect(page.locator("main")).to_contain_text("refer_to_payer")
    expect(page.locator("#attempts")).to_contain_text("Failed")
    screenshot("debit-collect-4-came-back")
    page.goto(here)
    expect(page.locator(".history")).to_contain_text("did not go through")
    checked(page)
    screenshot("debit-collect-5-client")

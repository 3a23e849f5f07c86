"""Contacts and consent, credit notes, products, many at once, sync: what people do
on these pages, and what becomes of it."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.core.ledger import companies
from hub.core.models import (
    Company,
    Contact,
    CreditNote,
    Delivery,
    InboundWebhook,
    Invoice,
    Product,
    SyncRun,
)
from hub.sdk.clock import now
from hub.sdk.context import Context
from hub.sdk.sync import Page
from tests.parts.bank import Bank
from tests.web.conftest import Browse, Browser, Things

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def company(bank: Bank) -> str:
    with bank.hub.write() as session:
        made = companies.create(session, {"name": "Acme", "currency": "EUR"})
    return made.id


def test_a_company_is_told_to_text_and_to_collect(
    admin: Browser, bank: Bank, company: str
) -> None:
    url = f"/companies/{company}/edit"

    admin.post(
        url, name="Acme", currency="EUR", sms_notifications_enabled="on", autobill="on"
    )

    with bank.hub.read() as session:
        row = session.get_one(Company, company)
    assert (True, True) == (row.sms_notifications_enabled, row.autobill)
    assert 2 == admin.get(url).text.count(" checked")
    admin.post(url, name="Acme", currency="EUR")
    with bank.hub.read() as session:
        row = session.get_one(Company, company)
    assert (False, False) == (row.sms_notifications_enabled, row.autobill)


def test_a_contact_is_added_changed_and_removed(
    admin: Browser, bank: Bank, company: str
) -> None:
    wrong = admin.post(
        f"/companies/{company}/contacts/new", name="Kim", email="not an address"
    )
    made = admin.post(f"/companies/{company}/contacts/new", name="Kim")
    url = made.location

    admin.post(url, name="Kim", phone="+49 30 1234567")
    shown = admin.get(f"/companies/{company}").text
    kept = admin.post(url, name="", phone="+49 30 1234567")
    gone = admin.post(f"{url}/remove")

    assert (422, 422) == (wrong.status_code, kept.status_code)
    assert "Kim" in wrong.text
    assert "Kim" in shown
    assert "Never asked" in shown
    assert f"/companies/{company}" == gone.location
    assert 404 == admin.get(url).status_code
    with bank.hub.read() as session:
        assert 0 == session.scalar(select(func.count()).select_from(Contact))


def test_consent_is_noted_with_how_and_by_whom_and_withdrawn(
    browse: Browse, bank: Bank, company: str
) -> None:
    billing = browse("billing")
    url = billing.post(f"/companies/{company}/contacts/new", name="Kim").location

    nothing = billing.post(f"{url}/consent", given="yes", how=" ")
    billing.post(f"{url}/consent", given="yes", how="signed the form")
    agreed = billing.get(url).text
    billing.post(f"{url}/consent", given="no", how="on the phone")
    withdrawn = billing.get(url).text

    assert 422 == nothing.status_code
    assert "Write how they agreed" in nothing.text
    for text in ("Agreed to texts", "signed the form", "billing@example.com"):
        assert text in agreed
    for text in ("No texts", "signed the form", "on the phone", "Withdrawn"):
        assert text in withdrawn
    with bank.hub.read() as session:
        contact = session.scalars(select(Contact)).one()
        assert not companies.has_consent(session, contact.id, "sms")


def test_a_credit_note_for_an_invoice_is_set_against_it(
    admin: Browser, bank: Bank, things: Things
) -> None:
    admin.post(f"/invoices/{things.draft}/issue")
    form = admin.get(f"/credit-notes/new?invoice={things.draft}").text

    made = admin.post(
        "/credit-notes/new", invoice_id=things.draft, amount="4.00", reason="Late"
    )

    assert 'value="10.00"' in form
    with bank.hub.read() as session:
        assert 600 == session.get_one(Invoice, things.draft).open_minor
    shown = admin.get(made.location).text
    assert "0.00 EUR" in shown
    assert "Late" in shown

    admin.post(f"{made.location}/void")

    with bank.hub.read() as session:
        assert 1000 == session.get_one(Invoice, things.draft).open_minor


def test_a_credit_note_is_set_against_an_invoice_later(
    admin: Browser, bank: Bank, things: Things
) -> None:
    admin.post(f"/invoices/{things.draft}/issue")
    url = f"/credit-notes/{things.credit_note}"

    too_much = admin.post(f"{url}/allocate", invoice_id=things.draft, amount="5.00")
    wrong = admin.post("/credit-notes/new", company_id=things.company, amount="-1")
    admin.post(f"{url}/allocate", invoice_id=things.draft, amount="")

    assert (422, 422) == (too_much.status_code, wrong.status_code)
    assert "At most 1.00 EUR" in too_much.text
    with bank.hub.read() as session:
        assert "allocated" == session.get_one(CreditNote, things.credit_note).state
        assert 900 == session.get_one(Invoice, things.draft).open_minor


def test_a_company_shows_all_that_is_its_own(admin: Browser, things: Things) -> None:
    admin.post(f"/invoices/{things.draft}/issue")

    text = admin.get(f"/companies/{things.company}").text

    for url in (
        *(f"/contacts/{things.contact}", f"/invoices/{things.invoice}"),
        *(f"/payments/{things.payment}", f"/credit-notes/{things.credit_note}"),
        *(f"/quotes/{things.quote}", f"/tickets?company_id={things.company}"),
        f"/devices?company_id={things.company}",
        f"/credit-notes/new?invoice={things.draft}",
    ):
        assert f'href="{url}"' in text, url
    assert '<p class="big">10.00 EUR</p>' in text


def test_a_product_is_added_and_changed(admin: Browser, bank: Bank) -> None:
    values = {"code": "IT-1", "name": "IT", "unit_price": "40.00", "currency": "EUR"}

    wrong = admin.post("/products/new", **{**values, "unit_price": "much"})
    admin.post("/products/new", **values, active="on")
    with bank.hub.read() as session:
        row = session.scalars(select(Product)).one()
    again = admin.post("/products/new", **values)
    admin.post(f"/products/{row.id}", **{**values, "unit_price": "45"})

    assert (422, 422) == (wrong.status_code, again.status_code)
    assert 'value="much"' in wrong.text
    assert "has the code IT-1 already" in again.text
    with bank.hub.read() as session:
        changed = session.get_one(Product, row.id)
    assert (Decimal(45), False) == (changed.unit_price, changed.active)


def test_many_deliveries_are_counted_before_they_are_retried(
    admin: Browser, bank: Bank, things: Things
) -> None:
    url = "/deliveries/bulk/retry"

    asked = admin.get(url).text
    done = admin.post(url, state="dead")
    nothing = admin.get(url).text

    assert "Retry 1 delivery?" in asked
    assert 302 == done.status_code
    assert "Nothing to do" in nothing
    with bank.hub.read() as session:
        assert "retrying" == session.get_one(Delivery, things.dead).state


def test_what_is_in_doubt_is_retried_only_by_who_has_looked(
    admin: Browser, bank: Bank, things: Things
) -> None:
    with bank.hub.write() as session:
        session.get_one(Delivery, things.dead).state = "in_doubt"
    url = "/deliveries/bulk/retry"

    blind = admin.post(url, state="in_doubt")
    with bank.hub.read() as session:
        assert "in_doubt" == session.get_one(Delivery, things.dead).state
    admin.post(url, state="in_doubt", looked="on")

    assert 422 == blind.status_code
    assert "may have arrived" in blind.text
    with bank.hub.read() as session:
        assert "retrying" == session.get_one(Delivery, things.dead).state


def test_one_in_doubt_is_explained_and_confirmed(
    admin: Browser, bank: Bank, things: Things
) -> None:
    with bank.hub.write() as session:
        session.get_one(Delivery, things.dead).state = "in_doubt"

    text = admin.get(f"/deliveries/{things.dead}").text
    admin.post(f"/deliveries/{things.dead}/confirm")

    assert "Did it arrive?" in text
    assert "idempotency key" in text
    with bank.hub.read() as session:
        assert "delivered" == session.get_one(Delivery, things.dead).state


def test_everything_is_never_sent_again_by_one_click(
    admin: Browser, bank: Bank, things: Things
) -> None:
    asked = admin.get("/deliveries/bulk/replay").text
    refused = admin.post("/deliveries/bulk/replay")

    assert "Choose filters in the list first" in asked
    assert 422 == refused.status_code
    with bank.hub.read() as session:
        found = select(func.count()).where(Delivery.replay_of.is_not(None))
        assert 0 == session.scalar(found)


def test_failed_webhooks_are_heard_again_together(
    admin: Browser, bank: Bank, things: Things
) -> None:
    url = "/inbound-webhooks/bulk/replay"

    asked = admin.get(url).text
    done = admin.post(url, state="failed")

    assert "Hear 1 webhook again?" in asked
    assert "/webhooks" == done.location
    with bank.hub.read() as session:
        found = session.scalars(
            select(InboundWebhook.replay_of).where(
                InboundWebhook.replay_of.is_not(None)
            )
        )
        assert [things.failed_webhook] == found.all()


def test_a_bad_filter_of_many_says_what_it_takes(admin: Browser) -> None:
    answer = admin.get("/deliveries/bulk/retry?created_from=soon")

    assert 422 == answer.status_code
    assert "takes a time" in answer.text


def test_a_connection_is_synced_and_the_page_shows_how_far_it_is(
    admin: Browser, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 29: one run at a time."""
    may = threading.Event()
    _give_sync(bank, monkeypatch, may)
    url, page = "/settings/connections/bank/sync", "/settings/connections/bank"
    assert "Sync now" in admin.get(page).text

    admin.post(url)
    reading = admin.get(url).text
    again = admin.post(url)
    may.set()
    _ended(bank)
    after = admin.get(page).text

    assert "Reading: 0 pages" in reading
    assert 'hx-trigger="every 2s"' in reading
    assert 409 == again.status_code
    assert "syncing already" in again.text
    assert "0 facts on 1 page<" in after
    assert "Sync now" in after


def test_a_sync_that_broke_off_can_be_begun_again(
    admin: Browser, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 29: the lease of a run whose process is gone ends."""
    may = threading.Event()
    may.set()
    _give_sync(bank, monkeypatch, may)
    with bank.hub.write() as session:
        session.add(
            SyncRun(
                connection_id=bank.connection.id,
                claim="gone",
                lease_until=now() - timedelta(seconds=1),
                started_at=now() - timedelta(minutes=6),
            )
        )
    page = "/settings/connections/bank"

    broken = admin.get(page).text
    begun = admin.post(f"{page}/sync")

    assert "Broke off" in broken
    assert "Sync now" in broken
    assert 302 == begun.status_code
    _ended(bank)
    assert "Its process ended." in admin.get(page).text


def test_what_has_no_sync_offers_none(admin: Browser, bank: Bank) -> None:
    assert "Sync now" not in admin.get("/settings/connections/bank").text
    assert 409 == admin.post("/settings/connections/bank/sync").status_code


def _give_sync(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, may: threading.Event
) -> None:
    def sync(ctx: Context, cursor: str | None) -> Iterator[Page]:
        may.wait(60)
        yield Page(facts=(), cursor=None)

    hooks: Any = bank.hub.plugins.get("bank").hooks
    monkeypatch.setitem(hooks, "sync", sync)


def _ended(bank: Bank) -> None:
    with bank.hub.read() as session:
        newest = select(SyncRun).order_by(SyncRun.started_at.desc()).limit(1)
        run = session.scalars(newest).one().id
    for thread in threading.enumerate():
        if thread.name == run:
            thread.join(60)

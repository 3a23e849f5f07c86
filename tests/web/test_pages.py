"""Every page: who may see it, what its headers say, what it must never show."""

from dataclasses import asdict

import pytest

from hub.core import connections
from hub.core.people import accounts
from hub.core.queries import overview
from hub.sdk.errors import UnreadyError
from tests.parts.bank import SECRET as BANK_SECRET
from tests.parts.bank import Bank
from tests.web.conftest import CANARY, Browse, Browser, Things

STAFF = (
    *("/", "/notifications", "/notifications/bell", "/notifications.json"),
    *("/invoices", "/invoices/new", "/invoices/{invoice}", "/invoices/{draft}"),
    *("/payments", "/payments/{payment}", "/payments/{unmatched}"),
    *("/companies", "/companies/new", "/companies/{company}"),
    *("/companies/{company}/edit", "/quotes", "/quotes/{quote}"),
    *("/companies/{company}/contacts/new", "/contacts/{contact}"),
    *("/contacts/{contact}/remove", "/credit-notes", "/credit-notes/{credit_note}"),
    *("/credit-notes/new", "/credit-notes/new?invoice={invoice}"),
    *("/products", "/products/new", "/products/{product}"),
    *("/tickets", "/time-entries", "/devices"),
    *("/payouts", "/payouts/{payout}", "/disputes", "/mandates", "/preferences"),
)
ADMINS = (
    *("/settings", "/settings/connections/new?plugin=bank", "/settings/users"),
    *("/settings/connections/bank", "/settings/connections/bank/remove"),
    *("/settings/tokens", "/webhooks", "/inbound-webhooks/{webhook}"),
    *("/inbound-webhooks/{failed_webhook}", "/events", "/events/{event}"),
    *("/deliveries", "/deliveries/{delivery}", "/deliveries/{dead}"),
    *("/api-calls", "/api-calls/{call}", "/settings/connections/bank/sync"),
    *("/deliveries/bulk/retry", "/deliveries/bulk/replay?state=dead"),
    *("/deliveries/bulk/replay", "/inbound-webhooks/bulk/replay"),
    *("/settings/sending", "/settings/sending/ears"),
)
ACTIONS = (
    *("/logout", "/notifications/read-all", "/invoices/new", "/companies/new"),
    *("/settings/tokens", "/settings/users", "/settings/connections/new"),
    *("/settings/connections/bank", "/settings/connections/bank/remove"),
    *("/settings/connections/bank/disable", "/invoices/{invoice}/void"),
    *("/payments/{unmatched}/assign", "/deliveries/{dead}/retry", "/try/pay"),
    *("/inbound-webhooks/{webhook}/replay", "/settings/connections/bank/sync"),
    *("/companies/{company}/contacts/new", "/contacts/{contact}"),
    *("/contacts/{contact}/consent", "/contacts/{contact}/remove"),
    *("/credit-notes/new", "/credit-notes/{credit_note}/allocate"),
    *("/credit-notes/{credit_note}/void", "/products/new", "/products/{product}"),
    *("/deliveries/bulk/retry", "/inbound-webhooks/bulk/replay"),
)
# One database will do where only the page is looked at.
once = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_admins_see_every_page(admin: Browser, things: Things) -> None:
    urls = [url.format(**asdict(things)) for url in STAFF + ADMINS]

    assert {url: 200 for url in urls} == {
        url: admin.get(url).status_code for url in urls
    }


@once
def test_billing_sees_the_ledger_and_no_settings(
    browse: Browse, things: Things
) -> None:
    billing = browse("billing")
    seen = [url.format(**asdict(things)) for url in STAFF]
    hidden = [url.format(**asdict(things)) for url in ADMINS]

    assert {200} == {billing.get(url).status_code for url in seen}
    assert {403} == {billing.get(url).status_code for url in hidden}
    assert "/settings" not in billing.get("/").text


@once
def test_who_is_not_signed_in_is_asked_to(stranger: Browser, things: Things) -> None:
    urls = [url.format(**asdict(things)) for url in STAFF + ADMINS]

    answers = [stranger.get(url) for url in urls]

    assert {302} == {answer.status_code for answer in answers}
    assert all(answer.location.startswith("/login") for answer in answers)


@once
def test_no_form_is_taken_without_its_token(admin: Browser, things: Things) -> None:
    urls = [url.format(**asdict(things)) for url in ACTIONS]

    answers = {url: admin.client.post(url).status_code for url in urls}

    assert dict.fromkeys(urls, 400) == answers


@once
def test_sign_in_takes_no_form_without_its_token(stranger: Browser) -> None:
    answer = stranger.client.post("/login", data={"email": "a@b.c"})

    assert 400 == answer.status_code


@once
def test_nothing_on_any_page_is_a_script(admin: Browser, things: Things) -> None:
    """Payers, error texts, headers and names come from outside."""
    for url in STAFF + ADMINS:
        answer = admin.get(url.format(**asdict(things)))
        if answer.mimetype == "text/html":
            assert CANARY not in answer.text, url


@once
def test_the_traps_are_really_on_the_pages(admin: Browser, things: Things) -> None:
    escaped = "&lt;script&gt;"
    for url in (
        *("/invoices/{invoice}", "/deliveries/{dead}", "/api-calls/{call}"),
        *("/companies/{company}", "/contacts/{contact}", "/disputes", "/mandates"),
        *("/credit-notes/{credit_note}", "/products", "/products/{product}"),
        *("/payouts", "/payouts/{payout}", "/tickets", "/time-entries", "/devices"),
    ):
        assert escaped in admin.get(url.format(**asdict(things))).text, url


@once
def test_no_page_shows_a_secret(admin: Browser, bank: Bank, things: Things) -> None:
    stored = "stored-secret-canary-0123456789"
    with bank.hub.write() as session:
        connections.add(session, "bank", "bank-2", {"signing_secret": stored})
    urls = [*STAFF, *ADMINS, "/settings/connections/bank-2"]

    for url in urls:
        text = admin.get(url.format(**asdict(things))).text
        assert stored not in text, url
        assert BANK_SECRET not in text, url


@once
def test_headers_forbid_what_pages_do_not_need(admin: Browser) -> None:
    answer = admin.get("/")
    policy = answer.headers["Content-Security-Policy"]

    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert policy.startswith("default-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert "DENY" == answer.headers["X-Frame-Options"]
    assert "same-origin" == answer.headers["Referrer-Policy"]
    assert "no-store" == answer.headers["Cache-Control"]


@once
def test_pages_hold_nothing_inline(admin: Browser, things: Things) -> None:
    """The policy would refuse it: scripts, styles and handlers live in files."""
    for url in STAFF + ADMINS:
        text = admin.get(url.format(**asdict(things))).text
        for forbidden in (" style=", "<style", " onclick=", "hx-on", "javascript:"):
            assert forbidden not in text, (url, forbidden)


@once
def test_unknown_things_are_said_to_be_unknown(admin: Browser) -> None:
    for url in (
        *("/invoices/nope", "/events/99", "/settings/connections/nope"),
        *("/contacts/nope", "/contacts/nope/remove", "/companies/nope/contacts/new"),
        *("/credit-notes/nope", "/credit-notes/new?invoice=nope", "/products/nope"),
        *("/payouts/nope", "/settings/connections/nope/sync"),
    ):
        answer = admin.get(url)
        assert 404 == answer.status_code
        assert "There is no" in answer.text


@once
def test_a_bad_filter_says_what_it_takes(admin: Browser) -> None:
    answer = admin.get("/invoices?due_date_to=soon")

    assert 422 == answer.status_code
    assert "takes a date" in answer.text


@once
def test_filters_narrow_lists_and_stay_in_links(admin: Browser, things: Things) -> None:
    assert "INV-1" in admin.get("/invoices?state=paid").text
    assert "fit these filters" in admin.get("/invoices?state=void").text


@once
def test_empty_lists_say_what_to_do_next(browse: Browse) -> None:
    admin = browse("admin")
    for url in (
        *("/invoices", "/payments", "/companies", "/quotes", "/deliveries"),
        *("/credit-notes", "/products", "/tickets", "/time-entries", "/devices"),
        *("/payouts", "/disputes", "/mandates", "/webhooks"),
    ):
        assert 'class="empty"' in admin.get(url).text, url


@once
def test_an_unknown_address_is_a_page_of_ours_and_a_problem_of_the_api(
    admin: Browser, stranger: Browser
) -> None:
    assert "There is no such page." in admin.get("/nowhere").text
    assert "There is no such page." in stranger.get("/nowhere").text
    assert "application/problem+json" == stranger.get("/api/v1/nowhere").mimetype


@once
def test_without_the_database_a_page_says_so(
    admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise UnreadyError("The database is away right now.")

    monkeypatch.setattr(accounts, "signed_in", down)

    answer = admin.get("/invoices")

    assert 503 == answer.status_code
    assert "The database is away right now." in answer.text


@once
def test_a_defect_is_a_page_without_its_details(
    admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("inner details")

    monkeypatch.setattr(overview, "last_day", broken)

    answer = admin.get("/")

    assert 500 == answer.status_code
    assert "inner details" not in answer.text
    assert "log says why" in answer.text

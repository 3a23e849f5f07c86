"""The portal: what a link opens, and what it never does."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub.app import create_app
from hub.boot import Hub
from hub.core.ledger import companies, invoices, payments, quotes
from hub.core.ledger.invoices import NewInvoice
from hub.core.ledger.payments import NewPayment
from hub.core.ledger.quotes import NewQuote
from hub.core.models import Connection, Event, Invoice, PortalLink, Quote
from hub.core.people import portal_links
from hub.sdk import clock
from hub.sdk.facts import Match, PaymentCancelled, PayoutMade
from tests.parts.ledger import (
    NUMBER,
    add_company,
    add_invoice,
    all_of,
    chargeback,
    eur,
    failed,
    pending,
    received,
    refund,
    tell,
)
from tests.web.conftest import CANARY
from web import limits

once = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
Link = Callable[[str], str]


@pytest.fixture
def client(hub: Hub) -> FlaskClient:
    return create_app(hub).test_client()


@pytest.fixture
def link(hub: Hub) -> Link:
    """Make the link to a subject; returns its path."""

    def make(subject: str) -> str:
        with hub.write() as session:
            url, _ = portal_links.make(session, subject)
        return url.removeprefix(hub.settings.base_url)

    return make


def post(client: FlaskClient, page: str, url: str, **fields: str) -> TestResponse:
    shown = client.get(page).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', shown)
    assert found is not None, shown
    return client.post(url, data={**fields, "csrf_token": found[1]})


def text_of(answer: TestResponse) -> str:
    """What is read on a page."""
    plain = re.sub(r"<[^>]+>", " ", answer.text)
    return " ".join(plain.split())


@pytest.fixture
def invoice(hub: Hub) -> Invoice:
    with hub.write() as session:
        company = companies.create(session, {"name": "Acme", "currency": "EUR"})
        line = {"description": "IT", "quantity": "2", "unit_price": "50"}
        new = NewInvoice(company_id=company.id, lines=[{**line, "tax_rate": "20"}])
        return invoices.create(session, new)


def test_a_link_opens_its_invoice_without_a_login(
    client: FlaskClient, link: Link, invoice: Invoice
) -> None:
    answer = client.get(link(f"invoice:{invoice.id}"))

    text = text_of(answer)
    assert 200 == answer.status_code
    for part in (
        f"Invoice {invoice.number}",
        "for Acme",
        "Your IT provider",
        "Net 100.00 EUR",
        "Tax 20.00 EUR",
        "Total 120.00 EUR",
        "Still open 120.00 EUR",
        "The invoice was issued.",
    ):
        assert part in text


@once
def test_the_msp_is_named(client: FlaskClient, hub: Hub, link: Link) -> None:
    hub.settings = replace(hub.settings, msp_name="Harbour IT <b>")

    text = client.get(link(f"invoice:{add_invoice(hub).id}")).text

    assert "Harbour IT &lt;b&gt;" in text


@once
def test_unknown_expired_and_revoked_links_say_so(
    client: FlaskClient, hub: Hub, link: Link, invoice: Invoice
) -> None:
    path = link(f"invoice:{invoice.id}")
    forged = path[:-3] + "AAA"
    with time_machine.travel(clock.now() + timedelta(days=91), tick=False):
        expired = client.get(path)
    with hub.write() as session:
        portal_links.revoke(session, f"invoice:{invoice.id}")
    revoked = client.get(path)
    unknown = client.get(forged)

    said = [
        (answer.status_code, text_of(answer).split(" Your IT provider")[0])
        for answer in (unknown, expired, revoked)
    ]
    assert [404, 410, 410] == [status for status, _ in said]
    assert 3 == len({title for _, title in said})
    for answer in (unknown, expired, revoked):
        assert invoice.number not in answer.text
        assert "can send you a working link" in answer.text


@once
@pytest.mark.parametrize("path", ["/paypal/go", "/paypal/return", "/paypal/cancel", ""])
def test_below_a_link_that_ended_nothing_is_done(
    client: FlaskClient, hub: Hub, link: Link, invoice: Invoice, path: str
) -> None:
    here = link(f"invoice:{invoice.id}")
    with hub.write() as session:
        portal_links.revoke(session, f"invoice:{invoice.id}")

    answer = client.get(f"{here}{path}?charge=chg_x")

    assert 410 == answer.status_code
    came_back = path in ("/paypal/return", "/paypal/cancel")
    assert came_back == ("your payment is noted: don" in answer.text)


@once
def test_one_link_never_shows_another_invoice(
    client: FlaskClient, hub: Hub, link: Link
) -> None:
    acme, other = add_company(hub), add_company(hub, "Other")
    mine, sibling = (add_invoice(hub, company=acme) for _ in range(2))
    strange = add_invoice(hub, company=other)
    by_invoice, by_company = link(f"invoice:{mine.id}"), link(f"company:{acme.id}")

    seen = {
        (path, each.number): each.number in client.get(f"{path}?invoice={each.id}").text
        for path in (by_invoice, by_company)
        for each in (mine, sibling, strange)
    }

    assert {
        (by_invoice, mine.number),
        (by_company, mine.number),
        (by_company, sibling.number),
    } == {key for key, shown in seen.items() if shown}


@once
def test_a_company_link_lists_what_is_open(
    client: FlaskClient, hub: Hub, link: Link
) -> None:
    acme = add_company(hub)
    first, second = (add_invoice(hub, total, acme) for total in ("10.00", "5.50"))
    paid = add_invoice(hub, "1.00", acme)
    with hub.write() as session:
        payments.record_payment(session, paid.id, NewPayment(amount=eur("1.00")))

    text = text_of(client.get(link(f"company:{acme.id}")))

    assert "15.50 EUR open" in text
    assert first.number in text
    assert second.number in text
    assert paid.number not in text


@once
def test_a_company_that_owes_nothing_is_thanked(
    client: FlaskClient, hub: Hub, link: Link
) -> None:
    answer = client.get(link(f"company:{add_company(hub).id}"))

    assert "All paid. Thank you!" in answer.text


@once
def test_payments_and_what_went_back_are_told_in_plain_words(
    client: FlaskClient, hub: Hub, link: Link, till: Connection
) -> None:
    path = link(f"invoice:{add_invoice(hub).id}")
    tell(hub, till, failed(0, reference="P-0"), received(1), refund())

    text = text_of(client.get(path))

    assert "A payment of 100.00 EUR by Till did not go through." in text
    assert "We received 100.00 EUR by Till. Thank you." in text
    assert "We paid 30.00 EUR back to you." in text
    assert "Paid 70.00 EUR" in text


@once
@pytest.mark.parametrize("page", ["invoice", "company"])
def test_money_that_was_paid_out_is_shown_as_received(
    client: FlaskClient, hub: Hub, link: Link, till: Connection, page: str
) -> None:
    """A payout tells no amount of the payment: clients have no use for it anyway."""
    invoice = add_invoice(hub)
    tell(hub, till, received(1), chargeback(2))
    made = PayoutMade(
        id="po",
        as_of=clock.now(),
        reference="PO-1",
        amount=eur("99.00"),
        state="paid",
        payments=("P-1",),
    )
    tell(hub, till, made)
    paths = {
        "invoice": link(f"invoice:{invoice.id}"),
        "company": f"{link(f'company:{invoice.company_id}')}?invoice={invoice.id}",
    }

    answer = client.get(paths[page])

    assert 200 == answer.status_code
    assert "We received 100.00 EUR by Till. Thank you." in text_of(answer)
    assert "PO-1" not in answer.text


@once
def test_a_page_that_was_closed_is_no_failure(
    client: FlaskClient, hub: Hub, link: Link, till: Connection
) -> None:
    path = link(f"invoice:{add_invoice(hub).id}")
    closed = PaymentCancelled(
        id="c",
        as_of=clock.now(),
        reference="P-0",
        amount=eur("100.00"),
        match=Match(invoice_number=NUMBER),
    )
    tell(hub, till, closed)

    text = text_of(client.get(path))

    assert (
        "A payment of 100.00 EUR by Till was called off; nothing was charged." in text
    )


@once
def test_what_the_bank_confirms_is_not_paid_again(
    client: FlaskClient, hub: Hub, link: Link, till: Connection
) -> None:
    path = link(f"invoice:{add_invoice(hub).id}")
    tell(hub, till, pending(0))

    waiting = client.get(path)
    last = client.get(f"{path}?look=15")
    given_up = client.get(f"{path}?look=16")

    assert "The bank is confirming your payment" in waiting.text
    assert "<button" not in waiting.text
    assert f'content="2;url={path}?look=1"' in waiting.text
    assert 'http-equiv="refresh"' in last.text
    assert 'http-equiv="refresh"' not in given_up.text
    assert "Look now" in given_up.text

    tell(hub, till, received(1))
    done = client.get(path)

    assert "Paid in full. Thank you!" in done.text
    assert 'http-equiv="refresh"' not in done.text


@once
def test_a_void_invoice_asks_for_nothing(
    client: FlaskClient, hub: Hub, link: Link, invoice: Invoice
) -> None:
    path = link(f"invoice:{invoice.id}")
    with hub.write() as session:
        invoices.void(session, invoice.id)

    text = text_of(client.get(path))

    assert "This invoice was cancelled" in text
    assert "Still open" not in text


@once
def test_without_a_way_to_pay_the_page_says_what_to_do(
    client: FlaskClient, link: Link, invoice: Invoice
) -> None:
    text = text_of(client.get(link(f"invoice:{invoice.id}")))

    assert f"by bank transfer and name {invoice.number}" in text


@once
def test_the_first_opening_is_kept_and_not_that_of_our_own_people(
    client: FlaskClient, hub: Hub, link: Link, invoice: Invoice
) -> None:
    path = link(f"invoice:{invoice.id}")

    assert all_of(hub, PortalLink)[0].opened_at is None
    client.get(path)

    assert all_of(hub, PortalLink)[0].opened_at is not None


@once
def test_nothing_of_a_client_is_a_script(
    client: FlaskClient, hub: Hub, link: Link
) -> None:
    with hub.write() as session:
        company = companies.create(session, {"name": CANARY, "currency": "EUR"})
        line = {"description": CANARY, "quantity": "1", "unit_price": "10"}
        invoice = invoices.create(
            session,
            NewInvoice(
                company_id=company.id, lines=[line], reference=CANARY, notes=CANARY
            ),
        )
        payments.record_payment(
            session, invoice.id, NewPayment(amount=eur("1"), method=CANARY)
        )
        quote = quotes.create(
            session, NewQuote(company_id=company.id, lines=[line], title=CANARY)
        )
    subjects = (f"invoice:{invoice.id}", f"company:{company.id}", f"quote:{quote.id}")

    for path in map(link, subjects):
        text = client.get(path).text
        assert CANARY not in text
        assert "&lt;script&gt;" in text


@once
def test_pages_send_no_referrer_and_forbid_everything_else(
    client: FlaskClient, link: Link, invoice: Invoice
) -> None:
    path = link(f"invoice:{invoice.id}")

    for answer in (client.get(path), client.get(path + "x")):
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert "no-referrer" == answer.headers["Referrer-Policy"]
        assert "no-store" == answer.headers["Cache-Control"]
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert "<script" not in answer.text
        assert " style=" not in answer.text


# --- quotes ---------------------------------------------------------------------


@pytest.fixture
def quote(hub: Hub) -> Quote:
    company = add_company(hub)
    with hub.write() as session:
        line = {"description": "Firewall", "quantity": "1", "unit_price": "2400"}
        return quotes.create(
            session,
            NewQuote(company_id=company.id, lines=[line], title="Firewall renewal"),
        )


@pytest.mark.parametrize(
    ("action", "state"), [("accept", "accepted"), ("decline", "declined")]
)
def test_a_quote_is_answered_once(
    client: FlaskClient, hub: Hub, link: Link, quote: Quote, action: str, state: str
) -> None:
    path = link(f"quote:{quote.id}")

    first = post(client, path, f"{path}/{action}", by="Ana Lee", note="Soon please")
    with client.session_transaction() as kept:
        token = kept["csrf_token"]
    assert token
    shown = client.get(path)

    (row,) = all_of(hub, Quote)
    told = [e.type for e in all_of(hub, Event) if e.type.startswith("quote.")]
    assert (303, path) == (first.status_code, first.location)
    assert (state, "Ana Lee", "Soon please") == (row.state, row.decided_by, row.note)
    assert [f"quote.{state}"] == told
    assert "Ana Lee" in shown.text
    assert "<form" not in shown.text


@once
def test_a_second_answer_changes_nothing(
    client: FlaskClient, hub: Hub, link: Link, quote: Quote
) -> None:
    path = link(f"quote:{quote.id}")
    page = client.get(path).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    form = {"csrf_token": found[1], "by": "Ana"}

    answers = [
        client.post(f"{path}/{action}", data=form).status_code
        for action in ("accept", "accept", "decline")
    ]

    assert [303, 303, 409] == answers
    assert ["accepted"] == [row.state for row in all_of(hub, Quote)]


@once
def test_who_decides_a_quote_says_their_name(
    client: FlaskClient, hub: Hub, link: Link, quote: Quote
) -> None:
    path = link(f"quote:{quote.id}")

    answer = post(client, path, f"{path}/accept", by="  ", note="Hm")

    assert 422 == answer.status_code
    assert "Write your name" in answer.text
    assert "Hm</textarea>" in answer.text
    assert ["open"] == [row.state for row in all_of(hub, Quote)]


@once
def test_a_quote_that_is_too_old_takes_no_answer(
    client: FlaskClient, hub: Hub, link: Link, quote: Quote
) -> None:
    path = link(f"quote:{quote.id}")
    page = client.get(path).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    yesterday = (clock.now() - timedelta(days=1)).date()
    with hub.write() as session:
        quotes.update(session, quote.id, {"valid_until": yesterday})

    assert "This quote has expired" in client.get(path).text
    answer = client.post(f"{path}/accept", data={"csrf_token": found[1], "by": "Ana"})

    assert 409 == answer.status_code


@once
def test_an_invoice_link_answers_no_quote(
    client: FlaskClient, hub: Hub, link: Link, quote: Quote, till: Connection
) -> None:
    path = link(f"invoice:{add_invoice(hub).id}")
    own = link(f"quote:{quote.id}")

    answer = post(client, own, f"{path}/accept", by="Ana")

    assert 404 == answer.status_code
    assert ["open"] == [row.state for row in all_of(hub, Quote)]


# --- forms and floods -----------------------------------------------------------


@once
def test_no_form_is_taken_without_its_token(
    client: FlaskClient, link: Link, quote: Quote
) -> None:
    path = link(f"quote:{quote.id}")

    answer = client.post(f"{path}/accept", data={"by": "Ana"})

    assert 400 == answer.status_code
    assert "open for too long" in answer.text


@once
def test_forms_work_over_https_without_a_referrer(
    hub: Hub, link: Link, quote: Quote
) -> None:
    """The pages forbid referrers, so none can be asked for."""
    client = create_app(hub).test_client()
    path = link(f"quote:{quote.id}")
    secure: Any = {"base_url": "https://localhost"}
    found = re.search(
        r'name="csrf_token" value="([^"]+)"', client.get(path, **secure).text
    )
    assert found is not None

    answer = client.post(
        f"{path}/accept", data={"csrf_token": found[1], "by": "Ana"}, **secure
    )

    assert 303 == answer.status_code


@once
def test_too_many_tries_are_asked_to_wait(
    client: FlaskClient, link: Link, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PER_LINK", 3)
    monkeypatch.setattr(limits, "UNKNOWN_LINKS", 2)
    path = link(f"invoice:{invoice.id}")

    known = [client.get(path).status_code for _ in range(4)]
    guessed = [client.get(f"/pay/guess{n}").status_code for n in range(3)]

    assert [200, 200, 200, 429] == known
    assert [404, 404, 429] == guessed


@once
def test_a_defect_is_a_page_without_its_details(
    client: FlaskClient,
    link: Link,
    invoice: Invoice,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("inner details")

    monkeypatch.setattr(portal_links, "note_opened", broken)

    answer = client.get(link(f"invoice:{invoice.id}"))

    assert 500 == answer.status_code
    assert "inner details" not in answer.text
    assert "wrong on our side" in answer.text
    assert "Overview" not in answer.text

"""Pay by bank against the simulator: there and back."""

from dataclasses import replace

import pytest

from hub.sdk.errors import RejectedError, UnexpectedResponseError
from hub.sdk.facts import (
    CheckoutApproved,
    PaymentCancelled,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
)
from hub.sdk.money import Money
from hub_gocardless import checkout

PAID = Money(124860, "GBP")


@pytest.fixture
def begun(connected, charge):
    """The charge with its page, and the page's address."""
    made = checkout.start(charge, connected)
    return replace(charge, reference=made.reference), made.url


def settle(charge, ctx):
    return checkout.finish(charge, {"id": "forged"}, ctx)


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        ("approve", PaymentReceived),
        ("leave", PaymentReceived),
        ("pending", PaymentPending),
    ],
)
def test_what_the_payer_does_is_known_by_asking(
    choice, kind, sim, connected, begun, hear
):
    """With webhooks off every payment gets there; with both on it is the same one."""
    started, page = begun
    sim.choose(page, choice)
    fact = settle(started, connected)[-1]
    assert type(fact) is kind
    assert (PAID, started.id, started.reference) == (
        fact.amount,
        fact.match.charge,
        fact.match.checkout,
    )
    assert {fact.reference} == {told.reference for told in hear()}
    assert {started.id} == {told.match.charge for told in hear()}


@pytest.mark.parametrize("choice", [None, "decline", "close"])
def test_a_page_not_paid_on_yet_stays_open(choice, sim, connected, begun, hear):
    started, page = begun
    if choice:
        sim.choose(page, choice)
    assert ([], []) == (settle(started, connected), hear())
    sim.choose(page, "approve")
    assert isinstance(settle(started, connected)[-1], PaymentReceived)


def test_money_that_waits_comes_after_a_while_or_not(sim, connected, begun):
    started, page = begun
    sim.choose(page, "pending")
    waiting = settle(started, connected)[-1]
    sim.drive("event", payment=waiting.reference, event="failed")
    assert isinstance(settle(started, connected)[-1], PaymentFailed)


def test_starting_twice_leads_to_one_request(sim, connected, charge, begun):
    started, _ = begun
    again = checkout.start(charge, connected)
    known = checkout.start(started, connected)
    assert {started.reference} == {again.reference, known.reference}
    assert 1 == len(sim.requests)


def test_who_paid_is_not_sent_to_pay_again(sim, connected, begun):
    started, page = begun
    sim.choose(page, "pending")
    with pytest.raises(RejectedError, match="through with"):
        checkout.start(started, connected)


def test_a_closed_page_takes_no_money_any_more(sim, connected, begun):
    """ROAD 7: never two pages at once on which one invoice can be paid."""
    started, page = begun
    (fact,) = checkout.cancel(started, connected)
    assert isinstance(fact, PaymentCancelled)
    assert (started.id, PAID) == (fact.match.charge, fact.amount)
    sim.choose(page, "approve")
    assert {} == sim.payments


def test_a_page_that_was_paid_on_says_so_when_it_is_closed(sim, connected, begun):
    started, page = begun
    sim.choose(page, "approve")
    assert isinstance(checkout.cancel(started, connected)[-1], PaymentReceived)


def test_a_payment_under_way_is_approved(sim, connected, begun):
    started, _ = begun
    sim.requests[started.reference]["status"] = "fulfilling"
    (fact,) = settle(started, connected)
    assert isinstance(fact, CheckoutApproved)
    assert (started.reference, started.id) == (fact.reference, fact.match.charge)


def test_a_page_of_another_charge_is_not_believed(connected, begun):
    started, _ = begun
    with pytest.raises(UnexpectedResponseError, match="somebody else"):
        settle(replace(started, id="chg_other"), connected)


def test_banks_pay_at_once_in_two_currencies_only(make_ctx, charge):
    dollars = replace(charge, amount=Money(100, "USD"))
    with pytest.raises(RejectedError, match="USD"):
        checkout.start(dollars, make_ctx())


@pytest.mark.parametrize("flow", [{}, {"authorisation_url": "ftp:"}])
def test_a_flow_without_a_page_is_drift(flow, requests_mock, make_ctx, charge):
    api = "https://api-sandbox.gocardless.com"
    made = {"id": "BRQ1", "created_at": "2026-03-02T09:00:04.000Z", "status": "pending"}
    requests_mock.post(f"{api}/billing_requests", json={"billing_requests": made})
    requests_mock.post(
        f"{api}/billing_request_flows", json={"billing_request_flows": flow}
    )
    with pytest.raises(UnexpectedResponseError):
        checkout.start(charge, make_ctx())

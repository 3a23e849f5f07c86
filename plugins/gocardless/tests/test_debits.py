"""Mandates and debits against the simulator: given, collected, and what comes of it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import requests

from hub.sdk import clock
from hub.sdk.errors import RejectedError, UnavailableError, UnexpectedResponseError
from hub.sdk.facts import (
    ChargebackMade,
    MandateSeen,
    PaymentCancelled,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    PayoutMade,
    RefundMade,
)
from hub.sdk.ledger import Mandate, Payment
from hub.sdk.money import Money
from hub_gocardless import catching_up, checkout, debits, mandates, refunds

PAID = Money(124860, "GBP")


def collect(invoice, charge, mandate, ctx):
    return debits.collect(invoice, charge, mandate, ctx)


def settle(charge, ctx):
    return checkout.settle(charge, ctx)


def refund(payment, amount, ctx):
    return refunds.refund(payment, amount, ctx)


def cancel_mandate(mandate, ctx):
    return mandates.cancel(mandate, ctx)


# Mandates


@pytest.fixture
def begun(connected, asked, company):
    """The request with its page, and the page's address."""
    made = mandates.start(company, asked, connected)
    return replace(asked, reference=made.reference), made.url


def finish(request, ctx):
    return mandates.finish(request, {}, ctx)


@pytest.mark.parametrize("choice", ["approve", "leave"])
def test_a_client_gives_a_mandate_on_the_page(choice, sim, connected, begun, hear):
    request, page = begun
    assert [] == finish(request, connected)
    back = sim.choose(page, choice)
    if choice == "approve":
        assert request.return_url == back.headers["Location"]
    (seen,) = finish(request, connected)
    assert isinstance(seen, MandateSeen)
    assert ("active", request.id, request.reference) == (
        seen.state,
        seen.request,
        seen.checkout,
    )
    assert ("GBP", "bacs") == (seen.currency, seen.scheme)
    assert date.fromisoformat(seen.next_charge_date) > clock.now().date()
    told = [fact for fact in hear() if isinstance(fact, MandateSeen)]
    assert {seen.reference} == {fact.reference for fact in told}
    assert {request.id} == {fact.request for fact in told}


@pytest.mark.parametrize("choice", ["decline", "close"])
def test_who_gives_none_may_come_back(choice, sim, connected, begun, hear):
    request, page = begun
    answer = sim.choose(page, choice)
    if choice == "close":
        assert request.cancel_url == answer.headers["Location"]
    else:
        assert "refused" in answer.text
    assert ([], []) == (finish(request, connected), hear())
    sim.choose(page, "approve")
    assert 1 == len(finish(request, connected))


def test_starting_twice_leads_to_one_request(sim, connected, asked, company, begun):
    request, _ = begun
    again = mandates.start(company, asked, connected)
    known = mandates.start(company, request, connected)
    assert {request.reference} == {again.reference, known.reference}
    assert 1 == len(sim.requests)


def test_who_gave_a_mandate_is_not_sent_to_give_another(sim, connected, company, begun):
    request, page = begun
    sim.choose(page, "approve")
    with pytest.raises(RejectedError, match="through with"):
        mandates.start(company, request, connected)


def test_a_cancelled_request_makes_room_for_another(sim, connected, company, begun):
    request, _ = begun
    sim.requests[request.reference]["status"] = "cancelled"
    made = mandates.start(company, request, connected)
    assert request.reference != made.reference


def test_a_request_of_somebody_else_is_not_believed(connected, begun):
    request, _ = begun
    with pytest.raises(UnexpectedResponseError, match="somebody else"):
        finish(replace(request, id="mrq_other"), connected)


def test_an_address_gocardless_refuses_keeps_nobody_from_the_page(
    sim, connected, asked, company, monkeypatch
):
    known = {"email": "no address"}
    monkeypatch.setattr("hub_gocardless.hosted.prefilled", lambda company: known)
    assert mandates.start(company, asked, connected).url


def test_what_is_known_of_the_client_is_filled_in(sim, begun):
    _, page = begun
    shown = requests.get(page, timeout=10).text
    assert "Harbour Dental Ltd" in shown
    assert "accounts@harbourdental.example" in shown


def test_a_currency_gocardless_does_not_collect_is_refused(make_ctx, asked, company):
    with pytest.raises(RejectedError, match="JPY"):
        mandates.start(company, replace(asked, currency="JPY"), make_ctx())


def test_cancelling_twice_is_cancelling_once(sim, connected, mandate, hear):
    for _ in range(2):
        (seen,) = cancel_mandate(mandate, connected)
        assert ("cancelled", "mrq_1") == (seen.state, seen.request)
    told = [fact for fact in hear() if isinstance(fact, MandateSeen)]
    assert "cancelled" == told[-1].state


@pytest.mark.parametrize("end", ["cancelled", "expired", "failed"])
def test_a_mandate_that_ends_takes_its_open_payments_along(
    end, sim, connected, mandate, invoice, charge, hear
):
    collect(invoice, charge, mandate, connected)
    sim.drive("event", mandate=mandate.reference, event=end)
    ended, cancelled = hear()[-2:]
    assert (end, mandate.reference) == (ended.state, ended.reference)
    assert isinstance(cancelled, PaymentCancelled)
    assert charge.id == cancelled.match.charge


def test_a_replaced_mandate_moves_on(sim, connected, mandate, hear):
    sim.drive("event", mandate=mandate.reference, event="replaced")
    old = [f for f in hear() if f.reference == mandate.reference][-1]
    assert "replaced" == old.state
    new = [f for f in hear() if f.reference == old.replaced_by][-1]
    assert ("active", "mrq_1") == (new.state, new.request)


# Collecting


@pytest.fixture
def collected(sim, connected, mandate, invoice, charge):
    """The charge, collected by the mandate."""
    (fact,) = collect(invoice, charge, mandate, connected)
    assert isinstance(fact, PaymentPending)
    return replace(charge, reference=fact.reference)


def test_collecting_twice_is_one_payment(
    sim, connected, mandate, invoice, charge, collected
):
    """GoCardless doesn't repeat its answer: it names what it made."""
    (again,) = collect(invoice, charge, mandate, connected)
    assert collected.reference == again.reference
    assert (1, charge.id) == (len(sim.payments), again.match.charge)


def test_a_time_out_after_success_makes_no_second_payment(
    sim, connected, mandate, invoice, charge
):
    sim.drive("faults", kind="timeout_after", path="/payments", seconds=0)
    with pytest.raises(UnavailableError) as caught:
        collect(invoice, charge, mandate, connected)
    assert caught.value.outcome_unknown
    # The janitor finds it by asking, without knowing its id ...
    found = settle(charge, connected)
    assert {charge.id} == {fact.match.charge for fact in found}
    # ... and so does asking again.
    (again,) = collect(invoice, charge, mandate, connected)
    assert {again.reference} == {fact.reference for fact in found}
    assert 1 == len(sim.payments)


def test_a_conflict_is_the_earlier_success(sim, connected, mandate, invoice, charge):
    sim.drive("faults", kind="409")
    (fact,) = collect(invoice, charge, mandate, connected)
    assert [fact.reference] == list(sim.payments)


def test_what_was_never_made_is_not_found(connected, charge):
    assert [] == settle(charge, connected)


@pytest.mark.parametrize("days", [0, 1, 60])
def test_it_is_charged_on_the_due_date_or_as_soon_as_it_can_be(
    days, sim, connected, mandate, invoice, charge
):
    due = clock.now().date() + timedelta(days=days)
    collect(replace(invoice, due_date=due), charge, mandate, connected)
    (payment,) = sim.payments.values()
    wanted = sim.mandates[mandate.reference]["next_possible_charge_date"]
    if days == 60:
        # A day on which no bank works rolls on.
        roll = {5: 2, 6: 1}.get(due.weekday(), 0)
        wanted = (due + timedelta(days=roll)).isoformat()
    assert wanted == payment["charge_date"]


def test_a_day_that_has_just_become_too_early_is_left_out(
    requests_mock, make_ctx, invoice, charge, company
):
    api = "https://api-sandbox.gocardless.com"
    mandate = Mandate(id="mdt_1", company=company, reference="MD1", state="active")
    known = {
        "id": mandate.reference,
        "status": "active",
        "created_at": "2026-03-02T09:00:04.000Z",
        "next_possible_charge_date": "2020-01-01",
    }
    made = {
        "id": "PM1",
        "created_at": "2026-03-02T09:00:04.000Z",
        "amount": 124860,
        "currency": "GBP",
        "status": "pending_submission",
        "metadata": {"hub_payment": charge.id},
    }
    error = {"type": "validation_failed", "errors": [{"field": "charge_date"}]}
    requests_mock.get(f"{api}/mandates/{mandate.reference}", json={"mandates": known})
    requests_mock.post(
        f"{api}/payments",
        [
            {"status_code": 422, "json": {"error": error}},
            {"status_code": 201, "json": {"payments": made}},
        ],
    )
    collect(invoice, charge, mandate, make_ctx())
    first, second = (r for r in requests_mock.request_history if r.method == "POST")
    assert "charge_date" in first.json()["payments"]
    assert "charge_date" not in second.json()["payments"]
    assert len({r.headers["Idempotency-Key"] for r in (first, second)}) == 1


def test_a_dead_mandate_collects_nothing(sim, connected, mandate, invoice, charge):
    sim.drive("event", mandate=mandate.reference, event="expired")
    with pytest.raises(RejectedError) as caught:
        collect(invoice, charge, mandate, connected)
    assert "mandate_is_inactive" == caught.value.code


# What becomes of a payment: asked for, told and listed, it is always the same


LIVES = {
    ("submitted",): (PaymentPending, None),
    ("confirmed",): (PaymentReceived, None),
    ("confirmed", "paid_out"): (PaymentReceived, None),
    ("submitted", "failed"): (PaymentFailed, None),
    ("cancelled",): (PaymentCancelled, None),
    ("will_retry",): (PaymentPending, None),
    ("failed", "retried"): (PaymentPending, None),
    ("failed", "retried", "confirmed"): (PaymentReceived, None),
    ("confirmed", "late_failure"): (PaymentFailed, None),
    ("confirmed", "paid_out", "late_failure"): (PaymentFailed, None),
    ("confirmed", "charged_back"): (PaymentReceived, "done"),
    ("confirmed", "paid_out", "charged_back", "chargeback_cancelled"): (
        PaymentReceived,
        "cancelled",
    ),
}


def newest(facts, *kinds):
    """What the ledger makes of facts: of each movement the newest counts."""
    ours = [fact for fact in facts if isinstance(fact, kinds)]
    return max(ours, key=lambda fact: fact.as_of) if ours else None


def ends(facts):
    capture = (PaymentPending, PaymentReceived, PaymentFailed, PaymentCancelled)
    back = newest(facts, ChargebackMade)
    return type(newest(facts, *capture)), back and back.state


@pytest.mark.parametrize(("life", "end"), LIVES.items(), ids=lambda x: str(x)[:40])
def test_a_payment_ends_the_same_however_it_is_learnt_of(
    life, end, sim, connected, collected, hear
):
    at_once: dict[str, Any] = {}
    for what in life:
        sim.drive("event", payment=collected.reference, event=what)
        for fact in hear():
            at_once.setdefault(fact.id, fact)
    polled = settle(collected, connected)
    listed = [f for page in catching_up.pages(connected, None) for f in page.facts]
    assert end == ends(polled)
    assert end == ends(at_once.values())
    assert end == ends(hear())
    assert end == ends(listed)
    # They are the same facts, so that nothing counts twice (ROAD 2).
    ids = {fact.id for fact in polled}
    assert ids <= {fact.id for fact in hear()}
    assert ids <= {fact.id for fact in listed}
    assert {PAID} == {fact.amount for fact in polled}


def test_a_payment_without_events_still_says_how_it_stands(sim, connected, collected):
    sim.events.clear()
    sim.payments[collected.reference]["status"] = "confirmed"
    (fact,) = settle(collected, connected)
    assert isinstance(fact, PaymentReceived)
    assert fact.id.startswith(f"payment:{collected.reference}:confirmed:")


def test_a_status_that_no_event_tells_yet_is_told(sim, connected, collected):
    sim.payments[collected.reference]["status"] = "failed"
    facts = settle(collected, connected)
    assert (PaymentFailed, None) == ends(facts)


@pytest.mark.parametrize(
    "payment", [{}, {"status": []}, {"id": "PM1", "status": {}}, {"amount": "1"}]
)
@pytest.mark.parametrize("event", [None, "x", {"id": 7}])
def test_a_payment_that_cannot_be_read_is_drift(
    payment, event, requests_mock, make_ctx, charge
):
    api = "https://api-sandbox.gocardless.com"
    requests_mock.get(f"{api}/payments/PM1", json={"payments": payment})
    events = [event] if event else []
    requests_mock.get(f"{api}/events", json={"events": events})
    with pytest.raises(UnexpectedResponseError):
        settle(replace(charge, reference="PM1"), make_ctx())


def test_a_payout_names_its_payments_and_what_they_cost(
    sim, connected, collected, hear
):
    sim.drive("event", payment=collected.reference, event="confirmed")
    sim.drive("payout")
    (payout,) = [fact for fact in hear() if isinstance(fact, PayoutMade)]
    assert (collected.reference,) == payout.payments
    assert payout.fees is not None
    assert PAID.minor == payout.amount.minor + payout.fees.minor
    assert payout.amount.minor == sum(line.amount.minor for line in payout.lines)


def test_an_open_debit_can_be_called_off_until_the_bank_has_it(
    sim, connected, collected
):
    facts = checkout.cancel(collected, connected)
    assert (PaymentCancelled, None) == ends(facts)


def test_a_debit_at_the_bank_is_not_called_off(sim, connected, collected):
    sim.drive("event", payment=collected.reference, event="submitted")
    facts = checkout.cancel(collected, connected)
    assert (PaymentPending, None) == ends(facts)


# Refunds


@pytest.fixture
def payment(sim, collected):
    sim.drive("event", payment=collected.reference, event="confirmed")
    return Payment(
        id="pay_1",
        reference=collected.reference,
        amount=PAID,
        refunded=Money(0, "GBP"),
    )


def test_a_refund_asked_for_twice_is_made_once(sim, connected, payment, hear):
    part = Money(24860, "GBP")
    made = [refund(payment, part, connected) for _ in range(2)]
    assert {part} == {fact.amount for (fact,) in made}
    assert {payment.reference} == {fact.payment for (fact,) in made}
    assert {"pending"} == {fact.state for (fact,) in made}
    (id,) = sim.refunds
    sim.drive("event", refund=id, event="paid")
    told = [fact for fact in hear() if isinstance(fact, RefundMade)]
    assert ("done", id) == (told[-1].state, told[-1].reference)


def test_a_time_out_after_success_makes_no_second_refund(sim, connected, payment):
    sim.drive("faults", kind="409")
    refund(payment, Money(100, "GBP"), connected)
    refund(payment, Money(100, "GBP"), connected)
    assert 1 == len(sim.refunds)


def test_two_refunds_are_two_also_while_the_first_is_under_way(
    sim, connected, make_ctx, payment
):
    part = Money(10000, "GBP")
    refund(payment, part, connected)
    second = make_ctx(base=sim.address, delivery="rfr_2")
    refund(payment, part, second)
    assert [10000, 10000] == [each["amount"] for each in sim.refunds.values()]


def test_more_than_was_paid_is_refused(connected, payment):
    with pytest.raises(RejectedError) as caught:
        refund(payment, Money(200000, "GBP"), connected)
    assert "available_refund_amount_insufficient" == caught.value.code


def test_a_refund_that_comes_back_failed(sim, connected, payment, hear):
    refund(payment, Money(100, "GBP"), connected)
    (id,) = sim.refunds
    sim.drive("event", refund=id, event="paid")
    sim.drive("event", refund=id, event="failed")
    told = [fact for fact in hear() if isinstance(fact, RefundMade)]
    assert ("failed", id) == (newest(told, RefundMade).state, told[-1].reference)


# Catching up


def test_a_walk_goes_on_where_the_last_one_ended(sim, connected, collected):
    *_, last = catching_up.pages(connected, None)
    sim.drive("event", payment=collected.reference, event="confirmed")
    facts = [
        f for page in catching_up.pages(connected, last.cursor) for f in page.facts
    ]
    assert (PaymentReceived, None) == ends(facts)


def test_a_long_list_is_walked_page_by_page(sim, connected, monkeypatch):
    monkeypatch.setattr(catching_up, "_LIMIT", "3")
    amount = {"value": "12.00", "currency_code": "GBP"}
    for _ in range(3):
        sim.drive("pay", amount=amount, event="paid_out")
    pages = list(catching_up.pages(connected, None))
    assert len(sim.events) / 3 <= len(pages)
    told = {fact.id for page in pages for fact in page.facts}
    assert set(sim.events) <= told
    # Broken off in the middle it goes on there.
    rest = list(catching_up.pages(connected, pages[1].cursor))
    assert [page.facts for page in pages[2:]] == [page.facts for page in rest]


def test_what_was_deleted_does_not_stop_the_walk(sim, connected, collected):
    sim.payments.clear()
    (page,) = catching_up.pages(connected, None)
    assert {MandateSeen} == {type(fact) for fact in page.facts}

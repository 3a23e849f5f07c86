"""There and back against the simulator: session, payment, refund."""

from dataclasses import replace

import pytest

from hub.sdk.errors import RejectedError, UnavailableError, UnexpectedResponseError
from hub.sdk.facts import (
    PaymentCancelled,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    RefundMade,
)
from hub.sdk.ledger import Payment
from hub.sdk.money import Money
from hub_stripe import checkout

PAID = Money(124860, "GBP")


def settle(charge, ctx):
    return checkout.settle(charge, ctx)


def refund(payment, amount, ctx):
    return checkout.refund(payment, amount, ctx)


def test_starting_twice_gives_the_same_checkout(sim, connected, charge):
    first, second = (checkout.start(charge, connected) for _ in range(2))
    assert first == second
    assert f"{sim.address}/c/pay/{first.reference}" == first.url
    assert 1 == len(sim.sessions)


def test_an_open_session_is_shown_again(sim, connected, started):
    assert started.reference == checkout.start(started, connected).reference
    assert 1 == len(sim.sessions)


def test_a_session_of_another_amount_is_closed_before_another_opens(
    sim, connected, started
):
    """ROAD 7: never two pages at once on which one invoice can be paid."""
    less = replace(started, amount=Money(1000, "GBP"))
    made = checkout.start(less, connected)
    assert {"expired": 1, "open": 1} == {
        state: sum(s["status"] == state for s in sim.sessions.values())
        for state in ("expired", "open")
    }
    assert "expired" == sim.sessions[started.reference]["status"]
    assert 1000 == sim.sessions[made.reference]["amount_total"]


def test_an_expired_session_makes_room_for_another(sim, connected, started):
    sim.drive("event", event="expired", session=started.reference)
    assert started.reference != checkout.start(started, connected).reference


def test_who_paid_is_not_sent_to_pay_again(sim, connected, started):
    sim.choose(started.reference, "pending")
    with pytest.raises(RejectedError, match="already"):
        checkout.start(started, connected)


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        ("approve", PaymentReceived),
        ("leave", PaymentReceived),
        ("pending", PaymentPending),
    ],
)
def test_what_the_payer_does_is_known_by_asking(
    choice, kind, sim, connected, started, hear
):
    """With webhooks off every payment gets there; with both on it is the same one."""
    sim.choose(started.reference, choice)
    (fact,) = settle(started, connected)
    assert type(fact) is kind
    assert (PAID, started.id, started.reference) == (
        fact.amount,
        fact.match.charge,
        fact.match.checkout,
    )
    assert {fact.reference} == {told.reference for told in hear()}


def test_fee_and_net_are_told_on_return(sim, connected, started):
    sim.choose(started.reference, "approve")
    (fact,) = settle(started, connected)
    assert PAID.minor == fact.fee.minor + fact.net.minor


@pytest.mark.parametrize("choice", [None, "decline", "close"])
def test_a_session_not_paid_yet_stays_open(choice, sim, connected, started, hear):
    if choice:
        sim.choose(started.reference, choice)
    assert [] == settle(started, connected)
    assert [] == hear()


def test_a_declined_card_may_be_followed_by_a_good_one(sim, connected, started, hear):
    assert "declined" in sim.choose(started.reference, "decline").text
    sim.choose(started.reference, "approve")
    (fact,) = settle(started, connected)
    assert isinstance(fact, PaymentReceived)
    assert {fact.reference} == {told.reference for told in hear()}
    assert 1 == len(sim.intents)


@pytest.mark.parametrize(
    ("event", "kind"), [("completed", PaymentReceived), ("denied", PaymentFailed)]
)
def test_a_bank_debit_ends_later(event, kind, sim, connected, started, hear):
    sim.choose(started.reference, "pending")
    (waiting,) = settle(started, connected)
    sim.drive("event", payment_intent=waiting.reference, event=event)
    (ended,) = settle(started, connected)
    assert type(ended) is kind
    assert ended.as_of >= waiting.as_of
    assert type(hear()[-1]) is kind


def test_an_expired_session_is_cancelled(sim, connected, started):
    sim.drive("event", event="expired", session=started.reference)
    (fact,) = settle(started, connected)
    assert isinstance(fact, PaymentCancelled)
    assert started.id == fact.match.charge


def test_a_session_of_another_payment_is_not_believed(sim, connected, started):
    with pytest.raises(UnexpectedResponseError, match="another payment"):
        settle(replace(started, id="chg_other"), connected)


def test_a_charge_without_a_session_has_nothing_to_say(make_ctx, charge):
    assert [] == settle(charge, make_ctx())


def test_a_time_out_after_success_makes_no_second_session(sim, connected, charge):
    path = "/v1/checkout/sessions"
    sim.drive("faults", kind="timeout_after", path=path, seconds=0)
    with pytest.raises(UnavailableError) as caught:
        checkout.start(charge, connected)
    assert caught.value.outcome_unknown
    checkout.start(charge, connected)
    assert 1 == len(sim.sessions)


@pytest.fixture
def received(sim, connected, started):
    sim.choose(started.reference, "approve")
    (fact,) = settle(started, connected)
    return fact


def payment_of(fact):
    return Payment(
        id="pay_1",
        reference=fact.reference,
        amount=fact.amount,
        refunded=Money(0, "GBP"),
    )


def test_a_refund_asked_for_twice_is_made_once(sim, connected, received):
    part = Money(24860, "GBP")
    made = [refund(payment_of(received), part, connected) for _ in range(2)]
    assert {part} == {fact.amount for (fact,) in made}
    assert {received.reference} == {fact.payment for (fact,) in made}
    assert 1 == len(sim.refunds)


def test_two_equal_refunds_are_two(sim, connected, received):
    part = Money(10000, "GBP")
    refund(payment_of(received), part, connected)
    refund(payment_of(received), part, replace(connected, delivery="rfr_2"))
    assert 2 == len(sim.refunds)


def test_more_than_was_paid_is_refused(connected, received):
    with pytest.raises(RejectedError) as caught:
        refund(payment_of(received), Money(200000, "GBP"), connected)
    assert "amount_too_large" == caught.value.code


def test_refunds_made_at_stripe_are_seen_when_asking(
    sim, connected, started, received, hear
):
    sim.drive("event", payment_intent=received.reference, event="refunded")
    facts = settle(started, connected)
    assert [PaymentReceived, RefundMade] == [type(fact) for fact in facts]
    told = {fact.reference for fact in hear() if isinstance(fact, RefundMade)}
    assert {facts[1].reference} == told


def test_a_page_address_of_the_accounts_own_is_used_as_it_is(
    requests_mock, make_ctx, charge
):
    page = "https://pay.northgate-msp.example/c/pay/cs_1"
    url = "https://api.stripe.com/v1/checkout/sessions"
    requests_mock.post(url, json={"id": "cs_1", "url": page})
    assert page == checkout.start(charge, make_ctx()).url


@pytest.mark.parametrize("answer", [{}, {"id": "cs_1"}, {"id": "cs_1", "url": "ftp:"}])
def test_a_session_without_a_page_is_drift(answer, requests_mock, make_ctx, charge):
    requests_mock.post("https://api.stripe.com/v1/checkout/sessions", json=answer)
    with pytest.raises(UnexpectedResponseError):
        checkout.start(charge, make_ctx())


def test_a_page_that_is_closed_takes_no_money_any_more(sim, connected, started):
    """ROAD 7."""
    (fact,) = checkout.cancel(started, connected)

    assert isinstance(fact, PaymentCancelled)
    assert "expired" == sim.sessions[started.reference]["status"]
    (again,) = checkout.cancel(started, connected)
    assert isinstance(again, PaymentCancelled)
    assert fact.reference == again.reference


def test_a_page_that_was_paid_on_says_so_when_it_is_to_be_closed(
    sim, connected, started
):
    sim.choose(started.reference, "approve")
    (fact,) = checkout.cancel(started, connected)

    assert isinstance(fact, PaymentReceived)


def test_a_charge_without_a_session_has_nothing_to_close(sim, connected, charge):
    assert [] == checkout.cancel(charge, connected)

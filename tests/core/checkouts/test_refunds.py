"""Refunds: asked for once, given once, whatever the answer does."""

from datetime import timedelta

import pytest
import time_machine

from hub.boot import Hub
from hub.core import janitor
from hub.core.checkouts import checkout, refunds
from hub.core.ledger import payments
from hub.core.ledger.payments import NewPayment
from hub.core.models import Connection, Payment, RefundRequest
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, RejectedError
from hub.sdk.facts import RefundMade
from tests.core.checkouts.desk import Desk, timeout
from tests.parts.ledger import add_invoice, add_user, all_of, eur, notes, standing, tell


@pytest.fixture
def payment(shop: Hub, desk: Desk) -> Payment:
    invoice = add_invoice(shop)
    begun = checkout.begin(shop, invoice.id, "desk", back="https://hub.test/pay/t")
    desk.approve(begun.reference)
    checkout.finish(shop, begun.charge_id, {})
    (found,) = all_of(shop, Payment)
    return found


def the_payment(hub: Hub) -> Payment:
    return all_of(hub, Payment)[0]


def test_all_of_a_payment_goes_back(shop: Hub, desk: Desk, payment: Payment) -> None:
    done = refunds.refund(shop, payment.id)

    assert ("done", "RE-1", 10000) == (
        done.state,
        done.refund_reference,
        done.amount_minor,
    )
    assert ("refunded", 10000) == (
        the_payment(shop).state,
        the_payment(shop).refunded_minor,
    )
    assert ("open", 0, 10000) == standing(shop)


def test_part_goes_back_and_then_the_same_part_again(
    shop: Hub, desk: Desk, payment: Payment
) -> None:
    """Two refunds of one amount are two; each has a key of its own (ROAD 17)."""
    for _ in range(2):
        refunds.refund(shop, payment.id, eur("30.00"))

    assert [3000, 3000] == [money.minor for money in desk.refunds.values()]
    assert 6000 == the_payment(shop).refunded_minor


@pytest.mark.parametrize("amount", ["0.00", "70.01"])
def test_more_than_is_left_is_refused(
    shop: Hub, desk: Desk, payment: Payment, amount: str
) -> None:
    refunds.refund(shop, payment.id, eur("30.00"))
    with pytest.raises(InvalidError, match="70"):
        refunds.ask(shop, payment.id, eur(amount))
    assert 1 == len(desk.refunds)


def test_one_refund_of_a_payment_is_under_way_at_a_time(
    shop: Hub, payment: Payment
) -> None:
    refunds.ask(shop, payment.id, eur("30.00"))
    with pytest.raises(ConflictError, match="under way"):
        refunds.ask(shop, payment.id, eur("10.00"))


def test_a_form_that_is_sent_twice_gives_back_once(
    shop: Hub, desk: Desk, payment: Payment
) -> None:
    refunds.refund(shop, payment.id, eur("30.00"), seen=eur("0.00"))
    with pytest.raises(ConflictError, match="meanwhile"):
        refunds.refund(shop, payment.id, eur("30.00"), seen=eur("0.00"))
    assert 1 == len(desk.refunds)


@pytest.mark.parametrize("when", ["before", "after"])
def test_refund_whose_outcome_is_unknown_is_asked_for_again_with_its_key(
    shop: Hub, desk: Desk, payment: Payment, when: str
) -> None:
    """ROAD 16, 17."""
    desk.at = timeout(f"refund:{when}")
    request = refunds.refund(shop, payment.id, eur("30.00"))
    with time_machine.travel(now() + timedelta(minutes=2)):
        janitor.check_due(shop)

    assert ("open", "done") == (request.state, all_of(shop, RefundRequest)[0].state)
    assert [eur("30.00")] == list(desk.refunds.values())
    assert 3000 == the_payment(shop).refunded_minor


def test_refund_heard_of_by_webhook_is_not_asked_for_again(
    shop: Hub, desk: Desk, payment: Payment
) -> None:
    desk.at = timeout("refund:after")
    refunds.refund(shop, payment.id, eur("30.00"))
    with shop.read() as session:
        connection = session.get_one(Connection, payment.connection_id)
    heard = RefundMade(
        id="w-1",
        as_of=now(),
        reference="RE-1",
        payment=payment.reference,
        amount=eur("30.00"),
    )
    tell(shop, connection, heard)
    with time_machine.travel(now() + timedelta(minutes=2)):
        janitor.check_due(shop)

    (request,) = all_of(shop, RefundRequest)
    assert ("done", "RE-1", 1) == (
        request.state,
        request.refund_reference,
        desk.calls["refund"],
    )
    assert 3000 == the_payment(shop).refunded_minor


def test_once_the_key_may_be_forgotten_a_person_has_to_look(
    shop: Hub, desk: Desk, payment: Payment
) -> None:
    """ROAD 17: money is never sent a second time on a guess."""
    add_user(shop)
    desk.at = timeout("refund:after")
    request = refunds.refund(shop, payment.id, eur("30.00"))
    with pytest.raises(ConflictError, match="still asks"):
        refunds.give_up(shop, request.id)
    with time_machine.travel(now() + timedelta(days=1)):
        janitor.check_due(shop)
        janitor.check_due(shop)

        assert 1 == desk.calls["refund"]
        assert ["refund.unknown"] == [
            kind for kind, _ in notes(shop) if kind.startswith("refund")
        ]
        given_up = refunds.give_up(shop, request.id, actor="user:usr_1")
    assert "refused" == given_up.state


def test_refused_refund_says_why_and_makes_room(
    shop: Hub, desk: Desk, payment: Payment
) -> None:
    def refuse(point: str) -> None:
        raise RejectedError("The account has no money.")

    desk.at = refuse
    request = refunds.refund(shop, payment.id)
    desk.at = lambda point: None

    assert ("refused", "The account has no money.") == (request.state, request.problem)
    assert "done" == refunds.refund(shop, payment.id).state


def test_money_recorded_by_hand_is_given_back_by_hand(shop: Hub, desk: Desk) -> None:
    invoice = add_invoice(shop)
    with shop.write() as session:
        paid = payments.record_payment(
            session, invoice.id, NewPayment(amount=eur("100"))
        )
    request = refunds.refund(shop, paid.id, eur("40.00"))

    assert ("done", 0) == (request.state, desk.calls["refund"])
    assert ("partially_paid", 6000, 4000) == standing(shop)


def test_plugin_without_refunds_leaves_it_to_the_providers_pages(
    hub: Hub, till: Connection
) -> None:
    from tests.parts.ledger import received

    add_invoice(hub)
    tell(hub, till, received())
    with pytest.raises(ConflictError, match="do it at the provider"):
        refunds.ask(hub, the_payment(hub).id)

"""What is told of a payment that moved."""

from hub.core.ledger.news import Transition, transitions
from hub.core.ledger.states import PaymentView
from tests.parts.ledger import at

NOTHING = PaymentView()
CONFIRMED = PaymentView(state="confirmed", amount_minor=10000, currency="EUR")


def view(**values):
    return PaymentView(
        **{"state": "confirmed", "amount_minor": 10000, "currency": "EUR", **values}
    )


def news(before, after, was_matched=True, is_matched=True):
    found = transitions(before, after, was_matched=was_matched, is_matched=is_matched)
    return [(each.type, each.movement, each.amount_minor) for each in found]


def test_nothing_is_told_of_nothing() -> None:
    """ROAD 8."""
    assert [] == news(CONFIRMED, CONFIRMED)


def test_money_is_told_when_it_comes() -> None:
    assert [("payment.received", "", None)] == news(view(state="pending"), CONFIRMED)


def test_money_is_told_when_its_invoice_is_found() -> None:
    """ROAD 6: matching publishes payment.received."""
    assert [] == news(NOTHING, CONFIRMED, False, False)
    assert [("payment.received", "", None)] == news(CONFIRMED, CONFIRMED, False, True)


def test_payout_of_money_already_told_is_no_news() -> None:
    assert [] == news(CONFIRMED, view(state="paid_out"))


def test_each_failure_is_told_by_its_time() -> None:
    failed = view(state="failed", since=at(0))

    expected = [("payment.failed", "2026-03-02T10:00:00Z", None)]
    assert expected == news(view(state="pending"), failed)
    assert [] == news(failed, view(state="failed", since=at(1)))


def test_each_refund_is_told_with_its_amount() -> None:
    before = view(refunds={"R-1": 3000})
    after = view(refunds={"R-1": 3000, "R-2": 500})

    assert [("payment.refunded", "R-2", 500)] == news(before, after)


def test_refund_that_takes_the_place_of_a_total_is_no_news() -> None:
    """ROAD 4."""
    before = view(told=5000)

    assert [("payment.refunded", "total:5000", 5000)] == news(CONFIRMED, before)
    assert [] == news(before, view(refunds={"R-1": 3000}, told=2000))
    assert [("payment.refunded", "R-1", 1000)] == news(
        before, view(refunds={"R-1": 6000})
    )


def test_failed_refund_is_not_told_as_one() -> None:
    assert [] == news(view(refunds={"R-1": 3000}), CONFIRMED)


def test_refund_is_told_once_the_money_it_came_from_is_known() -> None:
    """ROAD 6: refund before capture."""
    before = view(state="pending", refunds={"R-1": 3000})
    after = view(refunds={"R-1": 3000})

    assert [
        ("payment.received", "", None),
        ("payment.refunded", "R-1", 3000),
    ] == news(before, after)


def test_dispute_and_chargeback_are_told_apart() -> None:
    after = view(disputes=frozenset({"D-1"}), chargebacks={"D-1": 10000})
    found = transitions(CONFIRMED, after, was_matched=True, is_matched=True)

    assert [
        Transition(
            type="payment.disputed",
            movement="dispute:D-1",
            kind="dispute",
            reference="D-1",
        ),
        Transition(
            type="payment.disputed",
            movement="chargeback:D-1",
            kind="chargeback",
            reference="D-1",
        ),
    ] == found

"""Payments by hand, and a person's assignment."""

import pytest

from hub.boot import Hub
from hub.core.ledger import payments
from hub.core.ledger.payments import NewPayment
from hub.core.models import Connection, Payment
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from hub.sdk.facts import Match
from hub.sdk.money import Money
from tests.parts.ledger import (
    add_invoice,
    all_of,
    at,
    eur,
    received,
    tell,
    the_invoice,
    the_payment,
    told,
)


def pay(hub: Hub, invoice_id: str, amount: Money, **values) -> Payment:
    with hub.write() as session:
        new = NewPayment(amount=amount, **values)
        return payments.record_payment(session, invoice_id, new, actor="user:1")


def test_money_by_hand_pays_the_invoice(hub: Hub) -> None:
    invoice = add_invoice(hub)
    payment = pay(
        hub,
        invoice.id,
        eur("100.00"),
        method="cheque",
        reference="77",
        received_at=at(3),
    )

    assert ("paid", 0) == (the_invoice(hub).state, the_invoice(hub).open_minor)
    assert ("manual", "77", "confirmed", "cheque", at(3), "user:1") == (
        payment.provider,
        payment.reference,
        payment.state,
        payment.method,
        payment.received_at,
        payment.assigned_by,
    )
    assert ["payment.received", "invoice.paid"] == told(hub)


def test_payments_without_reference_are_each_their_own(hub: Hub) -> None:
    invoice = add_invoice(hub)
    pay(hub, invoice.id, eur("10.00"))
    pay(hub, invoice.id, eur("10.00"))

    assert ("partially_paid", 2000) == (
        the_invoice(hub).state,
        the_invoice(hub).paid_minor,
    )


def test_same_reference_is_not_recorded_twice(hub: Hub) -> None:
    invoice = add_invoice(hub)
    pay(hub, invoice.id, eur("10.00"), reference="77")
    with pytest.raises(ConflictError, match="77"):
        pay(hub, invoice.id, eur("10.00"), reference="77 ")

    assert 1000 == the_invoice(hub).paid_minor


@pytest.mark.parametrize(
    ("amount", "field"),
    [
        (eur("0.00"), "amount"),
        (eur("-1.00"), "amount"),
        (eur("100.01"), "amount"),
        (Money(100, "USD"), "currency"),
    ],
)
def test_wrong_amount_is_refused(hub: Hub, amount, field) -> None:
    invoice = add_invoice(hub)
    with pytest.raises(InvalidError) as caught:
        pay(hub, invoice.id, amount)

    assert [field] == list(caught.value.fields)
    assert [] == all_of(hub, Payment)


def test_paid_invoice_takes_no_more(hub: Hub) -> None:
    invoice = add_invoice(hub)
    pay(hub, invoice.id, eur("100.00"))
    with pytest.raises(ConflictError, match="paid"):
        pay(hub, invoice.id, eur("1.00"))


def test_unknown_invoice_is_not_found(hub: Hub) -> None:
    with pytest.raises(NotFoundError):
        pay(hub, "inv_none", eur("1.00"))


def assign(hub: Hub, payment: Payment, invoice_id: str, actor: str = "user:1"):
    with hub.write() as session:
        return payments.assign(session, payment.id, invoice_id, actor=actor)


def test_unmatched_money_is_assigned_and_told(hub: Hub, till: Connection) -> None:
    """ROAD 6."""
    invoice = add_invoice(hub)
    tell(hub, till, received(match=Match()))
    assign(hub, the_payment(hub), invoice.id)
    assign(hub, the_payment(hub), invoice.id)

    assert "paid" == the_invoice(hub).state
    assert the_payment(hub).attention is None
    assert ["payment.received", "invoice.paid"] == told(hub)


def test_money_too_much_moves_to_another_invoice(hub: Hub, till: Connection) -> None:
    add_invoice(hub)
    other = add_invoice(hub)
    tell(hub, till, received(1), received(2, reference="P-2"))
    assign(hub, the_payment(hub, "P-2"), other.id)

    assert ["paid", "paid"] == [
        the_invoice(hub).state,
        the_invoice(hub, other.number).state,
    ]
    assert the_payment(hub, "P-2").attention is None


def test_assignment_is_final(hub: Hub, till: Connection) -> None:
    """ROAD 6."""
    first, second = add_invoice(hub), add_invoice(hub)
    tell(hub, till, received(match=Match()))
    assign(hub, the_payment(hub), first.id)
    with pytest.raises(ConflictError, match="final"):
        assign(hub, the_payment(hub), second.id)


def test_matched_money_stays_where_it_is(hub: Hub, till: Connection) -> None:
    add_invoice(hub)
    other = add_invoice(hub)
    tell(hub, till, received())
    with pytest.raises(ConflictError, match="belongs"):
        assign(hub, the_payment(hub), other.id)


@pytest.mark.parametrize(
    "values", [{"state": "draft"}, {"currency": "USD"}], ids=["draft", "currency"]
)
def test_invoice_that_does_not_fit_is_refused(
    hub: Hub, till: Connection, values
) -> None:
    invoice = add_invoice(hub, **values)
    tell(hub, till, received(match=Match()))
    with pytest.raises(ConflictError):
        assign(hub, the_payment(hub), invoice.id)

    assert "unmatched" == the_payment(hub).attention


def test_what_is_not_there_is_not_found(hub: Hub, till: Connection) -> None:
    tell(hub, till, received(match=Match()))
    with pytest.raises(NotFoundError):
        assign(hub, the_payment(hub), "inv_none")
    with pytest.raises(NotFoundError), hub.write() as session:
        payments.assign(session, "pay_none", "inv_none", actor="user:1")

"""Money and its invoice: found, parked, or left to a person (ROAD 6)."""

from dataclasses import replace

from hub.boot import Hub
from hub.core.ledger import charges, invoices, payments
from hub.core.models import (
    Charge,
    Connection,
    Event,
    FactRow,
)
from hub.sdk.facts import CheckoutApproved, Match
from hub.sdk.money import Money
from tests.parts.hub import connect
from tests.parts.ledger import (
    add_invoice,
    add_user,
    all_of,
    at,
    notes,
    received,
    refund,
    standing,
    tell,
    the_payment,
    told,
)


def test_unmatched_money_is_kept_and_shown_and_not_yet_told(
    hub: Hub, till: Connection
) -> None:
    """ROAD 6."""
    add_user(hub)
    tell(hub, till, received(match=Match(invoice_number="INV-9"), payer="Ann"))
    payment = the_payment(hub)

    assert (None, "unmatched", "confirmed") == (
        payment.invoice_id,
        payment.attention,
        payment.state,
    )
    assert [] == told(hub)
    assert [
        ("payment.unmatched", "100.00 EUR came in and no invoice is found for it")
    ] == notes(hub)


def test_invoice_finds_the_payment_that_waits_for_it(
    hub: Hub, till: Connection
) -> None:
    """ROAD 6: matched in the invoice's own transaction, told once."""
    tell(hub, till, received(match=Match(invoice_number="INV-9")))
    add_invoice(hub, number="INV-9")
    found = standing(hub, "INV-9"), told(hub)
    tell(hub, till, received(2, id="again", match=Match(invoice_number="INV-9")))

    assert (("paid", 10000, 0), ["payment.received", "invoice.paid"]) == found
    assert the_payment(hub).attention is None
    assert ["payment.received", "invoice.paid"] == told(hub)


def test_draft_given_the_number_finds_the_payment(hub: Hub, till: Connection) -> None:
    """ROAD 6."""
    draft = add_invoice(hub, state="draft")
    tell(hub, till, received(match=Match(invoice_number="INV-9")))
    with hub.write() as session:
        invoices.update(session, draft.id, {"number": "INV-9"})

    assert draft.id == the_payment(hub).invoice_id


def test_charge_is_found_before_the_number(hub: Hub, till: Connection) -> None:
    right, wrong = add_invoice(hub), add_invoice(hub)
    with hub.write() as session:
        charge = charges.open_charge(session, right.id, till)
    match = Match(charge=charge.id, invoice_number=wrong.number)
    tell(hub, till, received(match=match))

    assert ("paid", 10000, 0) == standing(hub, right.number)
    assert ("finished", charge.id) == (
        all_of(hub, Charge)[0].state,
        the_payment(hub).charge_id,
    )


def test_money_before_our_own_row_is_found_by_its_checkout(
    hub: Hub, till: Connection
) -> None:
    """ROAD 6: capture before our attempt row."""
    invoice = add_invoice(hub)
    tell(hub, till, received(match=Match(checkout="ORDER-1")))
    approval = CheckoutApproved(id="a", as_of=at(0), reference="ORDER-1")
    (parked,) = tell(hub, till, approval)
    with hub.write() as session:
        charge = charges.open_charge(session, invoice.id, till)
        charges.started(session, charge.id, "ORDER-1", "https://till.test/pay")
    with hub.read() as session:
        fact = session.get_one(FactRow, parked.id)

    assert ("paid", 10000, 0) == standing(hub)
    assert ("parked", "recorded") == (parked.state, fact.state)
    assert at(0) == all_of(hub, Charge)[0].approved_at


def test_checkout_of_another_provider_is_not_ours(hub: Hub, till: Connection) -> None:
    invoice = add_invoice(hub)
    with hub.write() as session:
        charge = charges.open_charge(session, invoice.id, till)
        charges.started(session, charge.id, "ORDER-1", "https://till.test/pay")
    other = connect(hub, "ears")
    tell(hub, other, received(match=Match(checkout="ORDER-1")))

    assert the_payment(hub).invoice_id is None


def test_approved_checkout_moves_no_money(hub: Hub, till: Connection) -> None:
    invoice = add_invoice(hub)
    with hub.write() as session:
        charge = charges.open_charge(session, invoice.id, till)
    match = Match(charge=charge.id)
    tell(hub, till, CheckoutApproved(id="a", as_of=at(4), reference="O", match=match))
    tell(hub, till, CheckoutApproved(id="b", as_of=at(9), reference="O", match=match))

    assert [(at(4), "open")] == [
        (row.approved_at, row.state) for row in all_of(hub, Charge)
    ]
    assert ("open", 0, 10000) == standing(hub)


def test_a_persons_assignment_is_final(hub: Hub, till: Connection) -> None:
    """ROAD 6."""
    tell(hub, till, received(match=Match(invoice_number="INV-9")))
    chosen = add_invoice(hub)
    with hub.write() as session:
        payments.assign(session, the_payment(hub).id, chosen.id, actor="user:1")
    add_invoice(hub, number="INV-9")
    tell(hub, till, received(5, id="again", match=Match(invoice_number="INV-9")))

    assert (chosen.id, "user:1") == (
        the_payment(hub).invoice_id,
        the_payment(hub).assigned_by,
    )
    assert ["payment.received", "invoice.paid"] == told(hub)


def test_money_too_much_is_kept_for_a_person(hub: Hub, till: Connection) -> None:
    add_user(hub)
    add_invoice(hub)
    tell(hub, till, received(1))
    tell(hub, till, received(2, reference="P-2"))

    assert ("paid", 10000, 0) == standing(hub)
    assert [None, "overpaid"] == [
        the_payment(hub).attention,
        the_payment(hub, "P-2").attention,
    ]
    assert 1 == told(hub).count("invoice.paid")
    assert ("payment.overpaid", "100.00 EUR is more than its invoice asked for") in (
        notes(hub)
    )


def test_earlier_money_heard_later_shifts_what_is_too_much(
    hub: Hub, till: Connection
) -> None:
    """ROAD 3: arrival order doesn't matter."""
    add_invoice(hub)
    tell(hub, till, received(2, reference="P-2"))
    tell(hub, till, received(1))

    assert [None, "overpaid"] == [
        the_payment(hub).attention,
        the_payment(hub, "P-2").attention,
    ]


def test_money_of_another_currency_is_kept_for_a_person(
    hub: Hub, till: Connection
) -> None:
    add_invoice(hub)
    tell(hub, till, replace(received(), amount=Money(10000, "USD")))

    assert ("open", 0, 10000) == standing(hub)
    assert "wrong_currency" == the_payment(hub).attention
    assert all_of(hub, Event)[-1].data["open_amount"] is None


def test_money_for_a_void_invoice_is_kept_for_a_person(
    hub: Hub, till: Connection
) -> None:
    invoice = add_invoice(hub)
    with hub.write() as session:
        invoices.void(session, invoice.id)
    tell(hub, till, received())

    assert ("void", 0, 0) == standing(hub)
    assert "void_invoice" == the_payment(hub).attention


def test_refund_in_another_currency_is_shown_to_a_person(
    hub: Hub, till: Connection
) -> None:
    """It can't be set against the payment, and must not be passed over."""
    add_user(hub)
    add_invoice(hub)
    tell(hub, till, received(1))
    tell(hub, till, replace(refund(2), amount=Money(3000, "USD")))

    assert ("paid", 10000, 0) == standing(hub)
    assert [
        ("payment.received", "100.00 EUR received from Acme"),
        (
            "payment.mixed_currency",
            "Of 100.00 EUR something went back in another currency",
        ),
    ] == notes(hub)


def test_refunded_money_needs_nobody_any_more(hub: Hub, till: Connection) -> None:
    tell(hub, till, received(1, match=Match()))
    tell(hub, till, refund(2, "100.00"))

    assert the_payment(hub).attention is None

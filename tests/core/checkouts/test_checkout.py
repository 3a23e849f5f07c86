"""ROAD 7: a client who reloads, double-clicks, opens two tabs, returns twice, or
retries after an error pays once."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from hub.boot import Hub
from hub.core import janitor
from hub.core.checkouts import checkout
from hub.core.ledger import invoices, payments
from hub.core.ledger.payments import NewPayment
from hub.core.models import Charge, Connection, Outage, Payment
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, UnavailableError
from tests.core.checkouts.desk import Desk, timeout, told
from tests.parts.ledger import add_invoice, all_of, eur, standing, tell, the_invoice

BACK = "https://hub.test/pay/token"


def begin(hub: Hub, slug: str = "desk", amount: str | None = None) -> checkout.Begun:
    asked = eur(amount) if amount else None
    return checkout.begin(hub, the_invoice(hub).id, slug, amount=asked, back=BACK)


def states(hub: Hub) -> list[str]:
    return [row.state for row in all_of(hub, Charge)]


def test_client_pays_on_the_page_and_comes_back(shop: Hub, desk: Desk) -> None:
    add_invoice(shop)
    begun = begin(shop)
    desk.approve(begun.reference)
    found = checkout.finish(shop, begun.charge_id, {})

    assert f"https://desk.test/{begun.reference}" == begun.url
    order = desk.orders[begun.reference]
    assert f"{BACK}/desk/return?charge={begun.charge_id}" == order.return_url
    assert ("paid", "paid") == (found.state, found.invoice_state)
    assert ("paid", 10000, 0) == standing(shop)


def test_begun_again_it_is_the_same_page(shop: Hub, desk: Desk) -> None:
    add_invoice(shop)
    assert begin(shop) == begin(shop)
    assert 1 == len(desk.orders)


def test_coming_back_twice_pays_once(shop: Hub, desk: Desk) -> None:
    add_invoice(shop)
    begun = begin(shop)
    desk.approve(begun.reference)
    first = checkout.finish(shop, begun.charge_id, {})
    calls = desk.calls["finish"]
    second = checkout.finish(shop, begun.charge_id, {})

    assert ("paid", "paid", calls) == (first.state, second.state, desk.calls["finish"])
    assert 1 == len(all_of(shop, Payment))


@pytest.mark.parametrize("webhook_first", [True, False])
def test_the_webhook_and_the_return_book_one_payment(
    shop: Hub, kiosk: Desk, webhook_first: bool
) -> None:
    """ROAD 2."""
    add_invoice(shop)
    begun = begin(shop, "kiosk")
    kiosk.approve(begun.reference)
    (charge,) = all_of(shop, Charge)
    heard = told(kiosk.orders[begun.reference])
    with shop.read() as session:
        connection = session.get_one(Connection, charge.connection_id)
    if webhook_first:
        tell(shop, connection, *heard)
    found = checkout.finish(shop, begun.charge_id, {})
    tell(shop, connection, *heard)

    assert "paid" == found.state
    assert 1 == len(all_of(shop, Payment))
    assert ("paid", 10000, 0) == standing(shop)


def test_cancelled_page_can_be_gone_on_with(shop: Hub, desk: Desk) -> None:
    add_invoice(shop)
    begun = begin(shop)
    found = checkout.cancelled(shop, begun.charge_id)

    assert ("cancelled", begun.url) == (found.state, found.url)
    assert begun == begin(shop)


def test_who_cancels_after_paying_has_paid(shop: Hub, kiosk: Desk) -> None:
    add_invoice(shop)
    begun = begin(shop, "kiosk")
    kiosk.approve(begun.reference)

    assert "paid" == checkout.cancelled(shop, begun.charge_id).state


def test_another_way_to_pay_closes_the_first_page(
    shop: Hub, desk: Desk, kiosk: Desk
) -> None:
    """ROAD 7: the old checkout is expired before another opens."""
    add_invoice(shop)
    old = begin(shop, "kiosk")
    new = begin(shop, "desk")

    assert "closed" == kiosk.orders[old.reference].state
    assert ["expired", "open"] == states(shop)
    assert "expired" == checkout.finish(shop, old.charge_id, {}).state
    desk.approve(new.reference)
    assert "paid" == checkout.finish(shop, new.charge_id, {}).state


def test_an_approved_order_that_was_left_for_another_way_is_never_captured(
    shop: Hub, desk: Desk
) -> None:
    add_invoice(shop)
    old = begin(shop, "desk")
    desk.approve(old.reference)
    begin(shop, "kiosk")
    checkout.finish(shop, old.charge_id, {})
    janitor.check_due(shop)

    assert 0 == desk.taken()


def test_another_way_is_refused_once_the_first_page_was_paid_on(
    shop: Hub, kiosk: Desk, desk: Desk
) -> None:
    add_invoice(shop)
    old = begin(shop, "kiosk")
    kiosk.approve(old.reference)
    with pytest.raises(ConflictError, match="just come in"):
        begin(shop, "desk")

    assert {} == desk.orders
    assert ("paid", 10000, 0) == standing(shop)


def test_another_way_waits_while_the_first_cannot_be_asked(
    shop: Hub, kiosk: Desk, desk: Desk
) -> None:
    add_invoice(shop)
    begin(shop, "kiosk")
    kiosk.at = timeout("cancel:before", "cancel:after")
    with pytest.raises(ConflictError, match="try again later"):
        begin(shop, "desk")

    assert (["open"], {}) == (states(shop), desk.orders)


def test_part_of_an_invoice_is_paid_and_then_the_rest(shop: Hub, desk: Desk) -> None:
    add_invoice(shop)
    for amount, then in (("30.00", "partially_paid"), (None, "paid")):
        begun = begin(shop, amount=amount)
        desk.approve(begun.reference)
        checkout.finish(shop, begun.charge_id, {})
        assert then == the_invoice(shop).state

    assert [3000, 7000] == [row.amount_minor for row in all_of(shop, Charge)]


def test_another_amount_takes_the_place_of_the_first(shop: Hub, desk: Desk) -> None:
    add_invoice(shop)
    old = begin(shop)
    begin(shop, amount="30.00")

    assert "closed" == desk.orders[old.reference].state
    assert ["expired", "open"] == states(shop)


@pytest.mark.parametrize("amount", ["0.00", "100.01"])
def test_an_amount_that_is_not_owed_is_refused(shop: Hub, amount: str) -> None:
    add_invoice(shop)
    with pytest.raises(InvalidError):
        begin(shop, amount=amount)
    assert [] == states(shop)


def test_nothing_is_begun_for_what_needs_no_money(shop: Hub) -> None:
    invoice = add_invoice(shop)
    with shop.write() as session:
        invoices.void(session, invoice.id)
    with pytest.raises(ConflictError, match="nothing to pay"):
        begin(shop)


def test_a_payment_that_the_bank_confirms_covers_the_invoice(
    shop: Hub, kiosk: Desk
) -> None:
    add_invoice(shop)
    begun = begin(shop, "kiosk")
    kiosk.orders[begun.reference].state = "pending"
    assert "confirming" == checkout.finish(shop, begun.charge_id, {}).state
    for slug in ("kiosk", "desk"):
        with pytest.raises(ConflictError, match="confirmed by the bank"):
            begin(shop, slug)
    kiosk.orders[begun.reference].state = "captured"
    with time_machine.travel(now() + timedelta(minutes=3)):
        janitor.check_due(shop)

    assert ("paid", 10000, 0) == standing(shop)


def test_declined_payment_can_be_begun_anew(shop: Hub, kiosk: Desk) -> None:
    add_invoice(shop)
    begun = begin(shop, "kiosk")
    kiosk.orders[begun.reference].state = "declined"
    found = checkout.finish(shop, begun.charge_id, {})
    again = begin(shop, "kiosk")

    assert ("failed", ["failed", "open"]) == (found.state, states(shop))
    assert begun.reference != again.reference


@pytest.mark.parametrize("when", ["before", "after"])
def test_start_that_timed_out_is_repeated_with_the_same_order(
    shop: Hub, desk: Desk, when: str
) -> None:
    """ROAD 17."""
    add_invoice(shop)
    desk.at = timeout(f"start:{when}")
    with pytest.raises(UnavailableError):
        begin(shop)
    begun = begin(shop)

    assert [begun.reference] == list(desk.orders)
    assert ["open"] == states(shop)


@pytest.mark.parametrize("when", ["before", "after"])
def test_return_whose_outcome_is_unknown_is_confirming_until_the_janitor_asked(
    shop: Hub, desk: Desk, when: str
) -> None:
    """ROAD 16."""
    add_invoice(shop)
    begun = begin(shop)
    desk.approve(begun.reference)
    desk.at = timeout(f"finish:{when}")
    found = checkout.finish(shop, begun.charge_id, {})
    with shop.read() as session:
        reloaded = checkout.standing(session, begun.charge_id)
    with time_machine.travel(now() + timedelta(minutes=3)):
        janitor.check_due(shop)

    assert ("confirming", "confirming") == (found.state, reloaded.state)
    assert ("paid", 10000, 0) == standing(shop)
    assert 10000 == desk.taken()


def test_invoice_that_was_paid_by_hand_meanwhile_takes_nothing_more(
    shop: Hub, desk: Desk, kiosk: Desk
) -> None:
    """Whichever way its page takes money."""
    for provider in (desk, kiosk):
        invoice = add_invoice(shop)
        begun = checkout.begin(shop, invoice.id, provider.name, back=BACK)
        if provider is desk:
            desk.approve(begun.reference)
        with shop.write() as session:
            payments.record_payment(session, invoice.id, NewPayment(amount=eur("100")))
        janitor.check_due(shop)
        assert "expired" == checkout.finish(shop, begun.charge_id, {}).state
        assert 0 == provider.taken()


def test_money_for_a_page_that_was_closed_is_kept_and_shown(
    shop: Hub, desk: Desk, kiosk: Desk
) -> None:
    """The provider was slower than the payer: overpaid, for a person."""
    add_invoice(shop)
    old = begin(shop, "kiosk")
    new = begin(shop, "desk")
    desk.approve(new.reference)
    checkout.finish(shop, new.charge_id, {})
    kiosk.orders[old.reference].state = "captured"
    charge = all_of(shop, Charge)[0]
    with shop.read() as session:
        connection = session.get_one(Connection, charge.connection_id)
    tell(shop, connection, *told(kiosk.orders[old.reference]))

    assert ("paid", 10000, 0) == standing(shop)
    found = {row.provider: row.attention for row in all_of(shop, Payment)}
    assert {"desk": None, "kiosk": "overpaid"} == found


def test_clearing_closes_the_page_before_the_invoice_is_voided(
    shop: Hub, kiosk: Desk
) -> None:
    invoice = add_invoice(shop)
    begun = begin(shop, "kiosk")
    checkout.clear(shop, invoice.id)
    with shop.write() as session:
        invoices.void(session, invoice.id)

    assert ("closed", "void") == (
        kiosk.orders[begun.reference].state,
        the_invoice(shop).state,
    )


def test_clearing_is_refused_once_the_page_was_paid_on(shop: Hub, kiosk: Desk) -> None:
    invoice = add_invoice(shop)
    begun = begin(shop, "kiosk")
    kiosk.approve(begun.reference)
    with pytest.raises(ConflictError, match="just come in"):
        checkout.clear(shop, invoice.id)


def test_only_healthy_connections_are_offered(shop: Hub) -> None:
    invoice = add_invoice(shop)
    with shop.write() as session:
        row = session.scalars(select(Connection).where(Connection.slug == "desk")).one()
        session.add(Outage(connection_id=row.id, started_at=now(), reason="Down."))
    with shop.read() as session:
        found = checkout.offers(session, invoices.get(session, invoice.id))

    assert [("kiosk", "checkout")] == [(each.slug, each.kind) for each in found]

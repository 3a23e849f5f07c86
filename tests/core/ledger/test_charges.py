"""Charges: open payment attempts."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from hub.boot import Hub
from hub.core.ledger import charges
from hub.core.models import Charge, Connection
from hub.sdk.errors import ConflictError, NotFoundError
from hub.sdk.facts import Match
from tests.parts.ledger import (
    add_invoice,
    all_of,
    failed,
    received,
    tell,
    the_payment,
)


def open_charge(hub: Hub, invoice_id: str, till: Connection) -> Charge:
    with hub.write() as session:
        return charges.open_charge(session, invoice_id, till)


def test_charge_asks_for_what_is_open(hub: Hub, till: Connection) -> None:
    invoice = add_invoice(hub)
    tell(hub, till, received(amount="40.00"))
    charge = open_charge(hub, invoice.id, till)

    assert (6000, "EUR", "open") == (charge.amount_minor, charge.currency, charge.state)


def test_one_charge_is_open_per_invoice(hub: Hub, till: Connection) -> None:
    """ROAD 7."""
    invoice = add_invoice(hub)
    charge = open_charge(hub, invoice.id, till)
    with pytest.raises(ConflictError, match="open already"):
        open_charge(hub, invoice.id, till)
    with hub.write() as session:
        charges.close(session, charge.id, "expired")
    again = open_charge(hub, invoice.id, till)

    assert {charge.id: "expired", again.id: "open"} == {
        row.id: row.state for row in all_of(hub, Charge)
    }


def test_of_charges_opened_at_once_one_is_made(hub: Hub, till: Connection) -> None:
    """ROAD 7."""
    invoice = add_invoice(hub)
    start = Barrier(4)

    def attempt() -> bool:
        start.wait(10)
        try:
            open_charge(hub, invoice.id, till)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        made = [done.result(30) for done in [pool.submit(attempt) for _ in range(4)]]

    assert 1 == sum(made) == len(all_of(hub, Charge))


def test_paid_invoice_has_nothing_to_charge(hub: Hub, till: Connection) -> None:
    invoice = add_invoice(hub)
    tell(hub, till, received())
    with pytest.raises(ConflictError, match="nothing to pay"):
        open_charge(hub, invoice.id, till)


def test_failed_try_leaves_the_attempt_open(hub: Hub, till: Connection) -> None:
    """The payer may try another card on the same page."""
    invoice = add_invoice(hub)
    charge = open_charge(hub, invoice.id, till)
    match = Match(charge=charge.id)
    tell(hub, till, failed(1, match=match))
    between = all_of(hub, Charge)[0].state
    tell(hub, till, received(2, reference="P-2", match=match))

    assert ("open", "finished") == (between, all_of(hub, Charge)[0].state)


def test_money_that_names_our_charge_before_we_commit_it_is_found(
    hub: Hub, till: Connection
) -> None:
    """ROAD 6."""
    tell(hub, till, received(match=Match(checkout="ORDER-1")))
    invoice = add_invoice(hub)
    charge = open_charge(hub, invoice.id, till)
    with hub.write() as session:
        charges.started(session, charge.id, "ORDER-1", "https://till.test/pay")

    assert (invoice.id, charge.id) == (
        the_payment(hub).invoice_id,
        the_payment(hub).charge_id,
    )


def test_closed_charge_stays_as_it_ended(hub: Hub, till: Connection) -> None:
    invoice = add_invoice(hub)
    charge = open_charge(hub, invoice.id, till)
    tell(hub, till, received(match=Match(charge=charge.id)))
    with hub.write() as session:
        closed = charges.close(session, charge.id, "expired")

    assert "finished" == closed.state


def test_what_is_not_there_is_not_found(hub: Hub, till: Connection) -> None:
    with pytest.raises(NotFoundError):
        open_charge(hub, "inv_none", till)
    with pytest.raises(NotFoundError), hub.write() as session:
        charges.started(session, "chg_none", "x", "y")

"""ROAD 7, 16: one at a time talks to a provider about a row."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine

from hub.boot import Hub
from hub.core.checkouts import leases
from hub.core.ledger import charges
from hub.core.models import Charge, Connection
from hub.sdk.clock import now
from tests.parts.ledger import add_invoice


@pytest.fixture
def charge(hub: Hub, till: Connection) -> Charge:
    invoice = add_invoice(hub)
    with hub.write() as session:
        return charges.open_charge(session, invoice.id, till)


def row(hub: Hub, charge: Charge) -> Charge:
    with hub.read() as session:
        return session.get_one(Charge, charge.id)


def test_only_one_holds_a_row(hub: Hub, charge: Charge) -> None:
    with leases.held(hub, Charge, charge.id) as mine:
        assert mine == row(hub, charge).claim
        with leases.held(hub, Charge, charge.id) as second:
            assert second is None
        assert mine == row(hub, charge).claim
    assert row(hub, charge).claim is None


def test_it_is_free_again_after_an_error(hub: Hub, charge: Charge) -> None:
    with pytest.raises(OSError), leases.held(hub, Charge, charge.id):
        raise OSError
    with leases.held(hub, Charge, charge.id) as mine:
        assert mine is not None


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_writes_nothing(
    hub: Hub, charge: Charge
) -> None:
    with leases.held(hub, Charge, charge.id) as slow:
        later = now() + timedelta(seconds=leases.LEASE_SECONDS + 1)
        with (
            time_machine.travel(later),
            leases.held(hub, Charge, charge.id) as quick,
        ):
            assert quick is not None
            with hub.write() as session:
                assert slow is not None
                assert not leases.settle(
                    session, Charge, charge.id, slow, problem="late"
                )
            assert (row(hub, charge).claim, row(hub, charge).problem) == (quick, "")


def test_what_came_of_it_is_written_with_the_end_of_the_lease(
    hub: Hub, charge: Charge
) -> None:
    with leases.held(hub, Charge, charge.id) as mine, hub.write() as session:
        assert mine is not None
        assert leases.settle(session, Charge, charge.id, mine, problem="Busy.")
    found = row(hub, charge)
    assert (found.problem, found.claim, found.lease_until) == ("Busy.", None, None)


def test_a_look_that_was_asked_for_meanwhile_is_not_put_off(
    hub: Hub, charge: Charge
) -> None:
    """The payer approves while the janitor is told that he hasn't yet."""
    tomorrow = now() + timedelta(days=1)
    for sooner in (None, now()):
        with leases.held(hub, Charge, charge.id) as mine:
            assert mine is not None
            if sooner:
                with hub.write() as session:
                    session.get_one(Charge, charge.id).next_check_at = sooner
            with hub.write() as session:
                leases.settle(session, Charge, charge.id, mine, next_check_at=tomorrow)
        assert (sooner or tomorrow) == row(hub, charge).next_check_at


def test_what_closed_meanwhile_stays_closed(hub: Hub, charge: Charge) -> None:
    with leases.held(hub, Charge, charge.id) as mine:
        assert mine is not None
        with hub.write() as session:
            charges.close(session, charge.id, "finished")
        with hub.write() as session:
            assert not leases.settle(session, Charge, charge.id, mine, state="failed")
    assert (row(hub, charge).state, row(hub, charge).claim) == ("finished", None)


def test_a_closed_row_is_not_held(hub: Hub, charge: Charge) -> None:
    with hub.write() as session:
        charges.close(session, charge.id, "expired")
    with leases.held(hub, Charge, charge.id) as mine:
        assert mine is None


def test_of_many_at_once_one_gets_it(hub: Hub, charge: Charge) -> None:
    start, end = Barrier(6), Barrier(6)

    def take(_: int) -> bool:
        start.wait()
        with leases.held(hub, Charge, charge.id) as mine:
            end.wait()
            return mine is not None

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(take, range(6))) == [False] * 5 + [True]

"""ROAD 16, 27: what is under way gets to its true state without any webhook, and no
slow provider holds up another."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import update

from hub.boot import Hub
from hub.core import duties, janitor
from hub.core.checkouts import checkout
from hub.core.configuration.live import live
from hub.core.deliveries import breaker
from hub.core.duties import DUTIES
from hub.core.models import Charge, Connection, Payment
from hub.sdk.clock import now
from hub.sdk.errors import CredentialsError, RejectedError, UnavailableError
from hub.sdk.facts import CheckoutApproved, Match
from tests.core.checkouts.desk import Desk, timeout, told
from tests.parts.ledger import add_invoice, all_of, failed, pending, standing, tell

BACK = "https://hub.test/pay/token"


def begin(hub: Hub, slug: str = "desk") -> checkout.Begun:
    return checkout.begin(hub, add_invoice(hub).id, slug, back=BACK)


def charge(hub: Hub) -> Charge:
    return all_of(hub, Charge)[-1]


def connection_of(hub: Hub, slug: str) -> Connection:
    return next(row for row in all_of(hub, Connection) if row.slug == slug)


def test_open_charges_are_asked_about_ever_more_slowly(shop: Hub, desk: Desk) -> None:
    begin(shop)
    moment, waits = now(), []
    for _ in range(8):
        with time_machine.travel(moment + timedelta(seconds=1), tick=False):
            janitor.check_due(shop)
            due = charge(shop).next_check_at
            assert due is not None
            waits.append(round((due - now()).total_seconds() / 60))
            moment = due

    assert waits == sorted(waits)
    assert waits[-1] > 10 * waits[0]
    assert max(waits) <= 24 * 60


def test_what_is_not_due_is_left_alone(shop: Hub, desk: Desk) -> None:
    begin(shop)
    assert 0 == janitor.check_due(shop)
    assert 0 == desk.calls["check"]


def test_an_approval_is_looked_at_at_once_and_rings(shop: Hub, desk: Desk) -> None:
    """The client never comes back: the webhook alone brings the money."""
    begun = begin(shop)
    desk.approve(begun.reference)
    shop.bell.answered("process")
    approved = CheckoutApproved(
        id="evt-1",
        as_of=now(),
        reference=begun.reference,
        match=Match(charge=begun.charge_id),
    )
    tell(shop, connection_of(shop, "desk"), approved)
    assert shop.bell.redis.exists("hub:rung:process")
    done = threading.Event()
    desk.at = lambda point: done.set() if point == "check:after" else None
    janitor.start(shop)
    assert done.wait(60)
    _await_idle(shop)

    assert ("paid", 10000, 0) == standing(shop)


def test_a_slow_provider_holds_up_no_other(shop: Hub, desk: Desk, kiosk: Desk) -> None:
    begin(shop, "desk")
    paid = begin(shop, "kiosk")
    kiosk.approve(paid.reference)
    going_on, asked = threading.Event(), threading.Event()

    def slow(point: str) -> None:
        going_on.wait(60)

    desk.at = slow
    kiosk.at = lambda point: asked.set() if point == "check:after" else None
    with time_machine.travel(now() + timedelta(minutes=2)):
        janitor.start(shop)
        assert asked.wait(60)
        janitor.start(shop)  # the slow one isn't asked a second time meanwhile
        going_on.set()
        _await_idle(shop)

    assert (1, 1) == (desk.calls["check"], kiosk.calls["check"])


def test_what_waits_at_a_slow_provider_fills_no_batch(
    shop: Hub, desk: Desk, kiosk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janitor, "_BATCH", 1)
    for slug in ("desk", "desk", "kiosk"):
        begin(shop, slug)
    going_on, asking, asked = (threading.Event() for _ in range(3))

    def slow(point: str) -> None:
        asking.set()
        going_on.wait(60)

    desk.at = slow
    kiosk.at = lambda point: asked.set()
    with time_machine.travel(now() + timedelta(minutes=2)):
        janitor.start(shop)
        assert asking.wait(60)
        janitor.start(shop)
        heard = asked.wait(60)
        going_on.set()
        _await_idle(shop)

    assert heard


def test_two_janitors_do_not_ask_side_by_side(shop: Hub, desk: Desk) -> None:
    begin(shop)
    asking, go_on = threading.Event(), threading.Event()

    def slowly(point: str) -> None:
        asking.set()
        assert go_on.wait(60)

    desk.at = slowly
    with time_machine.travel(now() + timedelta(minutes=2)):
        first = threading.Thread(target=janitor.check_due, args=(shop,))
        first.start()
        assert asking.wait(60)
        assert 0 == janitor.check_due(shop)
        go_on.set()
        first.join(30)

    assert 1 == desk.calls["check"]


def test_one_that_cannot_be_checked_keeps_no_other_from_it(
    shop: Hub, desk: Desk
) -> None:
    first, second = begin(shop), begin(shop)
    desk.approve(second.reference)

    def crash(point: str) -> None:
        if point == "check:before" and desk.calls["check"] == 1:
            raise ZeroDivisionError

    desk.at = crash
    with time_machine.travel(now() + timedelta(minutes=2)):
        janitor.check_due(shop)

    found = {row.id: (row.state, bool(row.problem)) for row in all_of(shop, Charge)}
    assert {first.charge_id: ("open", True), second.charge_id: ("finished", False)} == (
        found
    )


def test_page_whose_time_is_over_is_closed(shop: Hub, kiosk: Desk) -> None:
    begun = begin(shop, "kiosk")
    with time_machine.travel(now() + checkout.LIFE + timedelta(minutes=1)):
        janitor.check_due(shop)

    assert "expired" == charge(shop).state
    assert "closed" == kiosk.orders[begun.reference].state


def test_while_the_provider_is_away_no_page_is_closed(shop: Hub, kiosk: Desk) -> None:
    begin(shop, "kiosk")
    kiosk.at = timeout("cancel:before")
    with time_machine.travel(now() + checkout.LIFE + timedelta(minutes=1)):
        janitor.check_due(shop)

    assert ("open", True) == (charge(shop).state, bool(charge(shop).problem))


def test_checkout_that_never_started_makes_room(shop: Hub, desk: Desk) -> None:
    desk.at = timeout("start:before")
    with pytest.raises(UnavailableError):
        begin(shop)
    with time_machine.travel(now() + timedelta(minutes=20)):
        janitor.check_due(shop)

    assert ("expired", 0) == (charge(shop).state, desk.calls["check"])


def test_refused_checkout_is_over_at_once(shop: Hub, desk: Desk) -> None:
    def refuse(point: str) -> None:
        raise RejectedError("The currency isn't taken.")

    desk.at = refuse
    with pytest.raises(RejectedError):
        begin(shop)

    assert ("failed", "The currency isn't taken.") == (
        charge(shop).state,
        charge(shop).problem,
    )


def test_refused_credentials_wait_for_a_person_and_then_go_on(
    shop: Hub, desk: Desk
) -> None:
    begun = begin(shop)
    desk.approve(begun.reference)

    def refuse(point: str) -> None:
        raise CredentialsError("The key is refused.")

    desk.at = refuse
    assert "confirming" == checkout.finish(shop, begun.charge_id, {}).state
    assert "needs_reauth" == connection_of(shop, "desk").state
    desk.at = lambda point: None
    with shop.write() as session:
        session.execute(
            update(Connection).where(Connection.slug == "desk").values(state="active")
        )
        row = session.get_one(Connection, connection_of(shop, "desk").id)
        breaker.recovered(session, row)
    live(shop).refresh()
    janitor.check_due(shop)

    assert ("paid", 10000, 0) == standing(shop)


def test_page_of_a_connection_that_is_gone_is_closed_after_its_time(
    shop: Hub, desk: Desk
) -> None:
    begin(shop)
    with shop.write() as session:
        session.execute(
            update(Connection)
            .where(Connection.slug == "desk")
            .values(removed_at=now(), state="disabled")
        )
    live(shop).refresh()
    with time_machine.travel(now() + timedelta(hours=2)):
        janitor.check_due(shop)
        assert "open" == charge(shop).state
    with time_machine.travel(now() + timedelta(days=2)):
        janitor.check_due(shop)

    assert "expired" == charge(shop).state


def test_it_is_a_duty(shop: Hub, desk: Desk) -> None:
    begun = begin(shop)
    desk.approve(begun.reference)
    done = threading.Event()
    desk.at = lambda point: done.set() if point == "check:after" else None
    with time_machine.travel(now() + timedelta(minutes=2)):
        duties.run_due(shop, [duty for duty in DUTIES if duty.name == "payments"])
        assert done.wait(60)
        _await_idle(shop)

    assert ("paid", 10000, 0) == standing(shop)


def _await_idle(hub: Hub) -> None:
    """Until the threads of this process's janitor have ended."""
    for thread in threading.enumerate():
        if thread.name == "janitor":
            thread.join(30)


def test_a_debit_that_is_tried_again_closes_the_page_opened_meanwhile(
    shop: Hub, kiosk: Desk
) -> None:
    """ROAD 7: it failed, the client turned to a page, and the bank tries once more:
    the page must not take the money as well."""
    invoice = add_invoice(shop)
    debit = connection_of(shop, "desk")
    about: Any = {"reference": "PM-1", "match": Match(invoice_number=invoice.number)}
    tell(shop, debit, failed(1, **about))
    begun = checkout.begin(shop, invoice.id, "kiosk", back=BACK)
    with shop.write() as session:
        session.execute(update(Charge).values(next_check_at=now() + timedelta(hours=9)))

    tell(shop, debit, pending(2, **about))
    janitor.check_due(shop)

    assert "closed" == kiosk.orders[begun.reference].state
    assert "expired" == charge(shop).state


def test_a_payment_on_its_way_does_not_hurry_its_own_charge(
    shop: Hub, desk: Desk
) -> None:
    begun = begin(shop)
    desk.orders[begun.reference].state = "pending"
    due = charge(shop).next_check_at

    tell(shop, connection_of(shop, "desk"), *told(desk.orders[begun.reference]))

    assert ["pending"] == [payment.state for payment in all_of(shop, Payment)]
    assert due == charge(shop).next_check_at

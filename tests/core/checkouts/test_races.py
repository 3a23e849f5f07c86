"""ROAD 5, 7, 16: tabs, returns, webhooks and janitors side by side; processes killed
in the middle."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
import time_machine

from hub.boot import Hub
from hub.core import janitor
from hub.core.checkouts import checkout, leases
from hub.core.models import Charge, Connection, Payment
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError
from tests.core.checkouts.desk import Desk, told
from tests.parts.ledger import add_invoice, all_of, standing, tell, the_invoice

BACK = "https://hub.test/pay/token"


def begin(hub: Hub, slug: str = "desk") -> checkout.Begun:
    return checkout.begin(hub, the_invoice(hub).id, slug, back=BACK)


def together(*works: Callable[[], Any]) -> list[Any]:
    """Run all at once; what each returned or raised."""
    start = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        start.wait(10)
        try:
            return work()
        except ConflictError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_two_tabs_and_double_clicks_get_one_page(shop: Hub, desk: Desk) -> None:
    add_invoice(shop)
    found = together(*[lambda: begin(shop)] * 5)

    assert 1 == len({begun.url for begun in found})
    assert 1 == len(desk.orders) == len(all_of(shop, Charge))


def test_who_chooses_two_ways_at_once_can_pay_on_one_page(
    shop: Hub, desk: Desk, kiosk: Desk
) -> None:
    add_invoice(shop)
    together(*[lambda: begin(shop, "desk"), lambda: begin(shop, "kiosk")] * 2)
    orders = [*desk.orders.values(), *kiosk.orders.values()]
    (charge,) = [row for row in all_of(shop, Charge) if row.state == "open"]

    assert [charge.reference] == [o.reference for o in orders if o.state == "created"]


def test_return_webhook_and_janitor_at_once_book_one_payment(
    shop: Hub, desk: Desk
) -> None:
    add_invoice(shop)
    begun = begin(shop)
    desk.approve(begun.reference)
    (charge,) = all_of(shop, Charge)
    with shop.read() as session:
        connection = session.get_one(Connection, charge.connection_id)
    with time_machine.travel(now() + timedelta(minutes=2)):
        together(
            lambda: checkout.finish(shop, begun.charge_id, {}),
            lambda: checkout.finish(shop, begun.charge_id, {}),
            lambda: checkout.cancelled(shop, begun.charge_id),
            lambda: janitor.check_due(shop),
            lambda: janitor.check_due(shop),
            lambda: tell(shop, connection, *told(desk.orders[begun.reference])),
        )

    assert 1 == len(all_of(shop, Payment))
    assert ("paid", 10000, 0) == standing(shop)
    assert 10000 == desk.taken()


def test_payer_pays_while_another_way_is_chosen(shop: Hub, kiosk: Desk) -> None:
    """Either the page was closed in time, or the other way is refused."""
    for _ in range(5):
        invoice = add_invoice(shop)
        number = invoice.number
        old = checkout.begin(shop, invoice.id, "kiosk", back=BACK)
        together(
            partial(_try, partial(kiosk.approve, old.reference)),
            partial(checkout.begin, shop, invoice.id, "desk", back=BACK),
        )
        paid = kiosk.orders[old.reference].state == "captured"
        charges = [r for r in all_of(shop, Charge) if r.invoice_id == invoice.id]
        assert (["finished"] if paid else ["expired", "open"]) == [
            row.state for row in charges
        ]
        assert ("paid" if paid else "open") == the_invoice(shop, number).state


def _try(work: Callable[[], Any]) -> None:
    from contextlib import suppress

    from hub.sdk.errors import RejectedError

    with suppress(RejectedError):
        work()


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Desk, str], None]]:
    """Kill the process at a point: nothing is written after it, not even the end of
    its lease."""
    dead: list[str] = []
    settle = leases.settle

    def settled(*arguments: Any, **values: Any) -> bool:
        if dead:
            raise Killed
        return settle(*arguments, **values)

    monkeypatch.setattr(leases, "settle", settled)

    def at(desk: Desk, wanted: str) -> None:
        def point(here: str) -> None:
            if here == wanted:
                dead.append(here)
                raise Killed

        desk.at = point

    def revive() -> None:
        dead.clear()

    at.revive = revive  # type: ignore[attr-defined]
    yield at


POINTS = ("start", "finish", "check", "cancel")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("hook", POINTS)
@pytest.mark.parametrize("slug", ["desk", "kiosk"])
def test_process_killed_anywhere_charges_once(
    shop: Hub, desk: Desk, kiosk: Desk, kill: Any, slug: str, hook: str, when: str
) -> None:
    """The janitor, or the client who tries again, goes on when the lease is over."""
    add_invoice(shop)
    provider = {"desk": desk, "kiosk": kiosk}[slug]
    kill(provider, f"{hook}:{when}")
    try:
        begun = begin(shop, slug)
        if hook == "cancel":
            begin(shop, "kiosk" if slug == "desk" else "desk")
        provider.approve(begun.reference)
        if hook == "check":
            checkout.cancelled(shop, begun.charge_id)
        checkout.finish(shop, begun.charge_id, {})
    except Killed:
        provider.at = lambda point: None
        kill.revive()
    later = timedelta(seconds=leases.LEASE_SECONDS + 10)
    with time_machine.travel(now() + later):
        janitor.check_due(shop)
        if the_invoice(shop).state == "open":
            begun = begin(shop, slug)
            if provider.orders[begun.reference].state == "created":
                provider.approve(begun.reference)
            checkout.finish(shop, begun.charge_id, {})

    assert ("paid", 10000, 0) == standing(shop)
    assert 10000 == desk.taken() + kiosk.taken()

"""ROAD 2, 6, 7, 16: from the client's page to the ledger, with the real plugins and
their simulators over real HTTP; with webhooks off, and with them."""

from collections.abc import Iterator

import pytest

from hub.core import janitor
from hub.core.checkouts import checkout, refunds
from hub.core.models import Charge, Event, Payment
from hub.db import Database
from hub.sdk.errors import ConflictError, UnavailableError
from hub.settings import Settings
from tests.parts.ledger import eur
from tests.road.payments_world import PROVIDERS, World, world

each_provider = pytest.mark.parametrize("slug", PROVIDERS)


@pytest.fixture
def there(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with world(database, settings, monkeypatch) as found:
        yield found


def received(there: World) -> int:
    return sum(event.type == "payment.received" for event in there.rows(Event))


@each_provider
@pytest.mark.parametrize("choice", ["approve", "leave", "pending"])
def test_without_any_webhook_the_janitor_finds_the_payment(
    there: World, slug: str, choice: str
) -> None:
    """ROAD 16."""
    there.choose(slug, there.begin(there.add(), slug), choice)
    there.settle_down()

    there.check_books()
    assert ["paid"] == [i.state for i in there.rows(type(there.invoices[0]))]
    assert 1 == received(there)


@each_provider
def test_with_return_webhooks_and_janitor_nothing_counts_twice(
    there: World, slug: str
) -> None:
    """ROAD 2."""
    begun = there.begin(there.add(), slug)
    there.choose(slug, begun, "approve")
    while there.waiting:
        there.deliver(keep=True)
        there.deliver()
    assert "paid" == checkout.finish(there.hub, begun.charge_id, {}).state
    there.hear()
    there.collect()
    while there.waiting:
        there.deliver()
    there.hear()
    there.settle_down()

    there.check_books()
    assert (1, 1) == (received(there), len(there.rows(Payment)))


def test_an_approved_order_is_captured_though_the_client_never_comes_back(
    there: World,
) -> None:
    """The webhook rings, the janitor takes the money at once."""
    there.choose("paypal", there.begin(there.add(), "paypal"), "leave")
    while there.waiting:
        there.deliver()
    there.hear()
    janitor.check_due(there.hub)

    assert "finished" == there.rows(Charge)[0].state
    there.check_books()


@each_provider
def test_a_start_that_timed_out_after_the_provider_did_it_is_the_same_page(
    there: World, slug: str
) -> None:
    """ROAD 17."""
    invoice = there.add()
    there.fault(slug, "timeout_after")
    with pytest.raises(UnavailableError):
        there.begin(invoice, slug)
    begun = there.begin(invoice, slug)
    kinds = {"paypal": "orders", "stripe": "sessions", "gocardless": "requests"}
    made = kinds[slug]

    assert [begun.reference] == list(getattr(there.sims[slug], made))


@each_provider
def test_declined_client_can_pay_in_another_way(there: World, slug: str) -> None:
    invoice = there.add()
    begun = there.begin(invoice, slug)
    there.choose(slug, begun, "decline")
    assert "paid" != checkout.finish(there.hub, begun.charge_id, {}).state
    other = next(name for name in PROVIDERS if name != slug)
    second = there.begin(invoice, other)
    there.choose(slug, begun, "approve")  # on the page he left open
    there.choose(other, second, "approve")
    checkout.finish(there.hub, begun.charge_id, {})
    assert "paid" == checkout.finish(there.hub, second.charge_id, {}).state
    there.settle_down()

    there.check_books()


@each_provider
def test_a_cancelled_page_is_gone_on_with(there: World, slug: str) -> None:
    invoice = there.add()
    begun = there.begin(invoice, slug)
    there.choose(slug, begun, "close")

    assert "cancelled" == checkout.cancelled(there.hub, begun.charge_id).state
    assert begun == there.begin(invoice, slug)


@each_provider
def test_pending_payment_covers_the_invoice_until_the_bank_says_no(
    there: World, slug: str
) -> None:
    invoice = there.add()
    begun = there.begin(invoice, slug)
    there.choose(slug, begun, "pending")
    assert "confirming" == checkout.finish(there.hub, begun.charge_id, {}).state
    with pytest.raises(ConflictError, match="confirmed"):
        there.begin(invoice, slug)
    there.end_pending("denied")
    there.pass_time(minutes=5)
    janitor.check_due(there.hub)

    assert ["failed"] == [row.state for row in there.rows(Charge)]
    assert begun.charge_id != there.begin(invoice, slug).charge_id


@each_provider
def test_refunds_from_the_hub_are_told_once(there: World, slug: str) -> None:
    begun = there.begin(there.add(), slug)
    there.choose(slug, begun, "approve")
    checkout.finish(there.hub, begun.charge_id, {})
    (payment,) = there.rows(Payment)
    refunds.refund(there.hub, payment.id, eur("30.00"))
    there.fault(slug, "timeout_after")
    last = refunds.refund(there.hub, payment.id)
    there.collect()
    while there.waiting:
        there.deliver()
    there.hear()
    there.settle_down()

    assert "open" == last.state
    there.check_books()
    assert {payment.reference: (10000, 10000)} == there.ledger()
    told = [event for event in there.rows(Event) if event.type == "payment.refunded"]
    assert 2 == len(told)

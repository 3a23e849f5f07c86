"""What is offered is not refused: the ways to pay fit the currency."""

from dataclasses import replace

import pytest

from hub.boot import Hub
from hub.core.checkouts.offers import offers
from hub.core.ledger import companies, invoices
from hub.core.models import PluginSwitch
from hub.hookspecs import EVENT_HOOKS
from hub.plugins import Plugins
from tests.parts.hub import connect, plugin
from tests.parts.ledger import add_company, add_invoice

CHECKOUT, MANDATE = (
    ("describe_provider", "start_checkout", "finish_checkout"),
    ("start_mandate", "collect_payment"),
)


@pytest.fixture
def bank(hub: Hub) -> Hub:
    """One way for all, one page for pounds, one mandate for crowns and euros."""
    made = plugin("fussy", "payment", *CHECKOUT, *MANDATE)
    assert made.provider is not None
    provider = replace(
        made.provider,
        checkout_currencies=frozenset({"GBP"}),
        mandate_currencies=frozenset({"SEK", "EUR"}),
    )
    plugins = [
        replace(made, provider=provider),
        plugin("every", "payment", *CHECKOUT),
        plugin("ears", "notify", *EVENT_HOOKS),
    ]
    found = Hub(
        settings=hub.settings,
        database=hub.database,
        plugins=Plugins(plugins),
        bell=hub.bell,
        keys=hub.keys,
    )
    with found.write() as session:
        session.add_all(PluginSwitch(name=n, enabled=True) for n in ("fussy", "every"))
    for name in ("fussy", "every"):
        connect(found, name)
    return found


@pytest.mark.parametrize(
    ("currency", "expected"),
    [
        ("GBP", {("every", "checkout"), ("fussy", "checkout")}),
        ("SEK", {("every", "checkout"), ("fussy", "mandate")}),
        ("EUR", {("every", "checkout"), ("fussy", "mandate")}),
        ("JPY", {("every", "checkout")}),
    ],
)
def test_only_ways_that_take_the_currency_are_offered(
    bank: Hub, currency: str, expected: set[tuple[str, str]]
) -> None:
    invoice = add_invoice(bank, "100", add_company(bank, currency=currency))
    with bank.read() as session:
        found = offers(session, invoices.get(session, invoice.id))

    assert expected == {(each.slug, each.kind) for each in found}


def test_a_mandate_is_in_the_companys_currency(bank: Hub) -> None:
    """A mandate is for all to come, not for the one invoice in pounds."""
    company = add_company(bank, currency="EUR")
    invoice = add_invoice(bank, "100", company, currency="GBP")
    with bank.read() as session:
        one = offers(session, invoices.get(session, invoice.id))
        none = offers(session, company=companies.get(session, company.id))

    assert {
        ("every", "checkout"),
        ("fussy", "checkout"),
        ("fussy", "mandate"),
    } == {(each.slug, each.kind) for each in one}
    assert [("fussy", "mandate")] == [
        (each.slug, each.kind) for each in none if each.kind == "mandate"
    ]

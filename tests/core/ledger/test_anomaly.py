"""The detector of unusual invoices."""

from decimal import Decimal

import pytest

from hub.boot import Hub
from hub.core.ledger import invoices
from hub.core.ledger.anomaly import THRESHOLD, judge
from hub.core.models import Event
from hub.sdk.money import Money
from tests.parts.ledger import add_company, add_invoice, add_user, all_of, notes


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def test_too_few_invoices_say_nothing() -> None:
    assert judge(eur(10**9), [10000] * 3) is None


@pytest.mark.parametrize(
    ("total", "recent", "unusual"),
    [
        (10000, [10000] * 4, False),
        (11000, [10000] * 6, False),
        (14000, [10000] * 6, False),
        (17000, [10000] * 6, True),
        (100000, [10000] * 6, True),
        (1000, [10000] * 6, True),
        (0, [10000] * 6, True),
        (17000, [5000, 10000, 15000, 20000, 12000, 8000], False),
        (100000, [10000, 10100, 9900, 10000, 90000], True),
        (10000, [10000, 10100, 9900, 10000, 90000], False),
        (0, [0] * 4, False),
        (500, [0] * 4, True),
    ],
)
def test_total_far_from_the_usual_is_unusual(total, recent, unusual) -> None:
    anomaly = judge(eur(total), recent)

    assert anomaly is not None
    assert unusual == (anomaly.score >= THRESHOLD)
    assert 0 <= anomaly.score <= 1


def test_reason_is_plain() -> None:
    anomaly = judge(eur(24000), [10000] * 6)

    assert anomaly is not None
    assert anomaly.score == Decimal("1.00")
    assert anomaly.reason == (
        "The last 6 invoices were about 100.00 EUR, this one is 240.00 EUR:"
        " 2.4 times as much."
    )


def test_reason_for_less_names_the_share() -> None:
    anomaly = judge(eur(1000), [10000] * 6)

    assert anomaly is not None
    assert anomaly.reason.endswith("this one is 10.00 EUR: 10 % of that.")


def test_unusual_invoice_is_told_when_it_becomes_open(hub: Hub) -> None:
    add_user(hub)
    company = add_company(hub)
    for _ in range(4):
        add_invoice(hub, "100.00", company)
    draft = add_invoice(hub, "900.00", company, state="draft")
    before = [event.type for event in all_of(hub, Event)]
    with hub.write() as session:
        invoices.issue(session, draft.id)

    told = all_of(hub, Event)[-1]
    assert "invoice.anomaly" not in before
    assert ("invoice.anomaly", "1.00") == (told.type, told.data["score"])
    assert ("invoice.anomaly", "Invoice INV-000005 looks unusual") in notes(hub)


def test_only_invoices_of_the_client_and_currency_count(hub: Hub) -> None:
    company = add_company(hub)
    for _ in range(4):
        add_invoice(hub, "100.00", company, currency="USD")
        add_invoice(hub, "100.00")
    add_invoice(hub, "900.00", company)

    assert "invoice.anomaly" not in {event.type for event in all_of(hub, Event)}

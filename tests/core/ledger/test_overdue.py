"""Overdue invoices, told at each step."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from time_machine import travel

from hub.boot import Hub
from hub.core.ledger import invoices, overdue
from hub.core.models import Connection, Event
from hub.sdk.facts import Match
from tests.parts.ledger import (
    add_invoice,
    add_user,
    all_of,
    notes,
    received,
    tell,
)

DUE = date(2026, 3, 1)


def invoice(hub: Hub, **values):
    return add_invoice(hub, issue_date=DUE - timedelta(30), due_date=DUE, **values)


def scan(hub: Hub, days: int) -> int:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days)
    with travel(noon, tick=False):
        return overdue.scan(hub)


def steps(hub: Hub) -> list[tuple[int, int]]:
    return [
        (event.data["step"], event.data["days_overdue"])
        for event in all_of(hub, Event)
        if event.type == "invoice.overdue"
    ]


@pytest.mark.parametrize(
    ("days", "step"), [(0, None), (1, 1), (6, 1), (7, 7), (29, 14), (400, 30)]
)
def test_highest_step_reached_counts(days, step) -> None:
    assert step == overdue.step_of(days, (1, 7, 14, 30))


def test_each_step_is_told_once(hub: Hub) -> None:
    invoice(hub)
    found = [scan(hub, days) for days in (0, 1, 1, 2, 7, 8, 14, 30, 90)]

    assert [0, 1, 0, 0, 1, 0, 1, 1, 0] == found
    assert [(1, 1), (7, 7), (14, 14), (30, 30)] == steps(hub)


def test_after_a_long_pause_only_the_highest_step_is_told(hub: Hub) -> None:
    invoice(hub)
    scan(hub, 20)
    scan(hub, 21)

    assert [(14, 20)] == steps(hub)


def test_day_begins_where_the_hub_is(hub: Hub) -> None:
    invoice(hub)
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    with travel(late, tick=False):
        overdue.scan(hub)
        before = steps(hub)
        hub.settings = replace(hub.settings, time_zone=ZoneInfo("Europe/Berlin"))
        overdue.scan(hub)

    assert ([], [(1, 1)]) == (before, steps(hub))


def test_steps_are_those_of_the_settings(hub: Hub) -> None:
    hub.settings = replace(hub.settings, overdue_steps=(3,))
    invoice(hub)
    scan(hub, 1)
    scan(hub, 4)

    assert [(3, 4)] == steps(hub)


def test_only_what_is_owed_is_overdue(hub: Hub, till: Connection) -> None:
    add_user(hub)
    invoice(hub, number="paid")
    tell(hub, till, received(match=Match(invoice_number="paid")))
    invoice(hub, state="draft")
    void = invoice(hub)
    with hub.write() as session:
        invoices.void(session, void.id)
    invoice(hub, number="partly")
    partly = received(
        reference="P-2", id="p2", amount="40.00", match=Match(invoice_number="partly")
    )
    tell(hub, till, partly)
    scan(hub, 3)

    assert [(1, 3)] == steps(hub)
    assert ("invoice.overdue", "Invoice partly is 3 days overdue") in notes(hub)
    assert "60.00" == all_of(hub, Event)[-1].data["open_amount"]


def test_many_are_told_in_batches(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overdue, "_BATCH", 3)
    for _ in range(7):
        invoice(hub)

    assert 7 == scan(hub, 1)
    assert 0 == scan(hub, 2)


def test_invoice_paid_in_between_is_not_told(
    hub: Hub, till: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at again inside the transaction."""
    invoice(hub)
    looked = overdue._new

    def pays_meanwhile(*arguments):
        found = looked(*arguments)
        if found:
            tell(hub, till, received())
        return found

    monkeypatch.setattr(overdue, "_new", pays_meanwhile)

    assert 0 == scan(hub, 1)
    assert [] == steps(hub)

"""ROAD 27: autobill collects each invoice once in a period, whoever runs it."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from hub.core import duties, janitor
from hub.core.checkouts import checkout
from hub.core.ledger import companies, invoices, payments
from hub.core.ledger.payments import NewPayment
from hub.core.mandates import autobill
from hub.core.models import Charge, Company
from hub.sdk.errors import RejectedError
from hub.sdk.facts import RefundMade
from tests.core.checkouts.desk import timeout
from tests.core.mandates.conftest import Counter
from tests.core.mandates.giro import client, mandate
from tests.core.mandates.giro import told as facts_of
from tests.parts.ledger import (
    add_company,
    add_invoice,
    add_user,
    all_of,
    eur,
    notes,
    standing,
    tell,
    the_invoice,
)

NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)
DUE = date(2026, 5, 12)


@pytest.fixture
def owing(counter: Counter) -> Counter:
    """One invoice, due in two days."""
    with time_machine.travel(NOON, tick=False):
        company = client(counter.hub, counter.connection)
        bill(counter, company)
    return counter


def bill(counter: Counter, company: Company, due: date = DUE, **values: str) -> str:
    issued = date(2026, 5, 1)
    made = add_invoice(
        counter.hub, company=company, issue_date=issued, due_date=due, **values
    )
    return made.id


def run(counter: Counter, at: datetime = NOON) -> int:
    with time_machine.travel(at, tick=False):
        return autobill.run(counter.hub)


def problems(counter: Counter, at: datetime = NOON) -> list[str | None]:
    with time_machine.travel(at, tick=False), counter.hub.read() as session:
        found = autobill.preview(session)
    return [each.problem.code if each.problem else None for each in found]


def become(counter: Counter, state: str, at: datetime) -> None:
    made = list(counter.giro.debits.values())[-1]
    made.state = state
    with time_machine.travel(at, tick=False):
        tell(counter.hub, counter.connection, *facts_of(made))


def days(count: int) -> datetime:
    """Noon, so many days after the due date."""
    return datetime(2026, 5, 12, 12, tzinfo=UTC) + timedelta(days=count)


def test_run_does_what_the_preview_says(owing: Counter) -> None:
    acme = all_of(owing.hub, Company)[0]
    bill(owing, acme, date(2026, 5, 13))
    bill(owing, acme, date(2026, 5, 14))  # not yet
    bill(owing, acme, currency="GBP")
    bill(owing, add_company(owing.hub, "Without autobill"))
    with time_machine.travel(NOON, tick=False), owing.hub.read() as session:
        planned = autobill.preview(session)
    ready = {each.invoice_id for each in planned if each.problem is None}
    codes = [each.problem.code for each in planned if each.problem]

    assert 2 == run(owing) == len(ready)
    assert ["other_currency"] == codes
    assert ready == {row.invoice_id for row in all_of(owing.hub, Charge)}


def test_twice_it_collects_once(owing: Counter) -> None:
    assert [1, 0] == [run(owing), run(owing)]
    assert ["under_way"] == problems(owing)
    assert 1 == len(owing.giro.debits)


def test_two_schedulers_collect_once(owing: Counter) -> None:
    with time_machine.travel(NOON, tick=False):
        threads = [
            threading.Thread(target=autobill.run, args=(owing.hub,)) for _ in range(4)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert 1 == len(owing.giro.debits) == len(all_of(owing.hub, Charge))


def test_killed_in_the_middle_each_is_collected_once(owing: Counter) -> None:
    bill(owing, all_of(owing.hub, Company)[0])

    def die(point: str) -> None:
        if point == "collect:after":
            raise KeyboardInterrupt

    owing.giro.at = die
    with pytest.raises(KeyboardInterrupt):
        run(owing)
    owing.giro.at = lambda point: None
    run(owing)
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        janitor.check_due(owing.hub)
    assert 2 == len(owing.giro.debits) == len(all_of(owing.hub, Charge))


def test_unknown_outcome_is_left_to_the_janitor(owing: Counter) -> None:
    owing.giro.at = timeout("collect:after")
    assert [1, 0] == [run(owing), run(owing)]
    assert 1 == len(owing.giro.debits)


def test_a_failed_debit_is_tried_in_the_next_period_and_not_before(
    owing: Counter,
) -> None:
    run(owing)
    become(owing, "failed", days(3))
    assert 0 == run(owing, days(4)) == run(owing, days(29))
    assert ["tried"] == problems(owing, days(29))
    assert 1 == run(owing, days(30))
    become(owing, "failed", days(31))
    assert [0, 1] == [run(owing, days(59)), run(owing, days(60))]
    become(owing, "failed", days(61))
    assert 0 == run(owing, days(90))
    assert ["too_late"] == problems(owing, days(90))


def test_money_that_went_back_is_not_collected_again(owing: Counter) -> None:
    run(owing)
    become(owing, "received", days(1))
    back = RefundMade(
        id="r",
        as_of=days(2),
        reference="R",
        payment="DD-1",
        amount=eur("100.00"),
    )
    tell(owing.hub, owing.connection, back)
    assert "open" == standing(owing.hub)[0]
    assert 0 == run(owing, days(40))
    assert ["went_back"] == problems(owing, days(40))


def test_part_paid_the_rest_is_collected(owing: Counter) -> None:
    with owing.hub.write() as session:
        new = NewPayment(amount=eur("30.00"))
        payments.record_payment(session, the_invoice(owing.hub).id, new)
    run(owing)
    assert [eur("70.00")] == [each.amount for each in owing.giro.debits.values()]


def test_void_paid_and_open_pages_are_left_alone(owing: Counter) -> None:
    acme = all_of(owing.hub, Company)[0]
    void, page = bill(owing, acme), bill(owing, acme)
    with owing.hub.write() as session:
        invoices.void(session, void)
    checkout.begin(owing.hub, page, "desk", back="https://hub.test/pay/x")
    assert [None, "page_open"] == problems(owing)
    assert 1 == run(owing)


def test_a_cancelled_mandate_pauses_it_and_a_new_one_goes_on(owing: Counter) -> None:
    with time_machine.travel(NOON, tick=False):
        gone = mandate("MD-1", "cancelled", minute=5)
        tell(owing.hub, owing.connection, gone)
    assert ["no_mandate"] == problems(owing)
    assert 0 == run(owing)
    with time_machine.travel(NOON, tick=False):
        next_one = mandate("MD-1", "replaced", minute=6, replaced_by="MD-2")
        tell(owing.hub, owing.connection, next_one, mandate("MD-2", minute=7))
    assert 1 == run(owing)
    assert ["MD-2"] == [each.mandate for each in owing.giro.debits.values()]


def test_autobill_switched_off_collects_nothing(owing: Counter) -> None:
    with owing.hub.write() as session:
        id = all_of(owing.hub, Company)[0].id
        companies.update(session, id, {"autobill": False})
    assert ([], 0) == (problems(owing), run(owing))


@pytest.mark.parametrize(
    ("zone", "hour", "expected"),
    [("UTC", 23, 0), ("Europe/Berlin", 23, 1), ("America/New_York", 3, 0)],
)
def test_days_are_those_of_the_installation(
    owing: Counter, zone: str, hour: int, expected: int
) -> None:
    """Due on the 12th, collected from the 9th on where the installation is."""
    owing.hub.settings = replace(owing.hub.settings, time_zone=ZoneInfo(zone))
    day = 9 if zone.startswith("America") else 8
    assert expected == run(owing, datetime(2026, 5, day, hour, tzinfo=UTC))


def test_a_refused_debit_is_told_once_and_keeps_its_period(owing: Counter) -> None:
    add_user(owing.hub)

    def refuse(point: str) -> None:
        if point == "collect:before":
            raise RejectedError("The account is closed.")

    owing.giro.at = refuse
    assert [1, 0] == [run(owing), run(owing)]
    title = "Invoice INV-000001 could not be collected"
    assert [("autobill.failed", title)] == notes(owing.hub)


def test_it_is_a_duty(owing: Counter) -> None:
    with time_machine.travel(NOON, tick=False):
        wanted = [each for each in duties.DUTIES if each.name == "autobill"]
        assert ["autobill"] == duties.run_due(owing.hub, wanted)
        assert [] == duties.run_due(owing.hub, wanted)
    assert 1 == len(owing.giro.debits)

"""Collecting by mandate: once, whatever happens on the way (ROAD 7, 16)."""

from datetime import timedelta

import pytest
import time_machine

from hub.core import janitor
from hub.core.checkouts import checkout
from hub.core.ledger import invoices, payments
from hub.core.ledger.payments import NewPayment
from hub.core.mandates import debits
from hub.core.models import Charge
from hub.sdk import clock
from hub.sdk.errors import ConflictError, RejectedError
from hub.sdk.facts import ChargebackMade
from tests.core.checkouts.desk import timeout
from tests.core.mandates.conftest import Counter
from tests.core.mandates.giro import client, mandate
from tests.core.mandates.giro import told as facts_of
from tests.parts.ledger import add_invoice, all_of, eur, standing, tell, the_invoice
from tests.parts.ledger import told as events


def collect(counter: Counter) -> Charge:
    return debits.collect(counter.hub, the_invoice(counter.hub).id)


def become(counter: Counter, state: str, reason: str = "") -> None:
    """The provider tells of its newest debit."""
    made = list(counter.giro.debits.values())[-1]
    made.state, made.reason = state, reason
    counter.days += 1
    with time_machine.travel(clock.now() + timedelta(days=counter.days), tick=False):
        tell(counter.hub, counter.connection, *facts_of(made))


def charges(counter: Counter) -> list[str]:
    return [row.state for row in all_of(counter.hub, Charge)]


@pytest.fixture
def owing(counter: Counter) -> Counter:
    company = client(counter.hub, counter.connection)
    add_invoice(counter.hub, company=company)
    return counter


def later(counter: Counter, minutes: int) -> None:
    with time_machine.travel(clock.now() + timedelta(minutes=minutes), tick=False):
        janitor.check_due(counter.hub)


def test_an_invoice_is_collected_and_paid(owing: Counter) -> None:
    assert "open" == collect(owing).state
    assert ("open", 0, 10000) == standing(owing.hub)
    with pytest.raises(ConflictError):
        collect(owing)
    become(owing, "received")
    assert ("paid", 10000, 0) == standing(owing.hub)
    assert ["finished"] == charges(owing)
    assert 1 == len(owing.giro.debits)


@pytest.mark.parametrize("point", ["collect:before", "collect:after"])
def test_unknown_outcome_is_asked_for_and_collected_once(
    owing: Counter, point: str
) -> None:
    """ROAD 16, 17."""
    owing.giro.at = timeout(point)
    assert "open" == collect(owing).state
    later(owing, 10)
    assert 1 == len(owing.giro.debits)
    with pytest.raises(ConflictError):
        collect(owing)
    become(owing, "received")
    assert ("paid", 10000, 0) == standing(owing.hub)


def test_killed_before_the_call_the_janitor_collects(owing: Counter) -> None:
    with owing.hub.write() as session:
        from hub.core.ledger import charges as ledger_charges

        row = ledger_charges.locked_invoice(session, the_invoice(owing.hub).id)
        debits.begin(session, row)
    assert 0 == len(owing.giro.debits)
    later(owing, 10)
    assert 1 == len(owing.giro.debits)
    later(owing, 60)
    assert 1 == len(owing.giro.debits)


def test_a_failed_debit_opens_the_invoice_again(owing: Counter) -> None:
    collect(owing)
    become(owing, "failed", "insufficient funds")
    assert ("open", 0, 10000) == standing(owing.hub)
    assert ["failed"] == charges(owing)
    assert "payment.failed" in events(owing.hub)
    assert "open" == collect(owing).state  # a person may begin another
    assert 2 == len(owing.giro.debits)


def test_a_late_failure_opens_the_invoice_again(owing: Counter) -> None:
    collect(owing)
    become(owing, "received")
    become(owing, "failed", "refer to payer")
    assert ("open", 0, 10000) == standing(owing.hub)
    assert ["finished"] == charges(owing)


def test_a_chargeback_opens_the_invoice_again(owing: Counter) -> None:
    collect(owing)
    become(owing, "received")
    back = ChargebackMade(
        id="cb",
        as_of=clock.now() + timedelta(days=2),
        reference="CB",
        payment="DD-1",
        amount=eur("100.00"),
    )
    tell(owing.hub, owing.connection, back)
    assert ("open", 0, 10000) == standing(owing.hub)


def test_a_retry_of_the_provider_keeps_the_payment(owing: Counter) -> None:
    collect(owing)
    become(owing, "failed")
    with time_machine.travel(clock.now() + timedelta(days=2), tick=False):
        made = next(iter(owing.giro.debits.values()))
        made.state = "pending"
        (fact,) = facts_of(made)
        retried = type(fact)(**{**vars(fact), "id": "retried"})
        tell(owing.hub, owing.connection, retried)
        with pytest.raises(ConflictError):
            collect(owing)
    assert 1 == len(owing.giro.debits)


def test_no_debit_beside_an_open_page(owing: Counter) -> None:
    """ROAD 7."""
    invoice = the_invoice(owing.hub)
    checkout.begin(owing.hub, invoice.id, "desk", back="https://hub.test/pay/x")
    with pytest.raises(ConflictError):
        collect(owing)
    assert 0 == len(owing.giro.debits)


def test_no_page_beside_a_debit(owing: Counter) -> None:
    """ROAD 7."""
    collect(owing)
    invoice = the_invoice(owing.hub)
    with pytest.raises(ConflictError):
        checkout.begin(owing.hub, invoice.id, "desk", back="https://hub.test/pay/x")


def test_part_paid_only_the_rest_is_collected(owing: Counter) -> None:
    with owing.hub.write() as session:
        new = NewPayment(amount=eur("30.00"))
        payments.record_payment(session, the_invoice(owing.hub).id, new)
    collect(owing)
    assert [eur("70.00")] == [each.amount for each in owing.giro.debits.values()]


def test_a_void_invoice_is_not_collected(owing: Counter) -> None:
    with owing.hub.write() as session:
        invoices.void(session, the_invoice(owing.hub).id)
    with pytest.raises(ConflictError):
        collect(owing)


def test_paid_before_the_call_nothing_is_sent(owing: Counter) -> None:
    owing.giro.at = timeout("collect:before")
    collect(owing)
    with owing.hub.write() as session:
        new = NewPayment(amount=eur("100.00"))
        payments.record_payment(session, the_invoice(owing.hub).id, new)
    later(owing, 10)
    assert (["expired"], 0) == (charges(owing), len(owing.giro.debits))


def test_another_currency_is_not_collected(counter: Counter) -> None:
    company = client(counter.hub, counter.connection, currency="EUR")
    add_invoice(counter.hub, company=company, currency="GBP")
    with pytest.raises(ConflictError, match="EUR"):
        collect(counter)


def test_refused_the_person_is_told_and_the_charge_is_over(owing: Counter) -> None:
    def refuse(point: str) -> None:
        if point == "collect:before":
            raise RejectedError("The account is closed.")

    owing.giro.at = refuse
    with pytest.raises(RejectedError):
        collect(owing)
    assert ["failed"] == charges(owing)


def test_a_cancelled_mandate_ends_a_debit_that_never_arrived(owing: Counter) -> None:
    owing.giro.at = timeout("collect:before")
    collect(owing)
    gone = mandate("MD-1", "cancelled", minute=5)
    tell(owing.hub, owing.connection, gone)
    later(owing, 10)
    assert (["failed"], 0) == (charges(owing), len(owing.giro.debits))
    with pytest.raises(ConflictError):
        collect(owing)


def test_a_cancelled_mandate_leaves_a_debit_that_is_under_way(owing: Counter) -> None:
    collect(owing)
    tell(owing.hub, owing.connection, mandate("MD-1", "cancelled", minute=5))
    later(owing, 10)
    assert ["open"] == charges(owing)
    become(owing, "received")
    assert ("paid", 10000, 0) == standing(owing.hub)

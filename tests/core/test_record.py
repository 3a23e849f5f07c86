"""Facts into the ledger: each rule of the road that speaks of money."""

import pytest
from sqlalchemy import select

from hub.boot import Hub
from hub.core.ledger import payments
from hub.core.ledger.payments import NewPayment
from hub.core.models import (
    Connection,
    Delivery,
    Event,
    FactRow,
    Movement,
    Notification,
    Payment,
    Payout,
)
from hub.core.record import record, record_all
from hub.sdk.facts import FeeCharged, PayoutMade
from tests.parts.hub import connect
from tests.parts.ledger import (
    NUMBER,
    add_company,
    add_invoice,
    add_user,
    all_of,
    at,
    chargeback,
    dispute,
    eur,
    failed,
    pending,
    received,
    refund,
    refund_total,
    standing,
    tell,
    the_payment,
    told,
)


def test_payment_pays_its_invoice(hub: Hub, till: Connection) -> None:
    add_invoice(hub)
    (row,) = tell(hub, till, received(fee=eur("3.20"), payer="Ann", method="card"))
    payment = the_payment(hub)

    assert ("paid", 10000, 0) == standing(hub)
    assert ("recorded", f"payment:{payment.id}") == (row.state, row.subject)
    assert ("confirmed", "till", "card", "Ann") == (
        payment.state,
        payment.provider,
        payment.method,
        payment.payer,
    )
    assert (320, 9680, at(0)) == (
        payment.fee_minor,
        payment.net_minor,
        payment.received_at,
    )
    assert ["payment.received", "invoice.paid"] == told(hub)


def test_event_says_what_the_ledger_holds(hub: Hub, till: Connection) -> None:
    company = add_company(hub, "Northgate")
    invoice = add_invoice(hub, "100.00", company)
    tell(hub, till, received(amount="40.00", payer="Ann", url="https://till.test/1"))
    event = all_of(hub, Event)[-1]
    payment = the_payment(hub)

    assert {
        "payment_id": payment.id,
        "reference": "P-1",
        "provider": "till",
        "state": "confirmed",
        "amount": "40.00",
        "currency": "EUR",
        "method": "",
        "payer": "Ann",
        "provider_url": "https://till.test/1",
        "invoice_id": invoice.id,
        "invoice_number": NUMBER,
        "company": {"id": company.id, "name": "Northgate"},
        "open_amount": "60.00",
        "refunded_amount": "0.00",
    } == event.data
    assert f"payment:{payment.id}" == event.subject
    assert event.url.endswith(f"/payments/{payment.id}")
    assert (till.id, at(0)) == (event.origin_id, event.occurred_at)
    assert all_of(hub, FactRow)[0].id == event.fact_id


def test_fact_heard_again_changes_nothing(hub: Hub, till: Connection) -> None:
    """ROAD 2: heard once, booked once."""
    add_invoice(hub)
    (first,) = tell(hub, till, received())
    before = told(hub)
    (second,) = tell(hub, till, received(amount="999.00"))

    assert (first.id, first.state) == (second.id, second.state)
    assert 1 == len(all_of(hub, FactRow))
    assert ("paid", 10000, 0) == standing(hub)
    assert before == told(hub)


def test_money_told_by_several_events_is_booked_once(
    hub: Hub, till: Connection
) -> None:
    """ROAD 2: by the provider's id of the money, whoever reports it."""
    add_invoice(hub)
    other = connect(hub, "till", "till-2")
    tell(hub, till, received(id="webhook"))
    (again,) = tell(hub, till, received(id="return page"))
    tell(hub, other, received(id="webhook"))

    assert "unchanged" == again.state
    assert 1 == len(all_of(hub, Payment)) == len(all_of(hub, Movement))
    assert ["payment.received", "invoice.paid"] == told(hub)


def test_same_reference_at_another_provider_is_other_money(
    hub: Hub, till: Connection
) -> None:
    """ROAD 2."""
    add_invoice(hub, "200.00")
    tell(hub, till, received())
    tell(hub, connect(hub, "ears"), received())

    assert 2 == len(all_of(hub, Payment))
    assert ("paid", 20000, 0) == standing(hub)


def test_late_news_of_the_past_moves_nothing_back(hub: Hub, till: Connection) -> None:
    """ROAD 3."""
    add_invoice(hub)
    tell(hub, till, received(5))
    tell(hub, till, pending(1))

    assert "confirmed" == the_payment(hub).state
    assert ["payment.received", "invoice.paid"] == told(hub)


def test_retried_debit_comes_back(hub: Hub, till: Connection) -> None:
    """ROAD 3: states may move back; payment.received is told once."""
    add_invoice(hub)
    for fact in (received(1), failed(2, reason="no funds"), received(3)):
        tell(hub, till, fact)

    assert ("paid", 10000, 0) == standing(hub)
    assert [
        "payment.received",
        "invoice.paid",
        "payment.failed",
        "invoice.paid",
    ] == told(hub)


def test_each_failure_is_told_with_its_reason(hub: Hub, till: Connection) -> None:
    add_invoice(hub)
    for fact in (failed(1, reason="no funds"), pending(2), failed(3, reason="closed")):
        tell(hub, till, fact)

    reasons = [
        event.data["reason"]
        for event in all_of(hub, Event)
        if event.type == "payment.failed"
    ]
    assert ["no funds", "closed"] == reasons
    assert ("open", 0, 10000) == standing(hub)


def test_refund_opens_the_invoice_again_and_a_failed_one_closes_it(
    hub: Hub, till: Connection
) -> None:
    """ROAD 3: a failed refund moves the states back."""
    add_invoice(hub)
    tell(hub, till, received(1))
    tell(hub, till, refund(2, "30.00"))
    between = standing(hub)
    tell(hub, till, refund(3, "30.00", "failed"))

    assert ("partially_paid", 7000, 3000) == between
    assert ("paid", 10000, 0) == standing(hub)
    assert 0 == the_payment(hub).refunded_minor


def test_several_refunds_make_a_payment_wholly_refunded(
    hub: Hub, till: Connection
) -> None:
    add_invoice(hub)
    tell(hub, till, received(1))
    for number, amount in enumerate(["30.00", "70.00"]):
        tell(hub, till, refund(2 + number, amount, reference=f"R-{number}"))

    assert ("refunded", 10000) == (
        the_payment(hub).state,
        the_payment(hub).refunded_minor,
    )
    assert ["30.00", "70.00"] == [
        event.data["refund_amount"]
        for event in all_of(hub, Event)
        if event.type == "payment.refunded"
    ]


def test_refund_before_its_payment_waits_for_it(hub: Hub, till: Connection) -> None:
    """ROAD 6."""
    add_invoice(hub)
    (parked,) = tell(hub, till, refund(2))
    before = told(hub)
    tell(hub, till, received(1))
    with hub.read() as session:
        adopted = session.get_one(FactRow, parked.id)

    assert ("parked", []) == (parked.state, before)
    assert ("recorded", f"payment:{the_payment(hub).id}") == (
        adopted.state,
        adopted.subject,
    )
    assert ("partially_paid", 7000, 3000) == standing(hub)
    assert ["payment.received", "payment.refunded"] == told(hub)


def test_running_total_books_what_is_missing_and_tells_it_once(
    hub: Hub, till: Connection
) -> None:
    """ROAD 4."""
    add_invoice(hub)
    tell(hub, till, received(1))
    tell(hub, till, refund_total(2, "50.00"))
    tell(hub, till, refund(2, "30.00", reference="R-1"))
    tell(hub, till, refund(2, "20.00", reference="R-2"))

    assert 5000 == the_payment(hub).refunded_minor
    assert 1 == told(hub).count("payment.refunded")


def test_running_total_adds_nothing_to_refunds_known_by_id(
    hub: Hub, till: Connection
) -> None:
    """ROAD 4."""
    add_invoice(hub)
    tell(hub, till, received(1), refund(2, "30.00"), refund_total(3, "30.00"))

    assert 3000 == the_payment(hub).refunded_minor
    assert 1 == told(hub).count("payment.refunded")


def test_chargeback_opens_the_invoice_and_its_cancelling_pays_it_again(
    hub: Hub, till: Connection
) -> None:
    """ROAD 3: a cancelled chargeback moves the states back."""
    add_invoice(hub)
    tell(hub, till, received(1))
    tell(hub, till, chargeback(2, reason="fraud"))
    between = standing(hub), the_payment(hub).state
    tell(hub, till, chargeback(3, state="cancelled"))

    assert (("open", 0, 10000), "charged_back") == between
    assert ("paid", 10000, 0) == standing(hub)
    assert 2 == told(hub).count("invoice.paid")


def test_dispute_flags_the_payment_and_leaves_the_money(
    hub: Hub, till: Connection
) -> None:
    add_invoice(hub)
    tell(hub, till, received(1))
    case = dispute(2, amount=eur("100.00"), reason="not received", respond_by=at(99))
    tell(hub, till, case)
    open_ = the_payment(hub).disputed
    tell(hub, till, dispute(3, "won"))
    (event,) = [e for e in all_of(hub, Event) if e.type == "payment.disputed"]

    assert (True, False) == (open_, the_payment(hub).disputed)
    assert ("paid", 10000, 0) == standing(hub)
    assert {
        "reference": "D-1",
        "state": "open",
        "amount": "100.00",
        "currency": "EUR",
        "respond_by": "2026-03-02T11:39:00Z",
        "url": "",
    } == event.data["dispute"]
    assert "not received" == event.data["reason"]


def test_fee_told_later_lowers_what_we_get(hub: Hub, till: Connection) -> None:
    add_invoice(hub)
    tell(hub, till, received(1, fee=eur("2.00")))
    fee = FeeCharged(
        id="f", as_of=at(2), reference="F-1", payment="P-1", amount=eur("1.00")
    )
    tell(hub, till, fee)

    assert (300, 9700) == (the_payment(hub).fee_minor, the_payment(hub).net_minor)


def payout(minute: int, state: str, *references: str, **values) -> PayoutMade:
    return PayoutMade(
        id=f"payout-{minute}-{state}",
        as_of=at(minute),
        reference="PO-1",
        amount=eur("190.00"),
        state=state,  # type: ignore[arg-type]
        payments=references,
        **values,
    )


def test_payout_pays_out_all_its_payments(hub: Hub, till: Connection) -> None:
    add_invoice(hub, "200.00")
    tell(hub, till, payout(5, "pending", "P-1", "P-2"))
    tell(hub, till, received(1), received(1, reference="P-2"))
    tell(hub, till, payout(6, "paid", fees=eur("10.00"), arrives_on="2026-03-05"))
    states = [payment.state for payment in all_of(hub, Payment)]
    (row,) = all_of(hub, Payout)
    tell(hub, till, payout(7, "failed"))

    assert ["paid_out", "paid_out"] == states
    assert ("paid", 19000, 1000, "2026-03-05") == (
        row.state,
        row.amount_minor,
        row.fee_minor,
        str(row.arrives_on),
    )
    assert ["confirmed"] * 2 == [payment.state for payment in all_of(hub, Payment)]


def test_manual_and_provider_money_pay_together(hub: Hub, till: Connection) -> None:
    invoice = add_invoice(hub)
    with hub.write() as session:
        payments.record_payment(session, invoice.id, NewPayment(amount=eur("40.00")))
    tell(hub, till, received(amount="60.00"))

    assert ("paid", 10000, 0) == standing(hub)


def test_replay_replaces_what_was_understood(hub: Hub, till: Connection) -> None:
    """ROAD 13: a new revision, computed again."""
    add_invoice(hub)
    tell(hub, till, received(amount="10.00"))
    (row,) = tell(hub, till, received(amount="100.00"), revision=1)
    (again,) = tell(hub, till, received(amount="55.00"), revision=1)

    assert ("recorded", row.id) == (row.state, again.id)
    assert ("paid", 10000, 0) == standing(hub)
    assert 2 == len(all_of(hub, FactRow))


def test_replay_that_understands_the_same_changes_nothing(
    hub: Hub, till: Connection
) -> None:
    """ROAD 8, 13."""
    add_invoice(hub)
    tell(hub, till, received())
    before = told(hub)
    (row,) = tell(hub, till, received(), revision=1)

    assert ("unchanged", before) == (row.state, told(hub))


def test_replay_takes_back_money_that_was_none(hub: Hub, till: Connection) -> None:
    """ROAD 13: a mended parser names the capture, not the order."""
    add_invoice(hub)
    tell(hub, till, received(id="e", reference="ORDER"))
    tell(hub, till, received(id="e", reference="CAPTURE"), revision=1)

    assert ("paid", 10000, 0) == standing(hub)
    assert ("cancelled", None) == (
        the_payment(hub, "ORDER").state,
        the_payment(hub, "ORDER").invoice_id,
    )
    assert "confirmed" == the_payment(hub, "CAPTURE").state


def test_replay_before_its_first_hearing_stands(hub: Hub, till: Connection) -> None:
    """ROAD 13: the newest revision counts, whenever it comes."""
    add_invoice(hub)
    tell(hub, till, received(id="e"), revision=1)
    tell(hub, till, received(id="e", amount="10.00"))

    assert ("paid", 10000, 0) == standing(hub)


def test_the_origin_is_not_told_its_own_news(
    hub: Hub, till: Connection, ears: Connection
) -> None:
    """ROAD 8: no echo."""
    echo = connect(hub, "ears", "ears-2")
    add_invoice(hub)
    tell(hub, echo, received())
    with hub.read() as session:
        found = session.execute(
            select(Delivery.connection_id, Delivery.state, Delivery.reason)
            .join(Event)
            .where(Event.type == "payment.received")
        ).all()

    assert {
        (echo.id, "skipped", "echo"),
        (ears.id, "pending", ""),
    } == {tuple(row) for row in found}


def test_all_is_committed_together_or_not_at_all(
    hub: Hub, till: Connection, ears: Connection
) -> None:
    """ROAD 1: killed before the commit, nothing is left."""
    add_user(hub)
    add_invoice(hub)
    tables = (FactRow, Movement, Payment, Event, Delivery, Notification)
    before = [len(all_of(hub, table)) for table in tables]

    class KilledError(Exception):
        pass

    with pytest.raises(KilledError), hub.write() as session:
        record(session, session.get_one(Connection, till.id), received())
        raise KilledError

    assert before == [len(all_of(hub, table)) for table in tables]
    assert ("open", 0, 10000) == standing(hub)

    tell(hub, till, received())
    assert ("paid", 10000, 0) == standing(hub)
    assert ["payment.received", "invoice.paid"] == told(hub)


def test_killed_while_events_are_written_leaves_nothing(
    hub: Hub, till: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 1: the events' rows are part of the same transaction."""
    from hub.core import publish

    add_invoice(hub)

    def killed(*arguments: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(publish, "_deliver", killed)
        with pytest.raises(MemoryError):
            tell(hub, till, received())

    assert [] == all_of(hub, FactRow)
    assert [] == told(hub)


def test_facts_of_one_result_share_a_transaction(hub: Hub, till: Connection) -> None:
    add_invoice(hub)
    with hub.write() as session:
        connection = session.get_one(Connection, till.id)
        rows = record_all(session, connection, [refund(2), received(1), received(1)])

    assert ["recorded", "recorded", "recorded"] == [row.state for row in rows]
    assert rows[1].id == rows[2].id
    assert ("partially_paid", 7000, 3000) == standing(hub)

"""What providers and people say about messages: noted once, in any order."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from hub.boot import Hub
from hub.core.conversations import STATES
from hub.core.ledger import companies
from hub.core.models import (
    AddressBlock,
    AuditEntry,
    Connection,
    Contact,
    Delivery,
    FactRow,
    InboundWebhook,
    Notification,
    SentMessage,
    new_id,
)
from hub.core.policy import blocks
from hub.core.record import record, withdraw
from hub.sdk import clock
from hub.sdk.facts import (
    ActionTaken,
    ConsentSaid,
    ConversationFact,
    MessageReceived,
    MessageStatus,
)
from tests.parts.ledger import add_company, add_invoice, add_user, all_of, at

PHONE, SENDER = "+4930123456", "+15005550006"


def status(state: Any, minute: int = 0, **values: Any) -> MessageStatus:
    return MessageStatus(
        **{
            "id": f"SM1:{state}",
            "as_of": at(minute),
            "reference": "SM1",
            "state": state,
            **values,
        }
    )


def word(id: str, says: Any, minute: int) -> ConsentSaid:
    return ConsentSaid(
        id=id, as_of=at(minute), address=PHONE, sender=SENDER, says=says, how="STOP"
    )


def hear(hub: Hub, till: Connection, *facts: ConversationFact) -> None:
    for fact in facts:
        with hub.write() as session:
            record(session, till, fact)


def add_delivery(hub: Hub, till: Connection, **values: Any) -> Delivery:
    id = new_id("dlv")
    delivery = Delivery(
        **{
            "id": id,
            "connection_id": till.id,
            "hook": "send_message",
            "target": PHONE,
            "subject": f"message:{id}",
            "state": "delivered",
            "provider_reference": "SM1",
            "created_at": clock.now(),
            **values,
        }
    )
    with hub.write() as session:
        session.add(delivery)
    return delivery


def add_contact(hub: Hub) -> Contact:
    company = add_company(hub)
    with hub.write() as session:
        values = {"name": "Ann", "phone": PHONE}
        return companies.add_contact(session, company.id, values)


def the_message(hub: Hub) -> SentMessage:
    (message,) = all_of(hub, SentMessage)
    return message


@pytest.mark.parametrize(
    "order", list(itertools.permutations(("sent", "queued", "failed")))
)
def test_states_of_a_message_come_in_any_order(
    hub: Hub, till: Connection, order: Sequence[str]
) -> None:
    """ROAD 3: what is final stays, whatever comes after it."""
    add_delivery(hub, till)
    hear(hub, till, *(status(state) for state in order))
    assert "failed" == the_message(hub).state


@pytest.mark.parametrize("order", list(itertools.permutations(STATES[-3:])))
def test_of_two_final_states_the_same_wins_in_any_order(
    hub: Hub, till: Connection, order: Sequence[str]
) -> None:
    hear(hub, till, *(status(state, error="Off.") for state in order))
    message = the_message(hub)
    assert ("delivered", "") == (message.state, message.error)


def test_callback_before_our_own_answer_finds_its_delivery_by_our_id(
    hub: Hub, till: Connection
) -> None:
    sending = add_delivery(hub, till, state="sending", provider_reference=None)
    hear(hub, till, status("sent", delivery=sending.id))
    hear(hub, till, status("delivered", segments="2", price="0.0075", currency="USD"))

    message = the_message(hub)
    assert (sending.id, "delivered", 2) == (
        message.delivery_id,
        message.state,
        message.segments,
    )
    assert ("0.0075", "USD") == (str(message.price), message.currency)


def test_callback_settles_what_was_in_doubt(hub: Hub, till: Connection) -> None:
    doubtful = add_delivery(
        hub, till, state="in_doubt", reason="Unknown.", provider_reference=None
    )
    hear(hub, till, status("sent", delivery=doubtful.id))
    (delivery,) = all_of(hub, Delivery)
    assert ("delivered", "", "SM1") == (
        delivery.state,
        delivery.reason,
        delivery.provider_reference,
    )


def test_callback_can_not_speak_for_another_connection(
    hub: Hub, till: Connection, ears: Connection
) -> None:
    theirs = add_delivery(hub, ears, state="in_doubt")
    hear(hub, till, status("delivered", delivery=theirs.id))
    assert (None, "in_doubt") == (
        the_message(hub).delivery_id,
        all_of(hub, Delivery)[0].state,
    )


def test_staff_hears_once_of_a_message_that_did_not_arrive(
    hub: Hub, till: Connection
) -> None:
    add_user(hub)
    add_delivery(hub, till)
    lost = status("undelivered", error_code="30003", error="The phone is off.")
    again = status("undelivered", id="again", error="The phone is off.")
    hear(hub, till, lost, lost, again)

    assert "30003" == the_message(hub).error_code
    (note,) = all_of(hub, Notification)
    assert ("message.undelivered", "The phone is off.") == (note.type, note.body)


@pytest.mark.parametrize(
    ("words", "blocked"),
    [
        ([("a", "stop", 0)], True),
        ([("a", "stop", 0), ("b", "start", 1)], False),
        ([("b", "start", 1), ("a", "stop", 0)], False),
        ([("a", "stop", 0), ("a", "stop", 0), ("c", "stop", 2)], True),
        ([("a", "start", 0), ("b", "stop", 0)], True),
    ],
)
def test_newest_word_on_consent_counts_however_it_came(
    hub: Hub, till: Connection, words: list[tuple[str, str, int]], blocked: bool
) -> None:
    hear(hub, till, *(word(*each) for each in words))
    with hub.read() as session:
        open_blocks = session.scalars(
            select(AddressBlock).where(AddressBlock.ended_at.is_(None))
        ).all()
    assert blocked == bool(open_blocks)
    assert len(open_blocks) <= 1


def test_start_that_comes_late_lifts_no_newer_refusal(
    hub: Hub, till: Connection
) -> None:
    """ROAD 3: the STOP after it was told by the provider's refusal alone."""
    with hub.write() as session:
        blocks.block(
            session,
            connection_id=till.id,
            sender=SENDER,
            address=PHONE,
            kind="opt_out",
            how="21610",
            at=at(2),
        )
    hear(hub, till, word("early", "start", 1))
    (held,) = all_of(hub, AddressBlock)
    assert held.ended_at is None

    hear(hub, till, word("since", "start", 3))
    (lifted,) = all_of(hub, AddressBlock)
    assert lifted.ended_at is not None


def test_what_a_client_writes_reaches_the_staff_once(
    hub: Hub, till: Connection
) -> None:
    add_user(hub)
    contact = add_contact(hub)
    said = MessageReceived(
        id="SM2", as_of=at(0), address=PHONE, sender=SENDER, text="Paid <b>today</b>?"
    )
    hear(hub, till, said, said)

    (note,) = all_of(hub, Notification)
    assert ("Message from Ann of Acme", "Paid <b>today</b>?") == (note.title, note.body)
    assert note.url.endswith(f"/companies/{contact.company_id}")


def test_stranger_s_message_is_told_with_its_number(hub: Hub, till: Connection) -> None:
    add_user(hub)
    said = MessageReceived(
        id="SM2", as_of=at(0), address="+15005550001", sender=SENDER, text="x" * 5000
    )
    hear(hub, till, said)
    (note,) = all_of(hub, Notification)
    assert ("Message from +15005550001", 1000) == (note.title, len(note.body))


def test_acknowledging_an_invoice_is_kept_and_told_once(
    hub: Hub, till: Connection
) -> None:
    add_user(hub)
    invoice = add_invoice(hub)
    done = ActionTaken(
        id="t1",
        as_of=at(0),
        action="acknowledge",
        subject=f"invoice:{invoice.id}",
        by="till:U1",
    )
    hear(hub, till, done, done)

    acts = [each.actor for each in all_of(hub, AuditEntry) if "acknow" in each.action]
    assert ["till:U1"] == acts
    assert 1 == len(all_of(hub, Notification))


def test_button_for_an_invoice_that_is_not_ours_does_nothing(
    hub: Hub, till: Connection
) -> None:
    pressed = ActionTaken(
        id="t1", as_of=at(0), action="remind", subject="invoice:inv_none", by="till:U1"
    )
    hear(hub, till, pressed)
    (row,) = all_of(hub, FactRow)
    assert ("unchanged", 0) == (row.state, len(all_of(hub, Delivery)))


def test_what_was_said_is_not_taken_back_by_a_replay(
    hub: Hub, till: Connection
) -> None:
    """ROAD 13 is for money: a text that was read has been read."""
    hear(hub, till, status("delivered"))
    webhook = InboundWebhook(
        id=new_id("whk"),
        method="POST",
        size=0,
        connection_id=till.id,
        path="",
        headers=b"",
        body=b"",
        state="received",
        received_at=clock.now(),
    )
    with hub.write() as session:
        session.add(webhook)
        session.flush()
        taken = withdraw(session, till, "hub", heard=(), webhook_id=webhook.id)
    assert 1 == taken
    assert "delivered" == the_message(hub).state

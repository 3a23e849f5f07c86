"""Addresses that a sender must not write to: begun once, ended once, each in words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from hub.boot import Hub
from hub.core.models import AddressBlock, AuditEntry, Connection
from hub.core.policy import blocks
from hub.sdk.errors import ConflictError, NotFoundError
from tests.core.policy.plugins import cast, connected
from tests.core.policy.texts_world import PHONE
from tests.parts.ledger import all_of

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
US, THEM = "+15005550006", "+4930123456"


@pytest.fixture
def phone(hub: Hub) -> Connection:
    cast(hub)
    return connected(hub, "phone")[0]


def block(hub: Hub, connection: Connection, **values: Any) -> bool:
    given: dict[str, Any] = {
        "sender": US,
        "address": THEM,
        "kind": "opt_out",
        "how": "STOP",
        "at": AT,
    }
    with hub.write() as session:
        return blocks.block(session, connection_id=connection.id, **(given | values))


def current(hub: Hub, connection: Connection, sender=US, address=THEM):
    with hub.read() as session:
        return blocks.current(session, connection.id, sender, address)


def said(hub: Hub) -> list[str]:
    return [entry.action for entry in all_of(hub, AuditEntry)]


def test_who_says_stop_twice_said_it_once(hub: Hub, phone: Connection) -> None:
    assert block(hub, phone)
    assert not block(hub, phone, how="QUIT", at=datetime(2026, 4, 1, tzinfo=UTC))

    known = current(hub, phone)
    assert "opted out on 3 March 2026 by STOP" == blocks.words(known)
    assert ["address.blocked"] == said(hub)
    assert 1 == len(all_of(hub, AddressBlock))


def test_a_block_is_one_senders(hub: Hub, phone: Connection) -> None:
    block(hub, phone)

    assert current(hub, phone, sender="+15005550007") is None
    assert current(hub, phone, address="+4930123457") is None


def test_start_ends_it_and_stop_begins_anew(hub: Hub, phone: Connection) -> None:
    block(hub, phone)
    for _ in range(2):  # once more changes nothing
        with hub.write() as session:
            found = session.scalars(select(AddressBlock)).one()
            blocks.lift(session, found)

    assert current(hub, phone) is None
    assert ["address.blocked", "address.unblocked"] == said(hub)
    assert block(hub, phone)
    assert current(hub, phone) is not None


def test_who_bounced_and_then_opts_out_has_opted_out(
    hub: Hub, phone: Connection
) -> None:
    block(hub, phone, kind="bounced", how="No such number.")
    refused = "the address was refused on 3 March 2026 (No such number)"
    assert refused == blocks.words(current(hub, phone))

    block(hub, phone)
    block(hub, phone, kind="bounced", how="No such number.")

    assert "opt_out" == current(hub, phone).kind


def test_a_person_can_end_a_bounce_but_no_opt_out(hub: Hub, phone: Connection) -> None:
    block(hub, phone)
    block(hub, phone, address="Kim@Example.com", sender="", kind="bounced", how="Full.")
    ids = {each.kind: each.id for each in all_of(hub, AddressBlock)}

    with hub.write() as session:
        with pytest.raises(ConflictError):
            blocks.lift_bounce(session, ids["opt_out"], actor="user:usr_1")
        with pytest.raises(NotFoundError):
            blocks.lift_bounce(session, "blk_none", actor="user:usr_1")
        blocks.lift_bounce(session, ids["bounced"], actor="user:usr_1")

    assert current(hub, phone, "", "kim@example.com") is None
    assert current(hub, phone) is not None


def test_a_mailbox_is_the_same_however_it_is_written(
    hub: Hub, phone: Connection
) -> None:
    block(hub, phone, address="Kim@Example.com", sender="", kind="bounced")
    assert not block(hub, phone, address="kim@example.com", sender="", kind="bounced")

    assert current(hub, phone, "", "KIM@example.com") is not None
    with hub.read() as session:
        found = blocks.among(session, phone.id, "", ["KIM@EXAMPLE.COM", THEM])
    assert ["kim@example.com"] == list(found)


@pytest.mark.parametrize(
    ("settings", "sender"), [({"from_number": US}, US), ({}, ""), ({"other": "x"}, "")]
)
def test_the_sender_is_what_the_settings_name(settings, sender: str) -> None:
    assert sender == blocks.sender_of(PHONE, settings)

"""Rules of sending: the defaults, what an admin may decide, and what is refused."""

import itertools
from datetime import time

import pytest

from hub.boot import Hub
from hub.core.models import AuditEntry
from hub.core.policy import kinds, rules
from hub.core.policy.rules import Policy, Rule
from hub.sdk.errors import InvalidError, NotFoundError
from hub.sdk.events import EVENT_TYPES
from tests.core.policy.plugins import cast, connected
from tests.parts.ledger import all_of


def effective(hub: Hub, connection: str, type: str, audience: str) -> Rule:
    with hub.read() as session:
        return rules.effective(session, connection, type, audience)


def decide(hub: Hub, connection: str, type: str, audience: str, **values) -> Rule:
    with hub.write() as session:
        return rules.set_rule(session, connection, type, audience, **values)


def test_every_event_type_is_put_into_words() -> None:
    assert EVENT_TYPES == tuple(kinds.KINDS)
    assert {"payment.disputed", "connection.failing"} == kinds.CRITICAL
    assert not kinds.CRITICAL & kinds.NOISY
    assert "14 invoices became overdue" == kinds.of("invoice.overdue").heading(14)
    assert "1 invoice became overdue" == kinds.of("invoice.overdue").heading(1)


def test_clients_hear_of_little_unless_an_admin_says_so(hub: Hub) -> None:
    cast(hub)
    phone, mail = connected(hub, "phone", "mail")
    heard = {
        (slug, type)
        for slug, one in (("phone", phone), ("mail", mail))
        for type in EVENT_TYPES
        if effective(hub, one.id, type, "contact").when == "now"
    }

    assert {
        ("phone", "invoice.overdue"),
        ("phone", "payment.received"),
        ("mail", "invoice.sent"),
        ("mail", "invoice.overdue"),
        ("mail", "payment.received"),
    } == heard


def test_a_new_connection_hears_all_it_can(hub: Hub) -> None:
    cast(hub)
    chat, ears = connected(hub, "chat", "ears")
    for id, type in itertools.product((chat.id, ears.id), EVENT_TYPES):
        assert Rule("now") == effective(hub, id, type, "channel")


def test_an_admin_decides_changes_and_goes_back(hub: Hub) -> None:
    cast(hub)
    (chat,) = connected(hub, "chat")
    one = (chat.id, "invoice.overdue", "channel")
    first = decide(hub, *one, when="daily", targets=[" C1 ", "C2", "C1", ""])
    second = decide(hub, *one, when="off", actor="user:ann@example.com")
    third = decide(hub, *one, when=None)

    assert Rule("daily", ("C1", "C2"), given=True) == first
    assert Rule("off", (), given=True) == second
    assert Rule("now") == third == effective(hub, *one)
    found = [(entry.actor, entry.data["when"]) for entry in all_of(hub, AuditEntry)]
    assert [
        ("hub", "daily"),
        ("user:ann@example.com", "off"),
        ("hub", "default"),
    ] == found


@pytest.mark.parametrize(
    ("slug", "type", "audience", "values", "field"),
    [
        ("chat", "invoice.lost", "channel", {"when": "off"}, "event_type"),
        ("chat", "invoice.sent", "contact", {"when": "off"}, "audience"),
        ("phone", "invoice.sent", "channel", {"when": "off"}, "audience"),
        ("chat", "invoice.sent", "channel", {"when": "weekly"}, "when"),
        ("chat", "payment.disputed", "channel", {"when": "daily"}, "when"),
        ("ears", "invoice.sent", "channel", {"when": "hourly"}, "when"),
        ("mail", "invoice.overdue", "contact", {"when": "daily"}, "when"),
        ("phone", "alert.raised", "staff", {"when": "daily"}, "when"),
        ("mail", "alert.raised", "staff", {"when": "now", "targets": ["a"]}, "targets"),
        (
            "chat",
            "alert.raised",
            "channel",
            {"when": None, "targets": ["a"]},
            "targets",
        ),
        (
            "chat",
            "alert.raised",
            "channel",
            {"when": "now", "targets": ["x" * 201]},
            "targets",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field(
    hub: Hub, slug, type, audience, values, field
) -> None:
    cast(hub)
    ids = {one.slug: one.id for one in connected(hub, "chat", "phone", "mail", "ears")}
    with pytest.raises(InvalidError) as refused:
        decide(hub, ids[slug], type, audience, **values)

    assert [field] == list(refused.value.fields)


def test_there_is_no_rule_for_what_is_not_there(hub: Hub) -> None:
    with pytest.raises(NotFoundError):
        decide(hub, "cnn_none", "invoice.sent", "channel", when="off")


def test_a_digest_that_can_no_longer_be_written_is_told_at_once(hub: Hub) -> None:
    cast(hub)
    (chat,) = connected(hub, "chat")
    one = (chat.id, "alert.raised", "channel")
    decide(hub, *one, when="hourly", targets=["C1"])
    cast(hub, chat={"summarises": False})

    assert Rule("now", ("C1",), given=True) == effective(hub, *one)


def test_quiet_hours_of_clients_are_the_night_unless_set(hub: Hub) -> None:
    with hub.write() as session:
        before = rules.policy(session)
        rules.set_policy(session, quiet_from="21:30", quiet_until="07:00")
        rules.set_policy(session, quiet_from="22:00", quiet_until="07:00")
    with hub.read() as session:
        after = rules.policy(session)

    assert Policy(time(20), time(8)) == before
    assert Policy(time(22), time(7)) == after


@pytest.mark.parametrize("text", ["8:00", "24:00", "12:60", "12:00:00", "noon", ""])
def test_what_is_no_time_of_day_is_refused(hub: Hub, text: str) -> None:
    with pytest.raises(InvalidError) as refused, hub.write() as session:
        rules.set_policy(session, quiet_from=text, quiet_until="07:00")

    assert ["quiet_from"] == list(refused.value.fields)


@pytest.mark.parametrize(
    ("start", "end", "fine"),
    [
        ("08:00", "07:57", False),
        ("00:00", "23:30", False),
        ("08:00", "07:00", True),
        ("20:00", "08:00", True),
        ("00:00", "00:00", True),
    ],
)
def test_quiet_hours_leave_time_to_send(start: str, end: str, fine: bool) -> None:
    assert fine == rules.leaves_time(start, end)


def test_quiet_hours_of_nearly_a_whole_day_are_refused(hub: Hub) -> None:
    with pytest.raises(InvalidError, match="an hour"), hub.write() as session:
        rules.set_policy(session, quiet_from="08:00", quiet_until="07:57")

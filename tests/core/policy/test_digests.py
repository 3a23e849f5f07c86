"""Many events told as one: by the hour or day, and in bursts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import deliver
from hub.core.deliveries import bursts, claims, readiness, retry
from hub.core.models import Connection, Delivery, Digest, Outage, User
from hub.core.policy import digests, preferences, rules
from hub.core.publish import publish
from hub.sdk.clock import now
from tests.core.policy.plugins import Telling, cast, connected
from tests.parts.ledger import add_user, all_of

MONDAY = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def telling(hub: Hub) -> Telling:
    return cast(hub)


@pytest.fixture
def chat(hub: Hub, telling: Telling) -> Connection:
    return connected(hub, "chat")[0]


def tell(session: Session, number: int, type: str = "invoice.overdue") -> None:
    data = {
        "number": f"INV-{number}",
        "days_overdue": 3,
        "open_amount": "9.00",
        "currency": "EUR",
        "company": None,
        "payer": "Acme",
        "invoice_number": None,
        "amount": "9.00",
        "reason": "",
        "dispute": {"state": "open"},
    }
    subject, key = f"invoice:inv_{number}", f"{type}:{number}"
    publish(session, type, subject=subject, key=key, data=data)


def happen(hub: Hub, *numbers: int, type: str = "invoice.overdue") -> None:
    """One transaction for each."""
    for number in numbers:
        with hub.write() as session:
            tell(session, number, type)


def by_the(hub: Hub, chat: Connection, when: str, *targets: str) -> None:
    with hub.write() as session:
        type = "invoice.overdue"
        rules.set_rule(session, chat.id, type, "channel", when=when, targets=targets)


def states(hub: Hub) -> list[tuple[str, str]]:
    """State and reason of all deliveries of events, in their order."""
    return [
        (each.state, each.reason) for each in all_of(hub, Delivery) if each.event_id
    ]


def summary(*numbers: int, heading: str = "", more: str = "") -> str:
    heading = heading or f"{len(numbers)} invoices became overdue"
    lines = [f"• Invoice INV-{number} is 3 days overdue" for number in numbers]
    return "\n".join([heading, *lines, *([more] if more else []), "LIST"])


def said(hub: Hub, telling: Telling) -> list[str]:
    """What was said, the link to the list put short."""
    link = hub.url("/invoices")
    return [text.replace(link, "LIST") for _, _, text in telling.said]


def test_an_hour_is_told_at_its_end_in_one_message(
    hub: Hub, telling: Telling, chat: Connection, clock: time_machine.Traveller
) -> None:
    by_the(hub, chat, "hourly")
    happen(hub, 1, 2)
    deliver.drain_all(hub)
    early = list(telling.said)
    clock.move_to(MONDAY.replace(minute=59))
    happen(hub, 3)
    deliver.drain_all(hub)
    still_early = list(telling.said)
    clock.move_to(MONDAY.replace(hour=11, minute=0))
    deliver.drain_all(hub)
    deliver.drain_all(hub)

    assert [] == early == still_early
    assert [summary(1, 2, 3)] == said(hub, telling)
    assert [("skipped", "digest")] * 3 == states(hub)
    (digest,) = all_of(hub, Digest)
    assert {digest.id, None} == {each.digest_id for each in all_of(hub, Delivery)}
    assert digest.closed_at == MONDAY.replace(hour=11, minute=0)


def test_what_comes_later_opens_another(
    hub: Hub, telling: Telling, chat: Connection, clock: time_machine.Traveller
) -> None:
    by_the(hub, chat, "hourly")
    happen(hub, 1)
    clock.move_to(MONDAY + timedelta(hours=1))
    deliver.drain_all(hub)
    happen(hub, 2, 3)
    clock.move_to(MONDAY + timedelta(hours=2))
    deliver.drain_all(hub)

    first = summary(1, heading="1 invoice became overdue")
    assert [first, summary(2, 3)] == said(hub, telling)


def test_each_channel_has_a_digest_of_its_own(
    hub: Hub, telling: Telling, chat: Connection, clock: time_machine.Traveller
) -> None:
    """ROAD 15."""
    by_the(hub, chat, "hourly", "C1", "C2")
    happen(hub, 1, 2)
    clock.move_to(MONDAY + timedelta(hours=1))
    deliver.drain_all(hub)

    assert ["C1", "C2"] == sorted(target for _, target, _ in telling.said)
    assert [summary(1, 2)] * 2 == said(hub, telling)


@pytest.mark.parametrize(
    ("when", "zone", "expected"),
    [
        ("hourly", "Europe/Berlin", datetime(2026, 3, 2, 11, tzinfo=UTC)),
        ("daily", "UTC", datetime(2026, 3, 3, 8, tzinfo=UTC)),
        ("daily", "Europe/Berlin", datetime(2026, 3, 3, 7, tzinfo=UTC)),
        ("daily", "Pacific/Honolulu", datetime(2026, 3, 2, 18, tzinfo=UTC)),
    ],
)
def test_it_is_due_when_its_period_ends(when, zone, expected) -> None:
    assert expected == digests.due(MONDAY, when, ZoneInfo(zone))


def test_mornings_are_where_the_clock_says_also_as_it_changes() -> None:
    before = datetime(2026, 3, 28, 10, tzinfo=UTC)
    due = digests.due(before, "daily", ZoneInfo("Europe/Berlin"))

    assert datetime(2026, 3, 29, 6, tzinfo=UTC) == due


def test_a_long_digest_names_twenty_and_counts_the_rest(
    hub: Hub, telling: Telling, chat: Connection, clock: time_machine.Traveller
) -> None:
    by_the(hub, chat, "daily")
    happen(hub, *range(1, 28))
    clock.move_to(MONDAY + timedelta(days=1))
    deliver.drain_all(hub)

    heading = "27 invoices became overdue"
    assert [summary(*range(1, 21), heading=heading, more="and 7 more")] == said(
        hub, telling
    )


def test_what_a_client_is_named_breaks_no_line(
    hub: Hub, telling: Telling, chat: Connection, clock: time_machine.Traveller
) -> None:
    with hub.write() as session:
        rules.set_rule(session, chat.id, "company.changed", "channel", when="hourly")
        for number, name in enumerate(("Evil\n14 payments\u202e", "x" * 5000)):
            publish(
                session,
                "company.changed",
                subject=f"company:{number}",
                key=str(number),
                data={"name": name, "company": {"id": str(number), "name": name}},
            )
    clock.move_to(MONDAY + timedelta(hours=1))
    deliver.drain_all(hub)

    ((_, _, text),) = telling.said
    lines = text.splitlines()
    assert 4 == len(lines)
    assert "• Client changed: Evil 14 payments" == lines[1]
    assert digests.LONGEST_LINE + 2 == len(lines[2])


def test_an_item_sent_by_itself_is_not_told_again(
    hub: Hub, telling: Telling, chat: Connection, clock: time_machine.Traveller
) -> None:
    by_the(hub, chat, "hourly")
    happen(hub, 1)
    (item,) = (each for each in all_of(hub, Delivery) if each.event_id)
    with hub.write() as session:
        retry.retry(session, item.id, "user:ann@example.com")
    deliver.drain_all(hub)
    clock.move_to(MONDAY + timedelta(hours=1))
    deliver.drain_all(hub)

    assert [("chat", "", "invoice.overdue")] == telling.said
    (own,) = (each for each in all_of(hub, Delivery) if not each.event_id)
    assert ("skipped", "digest") == (own.state, own.reason)


def test_a_digest_that_was_unticked_or_is_too_old_is_not_sent(
    hub: Hub, clock: time_machine.Traveller
) -> None:
    """ROAD 19: the age counts from when it was due."""
    telling = cast(hub, chat={"max_age": {"*": timedelta(hours=2)}})
    (chat,) = connected(hub, "chat")
    by_the(hub, chat, "daily")
    happen(hub, 1)
    due = digests.due(MONDAY, "daily", hub.settings.time_zone)
    clock.move_to(due + timedelta(hours=3))
    deliver.drain_all(hub)
    happen(hub, 2)
    with hub.write() as session:
        session.get_one(Connection, chat.id).hooks_off = ["on_invoice_overdue"]
    clock.move_to(due + timedelta(days=2))
    deliver.drain_all(hub)

    own = [each.reason for each in all_of(hub, Delivery) if not each.event_id]
    assert ["stale", "policy"] == own
    assert [] == telling.said


@pytest.mark.parametrize("when", ["now", "hourly"])
def test_what_an_admin_switches_off_while_it_waits_is_not_sent(
    hub: Hub,
    telling: Telling,
    chat: Connection,
    clock: time_machine.Traveller,
    when: str,
) -> None:
    """But for what a person asks for by hand."""
    by_the(hub, chat, when)
    happen(hub, 1)
    by_the(hub, chat, "off")
    clock.move_to(MONDAY + timedelta(hours=1))
    deliver.drain_all(hub)
    quiet = list(telling.said)
    (delivery,) = (each for each in all_of(hub, Delivery) if each.reason == "policy")
    with hub.write() as session:
        retry.retry(session, delivery.id, "user:ann@example.com")
    deliver.drain_all(hub)

    assert [] == quiet
    assert "an admin switched this off" in delivery.explanation
    assert 1 == len(telling.said)


def test_a_probe_takes_no_digest_before_its_time(
    hub: Hub, telling: Telling, chat: Connection, clock: time_machine.Traveller
) -> None:
    """ROAD 21: what waits for its hour doesn't tell of a recovery."""
    by_the(hub, chat, "hourly")
    happen(hub, 1)
    with hub.write() as session:
        outage = Outage(
            connection_id=chat.id,
            started_at=now(),
            reason="It is down.",
            next_probe_at=now(),
        )
        session.add(outage)
    deliver.drain_all(hub)
    early = list(telling.said)
    clock.move_to(MONDAY + timedelta(hours=1))
    deliver.drain_all(hub)

    assert [] == early
    assert 1 == len(telling.said)


def test_a_retry_says_the_same(
    hub: Hub, telling: Telling, chat: Connection, clock: time_machine.Traveller
) -> None:
    """ROAD 16: killed after the claim committed, before anything was sent."""
    by_the(hub, chat, "hourly")
    happen(hub, 1)
    clock.move_to(MONDAY + timedelta(hours=1))
    assert 1 == claim(hub)
    happen(hub, 2)
    with hub.write() as session:
        lost = session.query(Delivery).filter_by(state="sending").one()
        lost.state, lost.claim, lost.lease_until = "retrying", None, None
        lost.next_attempt_at = now()
    deliver.drain_all(hub)

    assert [summary(1, heading="1 invoice became overdue")] == said(hub, telling)


def test_a_claim_that_was_killed_in_the_middle_left_nothing(
    hub: Hub, telling: Telling, chat: Connection, clock: time_machine.Traveller
) -> None:
    """ROAD 16: closing, writing and claiming are one transaction."""
    by_the(hub, chat, "hourly")
    happen(hub, 1)
    clock.move_to(MONDAY + timedelta(hours=1))
    with pytest.raises(RuntimeError):
        claim(hub, killed=True)
    (digest,) = all_of(hub, Digest)
    happen(hub, 2)
    deliver.drain_all(hub)

    assert digest.closed_at is None
    assert [summary(1, 2)] == said(hub, telling)


def claim(hub: Hub, *, killed: bool = False, worker: str = "w1") -> int:
    """Claim what may go now; returns how much that was."""
    with hub.read() as session:
        ready = readiness.look(session, hub)
    wanted = {each.connection_id: each.room for each in ready}
    with hub.write() as session:
        take = claims.claim(session, hub, ready, wanted, worker=worker)
        if killed:
            raise RuntimeError("killed")
    return len(take.claimed)


def test_staff_get_their_digest_by_mail_on_their_own_morning(
    hub: Hub, telling: Telling, clock: time_machine.Traveller
) -> None:
    connected(hub, "mail")
    ann = add_user(hub)
    values = {
        "time_zone": "Europe/Berlin",
        "channels": {"mail": {"invoice.overdue": "daily"}},
    }
    with hub.write() as session:
        preferences.change(session, ann.id, values)
    happen(hub, 1, 2)
    (own,) = (each for each in all_of(hub, Delivery) if not each.event_id)
    clock.move_to(MONDAY + timedelta(days=1))
    claim(hub)
    with hub.read() as session:
        message = session.get_one(Delivery, own.id).message

    assert (ann.id, ann.email, "staff", "invoice.overdue") == (
        own.user_id,
        own.target,
        own.audience,
        own.kind,
    )
    assert datetime(2026, 3, 3, 7, tzinfo=UTC) == own.next_attempt_at
    assert {
        "text": summary(1, 2).removesuffix("\nLIST"),
        "subject": "2 invoices became overdue",
        "link": hub.url("/invoices"),
        "label": "Open the list",
    } == message


def test_a_burst_is_told_at_each_target_of_the_settings(hub: Hub) -> None:
    """ROAD 15."""
    telling = cast(hub, chat={"targets": lambda settings: ("a", "b")})
    connected(hub, "chat")
    happen(hub, *range(1, 7))
    deliver.drain_all(hub)

    assert ["a", "b"] == sorted(target for _, target, _ in telling.said)
    assert [summary(*range(1, 7))] * 2 == said(hub, telling)


def test_a_burst_that_was_switched_off_says_so_of_each(
    hub: Hub, telling: Telling, chat: Connection
) -> None:
    happen(hub, *range(1, 7))
    by_the(hub, chat, "off")
    deliver.drain_all(hub)

    assert [("skipped", "policy")] * 6 == states(hub)
    assert [] == telling.said


@pytest.mark.parametrize("when", ["now", "daily"])
def test_who_left_is_told_no_more(
    hub: Hub, telling: Telling, clock: time_machine.Traveller, when: str
) -> None:
    connected(hub, "mail")
    ann = add_user(hub)
    values = {"channels": {"mail": {"invoice.overdue": when}}}
    with hub.write() as session:
        preferences.change(session, ann.id, values)
    happen(hub, 1)
    with hub.write() as session:
        session.get_one(User, ann.id).active = False
    clock.move_to(MONDAY + timedelta(days=1))
    deliver.drain_all(hub)

    assert [] == telling.said
    (row,) = (each for each in all_of(hub, Delivery) if each.reason != "digest")
    assert ("skipped", "policy") == (row.state, row.reason)
    assert "switched off" in row.explanation


def test_a_burst_is_one_message(hub: Hub, telling: Telling, chat: Connection) -> None:
    happen(hub, *range(1, 15))
    happen(hub, 1, 2, type="invoice.created")
    deliver.drain_all(hub)
    deliver.drain_all(hub)

    expected = summary(*range(1, 15))
    assert sorted([expected, "invoice.created", "invoice.created"]) == sorted(
        said(hub, telling)
    )
    assert 14 == states(hub).count(("skipped", "digest"))
    grouped = [each for each in all_of(hub, Delivery) if each.digest_id]
    assert {"Told in one message with 13 others."} == {
        each.explanation for each in grouped
    }


def test_few_are_told_one_by_one(hub: Hub, telling: Telling, chat: Connection) -> None:
    happen(hub, *range(1, bursts.FEWEST))
    deliver.drain_all(hub)

    assert ["invoice.overdue"] * 4 == said(hub, telling)


def test_what_is_critical_is_never_grouped(
    hub: Hub, telling: Telling, chat: Connection
) -> None:
    happen(hub, *range(1, 9), type="payment.disputed")
    deliver.drain_all(hub)

    assert ["payment.disputed"] * 8 == said(hub, telling)


def test_who_does_not_summarise_is_told_of_each(hub: Hub) -> None:
    """Books and scripts that follow the ledger need every event."""
    telling = cast(hub, chat={"summarises": False})
    connected(hub, "chat")
    happen(hub, *range(1, 9))
    deliver.drain_all(hub)

    assert ["invoice.overdue"] * 8 == said(hub, telling)


def test_a_replay_is_never_grouped(
    hub: Hub, telling: Telling, chat: Connection
) -> None:
    """A person asked for these: they get these."""
    happen(hub, *range(1, 7))
    deliver.drain_all(hub)
    with hub.write() as session:
        for each in session.query(Delivery).filter_by(reason="digest").all():
            retry.replay(session, each.id, "user:ann@example.com")
    deliver.drain_all(hub)

    assert [summary(*range(1, 7)), *["invoice.overdue"] * 6] == said(hub, telling)


def test_what_is_too_old_is_in_no_burst(
    hub: Hub, clock: time_machine.Traveller
) -> None:
    """ROAD 19."""
    telling = cast(hub, chat={"max_age": {"*": timedelta(hours=2)}})
    connected(hub, "chat")
    happen(hub, *range(1, 7))
    clock.move_to(MONDAY + timedelta(hours=3))
    happen(hub, *range(7, 13))
    deliver.drain_all(hub)

    assert [summary(*range(7, 13))] == said(hub, telling)
    assert 6 == states(hub).count(("skipped", "stale"))


def test_a_burst_killed_in_the_middle_is_grouped_once(
    hub: Hub, telling: Telling, chat: Connection
) -> None:
    """ROAD 16."""
    happen(hub, *range(1, 7))
    with pytest.raises(RuntimeError):
        claim(hub, killed=True)
    before = states(hub)
    deliver.drain_all(hub)

    assert [("pending", "")] * 6 == before
    assert [summary(*range(1, 7))] == said(hub, telling)
    assert 1 == len(all_of(hub, Digest))

"""Publishing: events, their deliveries and notifications, last in a transaction."""

import pytest
from sqlalchemy import event as hook
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import (
    Connection,
    Delivery,
    Event,
    Notification,
    PluginSwitch,
)
from hub.core.publish import publish
from hub.sdk.clock import now
from tests.parts.hub import connect
from tests.parts.ledger import add_user, all_of

DATA = {"company": None}


def emit(session: Session, key: str, type: str = "alert.raised", **values) -> Event:
    return publish(session, type, subject=f"alert:{key}", key=key, data=DATA, **values)


def deliveries(hub: Hub) -> list[tuple[str, str]]:
    with hub.read() as session:
        found = session.execute(
            select(Event.key, Connection.slug)
            .select_from(Delivery)
            .join(Event, Event.id == Delivery.event_id)
            .join(Connection, Connection.id == Delivery.connection_id)
            .order_by(Event.id, Connection.id)
        )
        return [(key, slug) for key, slug in found]


def test_event_has_its_id_after_the_transaction(hub: Hub) -> None:
    with hub.write() as session:
        first, second = emit(session, "a"), emit(session, "b")
        early: int | None = first.id
    with hub.write() as session:
        third = emit(session, "c")

    assert early is None
    assert first.id < second.id < third.id


def test_event_leads_to_its_detail(hub: Hub) -> None:
    base = hub.settings.base_url
    with hub.write() as session:
        urls = [
            publish(session, "x", subject=subject, key=subject, data=data).url
            for subject, data in [
                ("invoice:inv_1", {}),
                ("payment:pay_1", {}),
                ("quote:quo_1", {}),
                ("company:com_1", {}),
                ("connection:cnn_1", {"connection": "slack"}),
                ("alert:1", {}),
            ]
        ]

    assert [
        f"{base}/invoices/inv_1",
        f"{base}/payments/pay_1",
        f"{base}/quotes/quo_1",
        f"{base}/companies/com_1",
        f"{base}/settings/connections/slack",
        f"{base}/",
    ] == urls


def test_event_is_published_once_per_key(hub: Hub, ears: Connection) -> None:
    """ROAD 2: in one transaction, and in the next."""
    add_user(hub)
    with hub.write() as session:
        emit(session, "a")
        again = emit(session, "a")
    with hub.write() as session:
        emit(session, "a")
        emit(session, "b")

    assert not again.id
    assert ["a", "b"] == [event.key for event in all_of(hub, Event)]
    assert [("a", "ears"), ("b", "ears")] == deliveries(hub)
    assert 2 == len(all_of(hub, Notification))


def test_event_of_a_transaction_that_fails_never_was(
    hub: Hub, ears: Connection
) -> None:
    """ROAD 1."""
    with pytest.raises(RuntimeError), hub.write() as session:
        emit(session, "a")
        raise RuntimeError

    assert [] == [*all_of(hub, Event), *all_of(hub, Delivery)]


def test_every_connection_in_use_that_hears_it_gets_a_delivery(hub: Hub) -> None:
    """ROAD 12: one that is set up or switched off gets nothing, also later."""
    for state in ("active", "degraded", "needs_reauth", "setup", "disabled"):
        connect(hub, "ears", state, state)
    connect(hub, "till")
    connect(hub, "gone")
    with hub.write() as session:
        emit(session, "a")

    assert ["active", "degraded", "needs_reauth"] == [
        slug for _, slug in deliveries(hub)
    ]


def test_removed_connection_gets_nothing(hub: Hub, ears: Connection) -> None:
    with hub.write() as session:
        session.get_one(Connection, ears.id).removed_at = now()
    with hub.write() as session:
        emit(session, "a")

    assert [] == deliveries(hub)


def test_unticked_hook_gets_nothing(hub: Hub, ears: Connection) -> None:
    with hub.write() as session:
        session.get_one(Connection, ears.id).hooks_off = ["on_alert_raised"]
    with hub.write() as session:
        emit(session, "a")
        emit(session, "b", "alert.resolved")

    assert [("b", "ears")] == deliveries(hub)


@pytest.mark.parametrize(
    ("values", "count"),
    [({"enabled": False}, 0), ({"quarantine_reason": "it crashes"}, 1)],
)
def test_disabled_plugin_hears_nothing_and_a_quarantined_one_later(
    hub: Hub, ears: Connection, values, count
) -> None:
    """ROAD 12, 26."""
    if "quarantine_reason" in values:
        values = {**values, "quarantined_at": now()}
    with hub.write() as session:
        session.execute(
            update(PluginSwitch).where(PluginSwitch.name == "ears").values(**values)
        )
    with hub.write() as session:
        emit(session, "a")

    assert count == len(all_of(hub, Delivery))


def test_delivery_is_due_at_once_and_ordered_by_its_event(
    hub: Hub, ears: Connection
) -> None:
    """ROAD 18."""
    with hub.write() as session:
        event = emit(session, "a")
    (delivery,) = all_of(hub, Delivery)

    assert ("pending", "on_alert_raised", "alert:a", event.id, "", "") == (
        delivery.state,
        delivery.hook,
        delivery.subject,
        delivery.position,
        delivery.target,
        delivery.copy,
    )
    assert delivery.next_attempt_at == delivery.created_at


def test_event_nobody_implements_is_kept(hub: Hub, ears: Connection) -> None:
    with hub.write() as session:
        emit(session, "a", "custom.backup")

    assert ["custom.backup"] == [event.type for event in all_of(hub, Event)]
    assert [] == deliveries(hub)


def test_many_events_take_few_queries(hub: Hub, ears: Connection) -> None:
    add_user(hub)
    statements: list[str] = []

    def count(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    with hub.write() as session:
        for number in range(300):
            emit(session, str(number))
        hook.listen(hub.database.writer, "before_cursor_execute", count)
    hook.remove(hub.database.writer, "before_cursor_execute", count)

    assert 300 == len(deliveries(hub)) == len(all_of(hub, Notification))
    queries = [text for text in statements if not text.startswith("INSERT")]
    assert len(queries) < 10


class Bell:
    """Hears what is rung."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.rung: list[tuple[str, int]] = []

    def ring(self, work: str) -> None:
        self.rung.append((work, len(all_of(self.hub, Event))))

    def ring_feed(self, reader: str = "") -> None:
        self.ring("feed")


def test_bells_ring_after_the_commit(hub: Hub, ears: Connection) -> None:
    """ROAD 1: only ringing comes after, once per transaction."""
    add_user(hub)
    bell = Bell(hub)
    hub.bell = bell  # type: ignore[assignment]
    with hub.write() as session:
        emit(session, "a")
        emit(session, "b")
    with pytest.raises(RuntimeError), hub.write() as session:
        emit(session, "c")
        raise RuntimeError

    assert [("deliver", 2), ("feed", 2)] == bell.rung


def test_nothing_rings_for_nobody(hub: Hub) -> None:
    bell = Bell(hub)
    hub.bell = bell  # type: ignore[assignment]
    with hub.write() as session:
        emit(session, "a")

    assert [] == bell.rung

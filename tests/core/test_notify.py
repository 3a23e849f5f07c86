"""Notifications: what a person sees in the hub."""

import pytest

from hub.boot import Hub
from hub.core import notify
from hub.core.models import Notification
from hub.core.publish import publish
from hub.sdk.errors import NotFoundError
from tests.parts.ledger import add_user, all_of


def send(hub: Hub, user_id: str, key: str = "k", title: str = "Hello") -> None:
    with hub.write() as session:
        notify.notify(
            session,
            user_id,
            "greeting",
            {"n": 1},
            title=title,
            body="You there",
            url="/x",
            key=key,
        )


def raise_alert(hub: Hub, key: str = "a", type: str = "alert.raised", **data) -> None:
    with hub.write() as session:
        content = {"company": None, "title": "Backup failed", **data}
        publish(session, type, subject="alert:1", key=key, data=content)


def test_user_is_notified(hub: Hub) -> None:
    ann, bob = add_user(hub), add_user(hub)
    send(hub, ann.id)
    (note,) = all_of(hub, Notification)

    assert (ann.id, "greeting", "Hello", "You there", "/x", {"n": 1}, None) == (
        note.user_id,
        note.type,
        note.title,
        note.body,
        note.url,
        note.data,
        note.read_at,
    )
    with hub.read() as session:
        assert [1, 0] == [notify.unread_count(session, user.id) for user in (ann, bob)]


def test_notification_comes_once_per_key(hub: Hub) -> None:
    ann, bob = add_user(hub), add_user(hub)
    for user in (ann, ann, bob):
        send(hub, user.id)
    send(hub, ann.id, key="other")

    assert [ann.id, bob.id, ann.id] == [n.user_id for n in all_of(hub, Notification)]


def test_user_who_left_is_not_notified(hub: Hub) -> None:
    gone = add_user(hub, active=False)
    send(hub, gone.id)
    raise_alert(hub)

    assert [] == all_of(hub, Notification)


def test_events_are_told_to_staff_and_their_tokens(hub: Hub) -> None:
    users = {
        "admin": add_user(hub),
        "billing": add_user(hub, "billing"),
        "token": add_user(hub, "billing", service=True),
        "ingest": add_user(hub, "ingest", service=True),
    }
    raise_alert(hub)
    told = {note.user_id for note in all_of(hub, Notification)}

    assert {"admin", "billing", "token"} == {
        name for name, user in users.items() if user.id in told
    }


def test_outages_are_told_to_admins(hub: Hub) -> None:
    admin = add_user(hub)
    add_user(hub, "billing")
    with hub.write() as session:
        publish(
            session,
            "connection.failing",
            subject="connection:cnn_1",
            key="outage:1",
            data={
                "company": None,
                "connection": "slack",
                "plugin": "slack",
                "title": "Slack",
                "problem": "It does not answer.",
                "since": "2026-03-02T10:00:00Z",
            },
        )

    assert [(admin.id, "Slack is failing", "It does not answer.")] == [
        (note.user_id, note.title, note.body) for note in all_of(hub, Notification)
    ]


def test_event_nobody_cares_about_is_told_to_nobody(hub: Hub) -> None:
    add_user(hub)
    raise_alert(hub, type="custom.backup")

    assert [] == all_of(hub, Notification)


def test_notification_leads_to_its_event(hub: Hub) -> None:
    add_user(hub)
    raise_alert(hub)
    (note,) = all_of(hub, Notification)

    assert (f"event:{note.event_id}", f"{hub.settings.base_url}/") == (
        note.key,
        note.url,
    )


def test_list_is_paged_from_the_newest(hub: Hub) -> None:
    ann = add_user(hub)
    for n in range(5):
        send(hub, ann.id, key=str(n), title=str(n))
    send(hub, add_user(hub).id)
    with hub.read() as session:
        first = notify.listed(session, ann.id, limit=2)
        rest = notify.listed(session, ann.id, before=first[-1].id)
        since = notify.since(session, ann.id, rest[0].id)
        last = notify.last_id(session, ann.id)

    assert (["4", "3"], ["2", "1", "0"]) == (
        [note.title for note in first],
        [note.title for note in rest],
    )
    assert ["3", "4"] == [note.title for note in since]
    assert first[0].id == last


def test_nobody_has_seen_nothing(hub: Hub) -> None:
    with hub.read() as session:
        assert 0 == notify.last_id(session, "usr_none")
        assert 0 == notify.unread_count(session, "usr_none")


def test_reading_one_lowers_the_count(hub: Hub) -> None:
    ann = add_user(hub)
    for n in range(3):
        send(hub, ann.id, key=str(n))
    note = all_of(hub, Notification)[1]
    for _ in range(2):
        with hub.write() as session:
            read = notify.mark_read(session, ann.id, note.id)
    with hub.read() as session:
        unread = notify.listed(session, ann.id, unread=True)

        assert 2 == notify.unread_count(session, ann.id) == len(unread)
    assert read.read_at is not None
    assert note.id not in {each.id for each in unread}


def test_nobody_reads_what_is_anothers(hub: Hub) -> None:
    ann, bob = add_user(hub), add_user(hub)
    send(hub, ann.id)
    note = all_of(hub, Notification)[0]
    for user, id in ((bob, note.id), (ann, note.id + 1)):
        with pytest.raises(NotFoundError), hub.write() as session:
            notify.mark_read(session, user.id, id)

    assert [None] == [each.read_at for each in all_of(hub, Notification)]


def test_reading_all_reads_ones_own(hub: Hub) -> None:
    ann, bob = add_user(hub), add_user(hub)
    for user in (ann, bob):
        for n in range(2):
            send(hub, user.id, key=str(n))
    with hub.write() as session:
        counts = [notify.mark_all_read(session, ann.id) for _ in range(2)]
    with hub.read() as session:
        left = [notify.unread_count(session, user.id) for user in (ann, bob)]

    assert ([2, 0], [0, 2]) == (counts, left)

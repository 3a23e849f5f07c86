"""What users want to hear of: mutes, personal channels, quiet hours."""

from datetime import time

import pytest
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import AuditEntry, Notification, User
from hub.core.notify import notify, notify_staff
from hub.core.policy import preferences
from hub.core.policy.preferences import Preferences
from hub.core.publish import publish
from hub.sdk.errors import InvalidError, NotFoundError
from tests.core.policy.plugins import cast, connected
from tests.parts.ledger import add_user, all_of

FAILING = {"connection": "till", "title": "Till", "problem": "It is down."}
ALERT = {"company": None, "title": "Disk full"}


def change(hub: Hub, user: User, **values) -> Preferences:
    with hub.write() as session:
        return preferences.change(session, user.id, values, actor="user:ann")


def seen(hub: Hub) -> list[tuple[str, str]]:
    return [(note.user_id, note.type) for note in all_of(hub, Notification)]


def alert(session: Session, key: str = "a") -> None:
    publish(session, "alert.raised", subject=f"alert:{key}", key=key, data=ALERT)


def test_what_a_user_muted_is_not_shown_to_them(hub: Hub) -> None:
    ann, bob = add_user(hub), add_user(hub)
    change(hub, ann, muted=["alert.raised"])
    with hub.write() as session:
        alert(session)

    assert [(bob.id, "alert.raised")] == seen(hub)


def test_what_is_critical_is_shown_whatever_was_muted(hub: Hub) -> None:
    ann = add_user(hub)
    with hub.write() as session:
        kept = {"muted": ["connection.failing"]}  # it was not critical once
        session.get_one(User, ann.id).preferences = kept
    with hub.write() as session:
        publish(
            session, "connection.failing", subject="connection:1", key="a", data=FAILING
        )

    assert [(ann.id, "connection.failing")] == seen(hub)


def test_what_is_told_directly_is_not_muted(hub: Hub) -> None:
    """The mute is of events: an answer to somebody's own doing always comes."""
    ann = add_user(hub)
    change(hub, ann, muted=["alert.raised"])
    with hub.write() as session:
        notify(session, ann.id, "alert.raised", {}, title="Yours", key="1")
        notify_staff(session, "alert.raised", {}, title="All", key="2")

    assert 2 == len(seen(hub))


def test_preferences_are_kept_and_what_is_not_given_stays(hub: Hub) -> None:
    cast(hub)
    connected(hub, "mail", "phone")
    ann = add_user(hub)
    before = preferences.of(ann)
    change(hub, ann, quiet_from="22:00", quiet_until="07:00", phone="+49 30 1234567")
    chosen = {"invoice.overdue": "daily", "alert.raised": "off"}
    change(hub, ann, channels={"mail": chosen, "phone": {"payment.disputed": "now"}})
    after = change(hub, ann, time_zone="Europe/Berlin", channels={"phone": {}})

    assert Preferences() == before
    assert (
        Preferences(
            channels={"mail": {"invoice.overdue": "daily"}},
            quiet_from=time(22),
            quiet_until=time(7),
            time_zone="Europe/Berlin",
            phone="+49301234567",
        )
        == after
    )
    assert ["daily", "off"] == [
        after.when("mail", "invoice.overdue"),
        after.when("mail", "alert.raised"),
    ]
    assert [["phone", "quiet_from", "quiet_until"], ["channels"]] == [
        entry.data["changed"] for entry in all_of(hub, AuditEntry)[:2]
    ]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"muted": ["payment.disputed"]}, "muted"),
        ({"muted": ["invoice.lost"]}, "muted"),
        ({"muted": "alert.raised"}, "muted"),
        ({"muted": 3}, "muted"),
        ({"channels": {"slack": {}}}, "channels"),
        ({"channels": {"chat": {"alert.raised": "now"}}}, "channels"),
        ({"channels": {"mail": {"alert.raised": "weekly"}}}, "channels"),
        ({"channels": {"mail": {"connection.failing": "daily"}}}, "channels"),
        ({"channels": {"mail": {"what.ever": "now"}}}, "channels"),
        ({"channels": {"mail": "now"}}, "channels"),
        ({"channels": []}, "channels"),
        ({"channels": {"phone": {"alert.raised": "now"}}}, "phone"),
        ({"quiet_from": "22:00"}, "quiet_until"),
        ({"quiet_from": "10 pm", "quiet_until": "07:00"}, "quiet_from"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"phone": "030 123456"}, "phone"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(hub: Hub, values, field) -> None:
    cast(hub)
    connected(hub, "mail", "phone", "chat")
    ann = add_user(hub)
    with pytest.raises(InvalidError) as refused:
        change(hub, ann, **values)

    assert [field] == list(refused.value.fields)
    assert {} == all_of(hub, User)[0].preferences


def test_a_phone_that_is_needed_is_not_taken_away(hub: Hub) -> None:
    cast(hub)
    connected(hub, "phone")
    ann = add_user(hub)
    chosen = {"phone": {"payment.disputed": "now"}}
    change(hub, ann, phone="+4930123456", channels=chosen)
    with pytest.raises(InvalidError):
        change(hub, ann, phone="")

    assert "" == change(hub, ann, phone="", channels={"phone": {}}).phone


def test_who_is_not_a_person_has_no_preferences(hub: Hub) -> None:
    robot = add_user(hub, service=True)
    for id in (robot.id, "usr_none"):
        with pytest.raises(NotFoundError), hub.write() as session:
            preferences.change(session, id, {"muted": []})

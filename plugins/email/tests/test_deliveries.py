"""Mails through the hub itself: a delivery, its tries, and what is kept of them."""

from typing import Any

import pytest
from sqlalchemy import select

import hub_email
from hub.boot import Hub
from hub.core import connections, deliver, messages
from hub.core.models import ApiCall, Attempt, Delivery
from hub.db import Database
from hub.jobs import Bell
from hub.plugins import Plugins, check
from hub.sdk.events import Message
from hub.settings import Settings
from tests.parts.hub import KEY

PASSWORD = "made-up/Plover+42"
BODY = "The invoice of 17 December is the largest of the year."


@pytest.fixture
def mailing(database: Database, settings: Settings, post: Any) -> Hub:
    """A hub with a connection to the mail server."""
    hub = Hub(
        settings=settings,
        database=database,
        plugins=Plugins([check("email", hub_email)]),
        bell=Bell(settings.redis_url or ""),
        keys=(KEY,),
    )
    with hub.write() as session:
        connections.add(session, "email", settings=post.settings())
    return hub


def send(hub: Hub, to: str) -> str:
    with hub.write() as session:
        return messages.send(
            session, "email", Message(text=BODY, to=to), "user:usr_1"
        ).id


def run(hub: Hub, id: str) -> Delivery:
    """Deliver it now, whenever it would be due."""
    with hub.write() as session:
        row = session.get_one(Delivery, id)
        row.next_attempt_at = row.created_at
    deliver.drain_all(hub)
    with hub.read() as session:
        return session.get_one(Delivery, id)


def error_of(hub: Hub, row: Delivery) -> str:
    """What its last try came to."""
    found = select(Attempt.error).where(Attempt.delivery_id == row.id)
    with hub.read() as session:
        return session.scalars(found.order_by(Attempt.number.desc())).first() or ""


def calls(hub: Hub) -> list[ApiCall]:
    with hub.read() as session:
        return list(session.scalars(select(ApiCall).order_by(ApiCall.id)))


def test_delivery_is_a_mail_and_its_talk_is_kept(mailing: Hub, post: Any) -> None:
    row = run(mailing, send(mailing, "someone@client.example"))

    [mail] = post.simulator.mails
    assert ("delivered", mail.header("Message-ID")) == (
        row.state,
        row.provider_reference,
    )
    [call] = calls(mailing)
    assert ("SMTP", 250, row.id) == (call.method, call.status, call.delivery_id)
    kept = f"{vars(call)}"
    assert PASSWORD not in kept
    assert BODY not in kept


def test_mail_that_may_have_gone_is_sent_again_as_the_same(
    mailing: Hub, post: Any
) -> None:
    """ROAD 16, 17: a second copy harms nobody, and mail programs show one."""
    id = send(mailing, "someone@client.example")
    post.fault("drop_after_data")

    first = run(mailing, id)
    second = run(mailing, id)

    assert ("retrying", "delivered") == (first.state, second.state)
    assert [None, 1] == [mail.copy_of for mail in post.simulator.mails]


def test_bounce_ends_the_delivery_and_says_so(mailing: Hub, post: Any) -> None:
    row = run(mailing, send(mailing, "nobody@client.example"))

    assert "dead" == row.state
    assert "550" in error_of(mailing, row)
    assert [] == post.simulator.mails


def test_refused_password_waits_for_a_person(mailing: Hub, post: Any) -> None:
    id = send(mailing, "someone@client.example")
    post.fault("535")

    row = run(mailing, id)

    assert "retrying" == row.state
    assert "Check username and password" in error_of(mailing, row)
    with mailing.read() as session:
        assert "needs_reauth" == connections.find(session, "email").state

"""Free messages (hub.core.messages)."""

import pytest

from hub.core import messages
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from hub.sdk.events import Message
from tests.core.deliveries.stage import Actor, Speaker, Stage

ME = "user:usr_1"


def test_message_goes_over_the_road(stage: Stage) -> None:
    """ROAD 15: a delivery without an event."""
    slack = Speaker("slack")
    stage.cast(slack)
    stage.connect("slack")
    block = {"type": "section", "text": {"type": "plain_text", "text": "hi"}}

    with stage.hub.write() as session:
        sent = messages.send(
            session, "slack", Message(text="hello", to="#team", blocks=(block,)), ME
        )
    stage.run()

    assert [Message(text="hello", to="#team", blocks=(block,))] == slack.said
    row = stage.delivery(sent.id)
    assert ("delivered", "msg-1") == (row.state, row.provider_reference)


def test_message_without_an_address_goes_to_the_connections_own(stage: Stage) -> None:
    slack = Speaker("slack")
    stage.cast(slack)
    stage.connect("slack")

    with stage.hub.write() as session:
        messages.send(session, "slack", Message(text="hello"), ME)
    stage.run()

    assert [Message(text="hello")] == slack.said


def test_messages_do_not_wait_for_each_other(stage: Stage) -> None:
    """ROAD 18: each is a subject of its own."""
    slack = Speaker("slack")
    stage.cast(slack)
    stage.connect("slack")
    with stage.hub.write() as session:
        first = messages.send(session, "slack", Message(text="one"), ME)
        first.state = "in_doubt"
        messages.send(session, "slack", Message(text="two"), ME)

    stage.run()

    assert ["two"] == [each.text for each in slack.said]


@pytest.mark.parametrize("text", ["", " \n", "x" * 40_001])
def test_empty_and_endless_messages_are_refused(stage: Stage, text: str) -> None:
    stage.cast(Speaker("slack"))
    stage.connect("slack")

    with stage.hub.write() as session, pytest.raises(InvalidError):
        messages.send(session, "slack", Message(text=text), ME)


@pytest.mark.parametrize("state", ["setup", "disabled"])
def test_connection_not_in_use_takes_no_messages(stage: Stage, state: str) -> None:
    stage.cast(Speaker("slack"))
    stage.connect("slack", state=state)

    with stage.hub.write() as session, pytest.raises(ConflictError):
        messages.send(session, "slack", Message(text="hello"), ME)


def test_plugin_that_sends_no_messages_says_so(stage: Stage) -> None:
    stage.cast(Actor("books"))
    stage.connect("books")

    with stage.hub.write() as session, pytest.raises(ConflictError):
        messages.send(session, "books", Message(text="hello"), ME)


def test_unknown_connection_is_not_found(stage: Stage) -> None:
    with stage.hub.write() as session, pytest.raises(NotFoundError):
        messages.send(session, "nobody", Message(text="hello"), ME)

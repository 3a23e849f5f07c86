"""What the hub does at a receiver: build the body (pure), then one call."""

import uuid
from typing import Final

from hub.sdk.context import Context
from hub.sdk.errors import RejectedError
from hub.sdk.events import Event, Message
from hub_outbound import client, messages

SENT: Final = "The receiver took a signed test webhook (custom.test)."


def post_event(event: Event, ctx: Context) -> None:
    """Post the event."""
    client.post(messages.event(event), _id(ctx), ctx)


def send_message(message: Message, ctx: Context) -> None:
    """Post a free message; what its `to` means is the receiver's."""
    if not message.text.strip() and not message.blocks:
        raise RejectedError("The message is empty: give it a text.")
    id = _id(ctx)
    client.post(messages.free(message, id, ctx.now()), id, ctx)


def test_connection(ctx: Context) -> str:
    """Post a test: nothing less shows that the receiver takes what we sign."""
    id = f"test_{uuid.uuid4().hex}"
    client.post(messages.test(ctx.connection, id, ctx.now()), id, ctx)
    return SENT


def _id(ctx: Context) -> str:
    """The same in every try of a delivery: receivers know by it what they had."""
    return ctx.delivery or f"msg_{uuid.uuid4().hex}"

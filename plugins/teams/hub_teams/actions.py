"""What the hub does in Teams: build the card (pure), then one call."""

from hub.sdk.context import Context
from hub.sdk.errors import RejectedError
from hub.sdk.events import Event, Message
from hub_teams import client, messages
from hub_teams.provider import is_old_form

SENT = (
    "Teams took a test card. Taking it is not showing it: look whether it appeared in"
    " the channel. If it didn't, the workflow's run history says why."
)
OLD_FORM = (
    " The address is of the old form (logic.azure.com), which Microsoft announced to"
    " switch off: copy the new one from the workflow."
)


def post_card(event: Event, ctx: Context) -> None:
    """Post the event's card."""
    client.post(messages.card(event, ctx.hub_url), ctx)


def post_mandate_card(event: Event, ctx: Context) -> None:
    """Post a mandate's card where a person has to do something about it."""
    if event.data.get("state") in ("failed", "cancelled", "expired"):
        post_card(event, ctx)


def send_message(message: Message, ctx: Context) -> None:
    """Post a free message to the workflow's channel: Teams tells no id of it."""
    if message.to:
        raise RejectedError(
            "A workflow posts to its own channel only: leave the channel out, or"
            " connect a second workflow."
        )
    if not message.text.strip() and not message.blocks:
        raise RejectedError("The message is empty: give it a text or a card.")
    client.post(messages.free(message), ctx)


def test_connection(ctx: Context) -> str:
    """Post a test card: only a person can see whether it is shown."""
    client.post(messages.test_card(ctx.connection, ctx.now()), ctx)
    return SENT + (OLD_FORM if is_old_form(ctx.settings["webhook_url"]) else "")

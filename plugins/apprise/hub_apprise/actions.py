"""What the hub does by Apprise: put it into words (pure), then tell one service."""

from hub.sdk.context import Context
from hub.sdk.errors import RejectedError
from hub.sdk.events import Event, Message
from hub_apprise import library, targets, words


def tell(event: Event, ctx: Context) -> None:
    """Tell the delivery's own target of the event."""
    _notify(words.of_event(event, ctx.hub_url), ctx.target, ctx)


def tell_of_mandate(event: Event, ctx: Context) -> None:
    """Tell of a mandate where a person has to do something about it."""
    if event.data.get("state") in ("failed", "cancelled", "expired"):
        tell(event, ctx)


def send_message(message: Message, ctx: Context) -> None:
    """Send a free message; `to` names one of the targets."""
    if message.blocks:
        raise RejectedError("Apprise takes text only: leave the blocks out.")
    if not message.text.strip():
        raise RejectedError("The message is empty: give it a text.")
    _notify(words.of_message(message), message.to or ctx.target, ctx)


def test_connection(ctx: Context) -> str:
    """Send a test to each target: nothing less shows that they work."""
    _notify(words.of_test(ctx.connection), "", ctx)
    told = ", ".join(targets.names(ctx.settings))
    return f"Each service took a test notification: {told}."


def _notify(note: words.Note, target: str, ctx: Context) -> None:
    for url in targets.chosen(ctx.settings, target):
        library.notify(url, note)

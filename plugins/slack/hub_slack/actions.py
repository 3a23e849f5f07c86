"""What the hub does in Slack: build the message (pure), then one call."""

from hub.sdk.context import Context
from hub.sdk.errors import RejectedError
from hub.sdk.events import Event, Message
from hub.sdk.text import one_line
from hub_slack import client, messages, teams, threads


def post_card(event: Event, ctx: Context) -> None:
    """Post the event's card; by bot, into the thread of its invoice."""
    if not ctx.settings.get("bot_token"):
        _check_target(ctx.target, ctx)
        client.post(messages.card(event, ctx.hub_url), ctx)
        return
    # Without a signing secret the hub would refuse to hear of a button.
    interactive = bool(ctx.settings.get("signing_secret"))
    card = messages.card(event, ctx.hub_url, interactive=interactive)
    threads.post(card, event, ctx)


def post_mandate_card(event: Event, ctx: Context) -> None:
    """Post a mandate's card where a person has to do something about it."""
    if event.data.get("state") in ("failed", "cancelled", "expired"):
        post_card(event, ctx)


def send_message(message: Message, ctx: Context) -> str | None:
    """Post a free message to a channel; the webhook knows only its own."""
    if not message.text.strip() and not message.blocks:
        raise RejectedError("The message is empty: give it a text or blocks.")
    to = message.to or ctx.target
    if not ctx.settings.get("bot_token"):
        _check_target(to, ctx)
    return client.post(messages.free(message), ctx, to)


def _check_target(channel: str, ctx: Context) -> None:
    if channel not in ("", ctx.settings["channel"]):
        raise RejectedError(
            "An incoming webhook posts to its own channel only. Set a bot token to"
            " choose the channel, or leave it out."
        )


def test_connection(ctx: Context) -> str:
    """Check the token, then post a test card: only that shows that it works."""
    card = messages.test_card(ctx.connection, ctx.now())
    if not ctx.settings.get("bot_token"):
        client.post(card, ctx)
        return "A test card is in the webhook's channel."
    team = one_line(teams.ask(ctx))[:100] or "your workspace"
    client.post(card, ctx)
    return f"A test card is in {ctx.settings['channel']} of {team}."

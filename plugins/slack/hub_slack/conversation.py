"""What people do in Slack: buttons become facts, commands get their answers.

Slack has its empty 200 by then; whoever asked is answered by `response_url`. That
may fail: what was asked for is heard all the same.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from hub.sdk.context import Context
from hub.sdk.errors import HubError, PayloadError, ProviderError
from hub.sdk.webhooks import InboundWebhook, Result, Unheard
from hub_slack import buttons, client, commands, teams, webhooks
from hub_slack.blocks import Body
from hub_slack.buttons import Press
from hub_slack.mrkdwn import link
from hub_slack.webhooks import Payload

# As long as the facts of a press are remembered in Slack's own history, roughly.
_REMEMBERED: Final = 90 * 24 * 3600.0
DONE: Final = {
    "acknowledge": "Noted: you look after {invoice}.",
    "remind": "A reminder of {invoice} is asked for. Whether it goes out, and when, is"
    " up to the hub's sending rules: the invoice's page shows it.",
}
BEFORE: Final = {
    "acknowledge": "Somebody said so before: {invoice} is being looked after.",
    "remind": "A reminder of {invoice} was asked for by this button before.",
}


def handle(webhook: InboundWebhook, ctx: Context) -> Iterator[Result]:
    """Say what was heard, then answer whoever said it."""
    try:
        payload = webhooks.read(webhook.body)
    except PayloadError as error:
        yield Unheard(event_id=webhook.id, event_type="unreadable", error=error)
        return
    presses, command = buttons.pressed(payload), commands.asked(payload)
    if not presses and command is None:
        yield webhooks.hear(webhook, payload)
        return
    try:
        ours = teams.is_ours(buttons.team_of(payload), ctx)
    except ProviderError as error:
        heard = webhooks.hear(webhook, payload)
        yield Unheard(event_id=heard.event_id, event_type=heard.event_type, error=error)
        return
    if not ours:
        ctx.log.warning("slack.other_workspace", webhook=webhook.id)
        yield webhooks.hear(webhook, payload)
        return
    facts = tuple(press.fact(webhook.received_at) for press in presses)
    yield webhooks.hear(webhook, payload, facts)
    for press in presses:
        _answer_press(press, webhook, payload, ctx)
    if command is not None:
        _answer(payload, commands.answer(command, ctx), webhook, ctx)


def _answer_press(
    press: Press, webhook: InboundWebhook, payload: Payload, ctx: Context
) -> None:
    first = _first(press, webhook, ctx)
    words = (DONE if first == webhook.id else BEFORE)[press.action]
    page = f"{ctx.hub_url}/invoices/{press.subject.partition(':')[2]}"
    text = words.format(invoice=link(page, "this invoice"))
    body: Body = {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": text,
    }
    if thread := buttons.thread_of(payload):
        body["thread_ts"] = thread
    _answer(payload, body, webhook, ctx)


def _first(press: Press, webhook: InboundWebhook, ctx: Context) -> str:
    """Return the webhook in which this was asked for first. One connection's are
    heard one after the other."""
    known: Any = ctx.state.get(press.id)
    if known is None:
        ctx.state.set(press.id, webhook.id, ttl=_REMEMBERED)
    return str(known or webhook.id)


def _answer(
    payload: Payload, body: Body, webhook: InboundWebhook, ctx: Context
) -> None:
    """Answer once: an address takes five answers in half an hour."""
    url, said = payload.get("response_url"), f"answered:{webhook.id}"
    lasts = timedelta(seconds=client.ANSWERABLE)
    late = ctx.now() - webhook.received_at > lasts
    if not client.is_way_back(url) or late or ctx.state.get(said):
        ctx.log.info("slack.not_answered", webhook=webhook.id, late=late)
        return
    try:
        client.answer(str(url), body, ctx)
    except HubError as error:
        ctx.log.warning("slack.answer_failed", webhook=webhook.id, error=str(error))
        return
    ctx.state.set(said, True, ttl=lasts.total_seconds())

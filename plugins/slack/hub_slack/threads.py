"""One thread for each invoice in a channel: the first card begins it, and all that
happens to the invoice later, payments too, answers there.

Kept are texts: a message's `ts` read as a number would lose digits.
"""

from collections.abc import Mapping
from typing import Any, Final

from hub.sdk.context import Context
from hub.sdk.errors import ProviderError
from hub.sdk.events import Event
from hub_slack import client
from hub_slack.blocks import Body
from hub_slack.client import Posted

_DAY: Final = 24 * 3600.0
# For how long an invoice's thread goes on, and a reply is known to be there: longer
# than a delivery is tried.
_THREAD, _REPLY = 400 * _DAY, 7 * _DAY
# What nobody should miss is shown in the channel as well.
IMPORTANT: Final = frozenset({"payment.disputed", "invoice.overdue"})
GONE: Final = frozenset(
    {
        "thread_not_found",
        "message_not_found",
        "cannot_reply_to_message",
        "restricted_action_thread_locked",
    }
)


def post(card: Body, event: Event, ctx: Context) -> None:
    """Post an event's card by bot, into its invoice's thread if there is one."""
    channel, invoice = client.channel_of(ctx), event.data.get("invoice_id")
    if not invoice:
        client.post_as_bot(card, channel, ctx)
        return
    key = f"thread:{channel}:{invoice}"
    begun = _begun(key, ctx)
    if _is_done(begun, ctx):
        return
    ts = str(begun.get("ts") or "")
    posted = _reply(card, ts, event, ctx) if ts else None
    if posted is not None and posted.threaded:
        _note_reply(posted, ctx)
    elif posted is not None:
        _begin(key, posted, ctx)
    else:
        posted = client.post_as_bot(card, channel, ctx)
        if ts == str(_begun(key, ctx).get("ts") or ""):
            _begin(key, posted, ctx)


def _reply(card: Body, ts: str, event: Event, ctx: Context) -> Posted | None:
    """Answer in a thread; None if there is no such thread any more."""
    reply = {**card, "thread_ts": ts}
    if event.type in IMPORTANT:
        reply["reply_broadcast"] = True
    try:
        return client.post_as_bot(reply, client.channel_of(ctx), ctx)
    except ProviderError as error:
        if error.code in GONE:
            return None
        raise


def _begun(key: str, ctx: Context) -> Mapping[str, Any]:
    found = ctx.state.get(key)
    return found if isinstance(found, Mapping) else {}


def _is_done(begun: Mapping[str, Any], ctx: Context) -> bool:
    """A delivery may be tried again although its card is there: a process that died
    has not said so. It must not answer itself."""
    if ctx.delivery is None:
        return False
    mine = begun.get("delivery") == ctx.delivery
    return mine or ctx.state.get(_replied(ctx)) is not None


def _begin(key: str, posted: Posted, ctx: Context) -> None:
    if posted.ts:
        first = {"ts": posted.ts, "delivery": ctx.delivery}
        ctx.state.set(key, first, ttl=_THREAD)


def _note_reply(posted: Posted, ctx: Context) -> None:
    if ctx.delivery is not None:
        ctx.state.set(_replied(ctx), posted.ts, ttl=_REPLY)


def _replied(ctx: Context) -> str:
    return f"replied:{ctx.delivery}"

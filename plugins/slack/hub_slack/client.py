"""The calls made to Slack, and what its error words mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from hub.sdk import errors
from hub.sdk.context import Context
from hub.sdk.errors import ProviderError
from hub.sdk.http import Reply, retry_after
from hub_slack.blocks import Body
from hub_slack.provider import WEBHOOK_HOSTS

API: Final = "https://slack.com/api/"
# Slack insists on the charset: https://docs.slack.dev/apis/web-api/using-the-slack-web-api
JSON: Final = {"Content-Type": "application/json; charset=utf-8"}

# Slack's word → what a person should do. The connection can't work until then.
CREDENTIALS: Final[Mapping[str, str]] = {
    "invalid_auth": "Enter the bot token again.",
    "not_authed": "Enter the bot token again.",
    "account_inactive": "The bot's account is switched off: install the app again.",
    "token_revoked": "Install the app again and enter its new bot token.",
    "token_expired": "Install the app again and enter its new bot token.",
    "missing_scope": "Give the app the scope it lacks and install it again.",
    "invalid_token": "Make a new incoming webhook and enter its URL.",
    "no_service": "The webhook was removed: make a new one and enter its URL.",
    "no_team": "The workspace is gone: enter the webhook of another one.",
    "channel_is_archived": "Bring the channel back, or enter a webhook of another.",
}
# The same for one message: others may still get through.
REJECTED: Final[Mapping[str, str]] = {
    "channel_not_found": "Check the channel in the connection's settings.",
    "not_in_channel": "Invite the app to the channel.",
    "is_archived": "Bring the channel back, or choose another.",
    "restricted_action": "The workspace's settings don't let the app post there.",
    "action_prohibited": "The workspace's settings don't let the app post there.",
    "posting_to_general_channel_denied": "Choose a channel the app may post to.",
}
RATE_LIMITED: Final = {"ratelimited", "rate_limited", "message_limit_exceeded"}
# Carried out in part, perhaps: the message may be there all the same.
UNKNOWN: Final = {"internal_error", "fatal_error"}
LATER: Final = UNKNOWN | {"request_timeout", "service_unavailable"}
# How long a response_url is good, in seconds, and where the last one is kept.
ANSWERABLE: Final = 30 * 60
WAY_BACK: Final = "way_back"
_WORD = re.compile(r"[a-z][a-z0-9_]{1,60}", re.ASCII)
_POINTER = re.compile(r"\[json-pointer:(/[\w/-]{1,100})\]")
_SCOPES = re.compile(r"[\w:.,-]{1,100}", re.ASCII)


@dataclass(frozen=True)
class Posted:
    """A message that Slack took: its name in the channel ("": not told), and
    whether it became a reply in the thread it was meant for."""

    ts: str = ""
    threaded: bool = False


def post(body: Body, ctx: Context, channel: str = "") -> str | None:
    """Post a message by bot token, else by webhook; return its `ts`, if told."""
    if ctx.settings.get("bot_token"):
        return post_as_bot(body, channel or channel_of(ctx), ctx).ts or None
    url = ctx.settings["webhook_url"]
    ctx.http.post(url, json=body, headers=JSON, explain=webhook_error)
    return None


def post_as_bot(body: Body, channel: str, ctx: Context) -> Posted:
    """Post a message by bot token."""
    message = {"channel": channel, **body}
    if ctx.delivery is not None:
        payload = {"id": ctx.idempotency_key()}
        message["metadata"] = {"event_type": "hub_delivery", "event_payload": payload}
    said = _call("chat.postMessage", message, ctx)
    ts, shown = said.get("ts"), said.get("message")
    # Where the parent is gone, Slack posts the reply to the channel and says nothing
    # but this: github.com/slack-go/slack issue 1571.
    alone = isinstance(shown, Mapping) and "thread_ts" not in shown
    threaded = "thread_ts" in body and not alone
    return Posted(ts if isinstance(ts, str) else "", threaded)


def channel_of(ctx: Context) -> str:
    """Return the channel a delivery is for."""
    return ctx.target or str(ctx.settings["channel"])


def check_token(ctx: Context) -> Mapping[str, Any]:
    """Return what Slack says of the bot token: its workspace and its bot."""
    return _call("auth.test", {}, ctx, reads=True)


def is_way_back(url: object) -> bool:
    """Tell whether a `response_url` is Slack's: it came in a request."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and parts.netloc in WEBHOOK_HOSTS


def answer(url: str, body: Body, ctx: Context) -> None:
    """Answer a person by the `response_url` of what they did. It lets anybody speak
    there for half an hour, so it is kept out of the record of calls."""
    ctx.state.set(WAY_BACK, urlsplit(url).path, secret=True, ttl=ANSWERABLE)
    ctx.http.post(url, json=body, headers=JSON, explain=answer_error)


def _call(method: str, body: Body, ctx: Context, *, reads: bool = False) -> Body:
    said: Body = ctx.http.post(
        API + method,
        json=body,
        headers=JSON,
        token=ctx.settings["bot_token"],
        explain=api_error,
        reads=reads,
    ).json()
    return said


def webhook_error(reply: Reply) -> ProviderError | None:
    """Read an incoming webhook's answer: plain text, `ok` or an error's word."""
    said = reply.text.strip()
    if reply.status == 200:
        return None if said == "ok" else _unexpected(reply)
    return _error(said, reply) if _WORD.fullmatch(said) else None


def answer_error(reply: Reply) -> ProviderError | None:
    """Read a response_url's answer: `ok` as text or JSON, else by its status."""
    if 200 <= reply.status < 300 or _is_later(reply.status):
        return None
    return errors.RejectedError("Slack takes no more answers there: it is too late.")


def api_error(reply: Reply) -> ProviderError | None:
    """Read a Web API answer: errors come with status 200 and `ok: false`."""
    if _is_later(reply.status):
        return None
    said = reply.json()
    if not isinstance(said, Mapping) or not isinstance(said.get("ok"), bool):
        return _unexpected(reply)
    if said["ok"]:
        return None
    word = str(said.get("error"))
    return _error(word if _WORD.fullmatch(word) else "unknown", reply, _detail(said))


def _is_later(status: int) -> bool:
    """Tell whether the status says it all: wait, or try again."""
    return status in (408, 429) or status >= 500


def _error(word: str, reply: Reply, detail: str = "") -> ProviderError | None:
    said, status = f"Slack answered {word}{detail}.", reply.status
    again = f"{said} It is tried again by itself."
    if _is_later(status):
        return None
    if word in RATE_LIMITED:
        wait = retry_after(reply.headers.get("Retry-After"))
        return errors.RateLimitError(again, retry_after=wait, status=status, code=word)
    if word in LATER:
        unknown = word in UNKNOWN
        return errors.UnavailableError(again, code=word, outcome_unknown=unknown)
    if word in CREDENTIALS:
        return errors.CredentialsError(f"{said} {CREDENTIALS[word]}", code=word)
    if word not in REJECTED and status in (401, 403):
        return None
    advice = REJECTED.get(word, "Sending the same message again will not help.")
    return errors.RejectedError(f"{said} {advice}", code=word)


def _detail(said: Mapping[str, Any]) -> str:
    """Say where the body is wrong or which scope is missing; never quote the body."""
    needed = said.get("needed")
    if isinstance(needed, str) and _SCOPES.fullmatch(needed):
        return f" ({needed})"
    about = said.get("response_metadata")
    messages = about.get("messages") if isinstance(about, Mapping) else None
    found = _POINTER.findall(str(messages))
    return f" at {', '.join(found[:3])}" if found else ""


def _unexpected(reply: Reply) -> errors.UnexpectedResponseError:
    return errors.UnexpectedResponseError(
        "Slack's answer is not what it documents. Check the address in the"
        " connection's settings; if it is right, the plugin needs an update.",
        status=reply.status,
    )

"""Which workspace a connection belongs to. The signing secret is the app's: an app
that is installed in several signs the requests of all with the same one.
"""

from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from hub.sdk.context import Context
from hub_slack import client

_KEPT: Final = 90 * 24 * 3600.0


def ask(ctx: Context) -> str:
    """Ask Slack whose the bot token is, keep the workspace's id, return its name."""
    said = client.check_token(ctx)
    id = said.get("team_id")
    if isinstance(id, str) and id:
        ctx.state.set(_key(ctx), id, ttl=_KEPT)
    return str(said.get("team") or "")


def is_ours(team: str, ctx: Context) -> bool:
    """Tell whether a request comes from the connection's workspace. One that names
    none, as of a whole organisation, is known by its signature alone."""
    own = _own(ctx)
    return not team or not own or team == own


def _own(ctx: Context) -> str:
    if not ctx.settings.get("bot_token"):
        return _of_webhook(str(ctx.settings.get("webhook_url") or ""))
    known: Any = ctx.state.get(_key(ctx))
    if known is None:
        ask(ctx)
        known = ctx.state.get(_key(ctx))
    return str(known or "")


def _of_webhook(url: str) -> str:
    """The workspace's id is the first part of an incoming webhook's path."""
    parts = urlsplit(url).path.partition("/services/")[2].split("/")
    return parts[0] if len(parts) > 1 else ""


def _key(ctx: Context) -> str:
    """Another token may be another workspace's."""
    token = str(ctx.settings["bot_token"])
    return f"team:{sha256(token.encode()).hexdigest()[:12]}"

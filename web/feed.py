"""The live feed over WebSocket: who may listen, and what a client may say."""

import json
import signal
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, g, request
from flask_sock import Sock

from hub.boot import Hub
from hub.core import notify
from hub.core.feed import Client, Feed
from hub.core.people import accounts
from hub.sdk.errors import UserError
from web import session
from web.hub import the_hub
from web.wire import SocketLine, frame

LONGEST_MESSAGE = 4096
# How long live frames wait for a client that wants older ones first.
_GRACE = 0.25
_NOT_UNDERSTOOD = 1003


def feed_of(hub: Hub) -> Feed:
    """This process's feed."""
    return hub.part(_make)


def _make(hub: Hub) -> Feed:
    return Feed(hub, frame)


def register(app: Flask) -> None:
    """Serve the feed."""
    app.config["SOCK_SERVER_OPTIONS"] = {"max_message_size": LONGEST_MESSAGE}
    blueprint = Blueprint("feed", __name__)
    blueprint.before_request(_let_in)
    sock = Sock()
    sock.route("/feed", bp=blueprint)(_listen)
    app.register_blueprint(blueprint)


def _let_in() -> Response | None:
    """Refuse before the handshake, so that a browser sees an ordinary answer."""
    # Deflate would cost each client 40 KB for frames that are encoded once.
    request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
    if "HTTP_SEC_WEBSOCKET_KEY" not in request.environ:
        return Response("This address speaks WebSocket.", 426, {"Upgrade": "websocket"})
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        principal = accounts.principal_of(the_hub(), token.strip())
        g.listener = (principal.user_id, None) if principal else None
    else:
        if not _same_origin(request.headers.get("Origin", "")):
            return Response("This page may not listen here.", 403)
        g.listener = session.who_and_epoch()
    if g.listener is None:
        return Response("Sign in, or send a token.", 401)
    return None


def _same_origin(origin: str) -> bool:
    """True if the page that asks is one of ours: browsers send cookies along with
    the handshake of any page."""
    asked = urlsplit(origin)
    base = urlsplit(the_hub().settings.base_url)
    ours = {(base.scheme, base.netloc), (request.scheme, request.host)}
    schemes = {"ws": "http", "wss": "https"}
    return (asked.scheme, asked.netloc) in {
        (schemes.get(scheme, scheme), host) for scheme, host in ours
    }


def _listen(ws: Any) -> None:
    user_id, epoch = g.listener
    feed = feed_of(current_app.extensions["hub"])
    line = SocketLine(ws)
    client = feed.join(user_id, line, epoch)
    try:
        _talk(ws, feed, client)
    finally:
        feed.leave(client)
        line.gone = True


def _talk(ws: Any, feed: Feed, client: Client) -> None:
    message = ws.receive(timeout=_GRACE)
    if message is None:
        feed.release(client)
    while not feed.stopping:
        if message is not None and not _obey(feed, client, message):
            ws.close(_NOT_UNDERSTOOD, "Not understood.")
            return
        if client.held is not None:
            feed.release(client)
        message = ws.receive()


def _obey(feed: Feed, client: Client, message: str | bytes) -> bool:
    """Do what a client says; False if it can't be understood."""
    try:
        said = json.loads(message) if isinstance(message, str) else None
    except (ValueError, RecursionError):
        return False
    match said:
        case {"type": "resume", "after": int(after)} if 0 <= after < 2**63:
            feed.resume(client, after)
        case {"type": "read", "id": int(id)} if 0 <= id < 2**63:
            mark_read(the_hub(), client.user_id, id)
        case {"type": "read_all"}:
            mark_read(the_hub(), client.user_id, None)
        case _:
            return False
    return True


def mark_read(hub: Hub, user_id: str, id: int | None) -> None:
    """Mark one or all (None) of a user's as read and tell their other windows."""
    # One that isn't theirs or is long gone: the count that follows is right anyway.
    with suppress(UserError), hub.write() as transaction:
        if id is None:
            notify.mark_all_read(transaction, user_id)
        else:
            notify.mark_read(transaction, user_id, id)
    # Without Redis the other windows of this process still hear of it.
    feed_of(hub).recount([user_id])


def stop_on_sigterm(app: Flask) -> None:
    """End all connections when the server is told to stop: it waits for them."""
    feed = feed_of(app.extensions["hub"])
    before = signal.getsignal(signal.SIGTERM)

    def stop(number: int, at: Any) -> None:
        feed.stopping = True
        if callable(before):
            before(number, at)

    signal.signal(signal.SIGTERM, stop)

"""Receive: the first step of the road. Find the connection, let its plugin verify the
raw bytes, keep them (accept), and answer as the provider expects.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from hub.boot import Hub
from hub.core import accept, contexts
from hub.core.configuration.live import LiveConnection, live
from hub.core.deliveries import outcomes
from hub.core.vitals import metrics
from hub.core.webhooks import header_lines, keys, replies
from hub.core.webhooks.inserts import Row
from hub.core.webhooks.refusals import Refusals
from hub.core.webhooks.replies import Reply
from hub.sdk.clock import now
from hub.sdk.context import Context
from hub.sdk.errors import (
    NotFoundError,
    PayloadError,
    PluginError,
    SignatureError,
    UnreadyError,
)
from hub.sdk.provider import Provider
from hub.sdk.text import clean
from hub.sdk.webhooks import Answer, Headers, Verified, WebhookRequest, read_query

MAX_BYTES: Final = 1024 * 1024
_SLUG = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}", re.ASCII)
_PLAIN_KEY = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)


class TooLargeError(Exception):
    """The body is larger than MAX_BYTES; it was not read to its end."""


class BrokenBodyError(Exception):
    """The body ended early or is not framed as HTTP wants it."""


@dataclass(slots=True, kw_only=True)
class RawRequest:
    """The request as the server handed it over. `path` is what follows the
    connection's URL; header values are latin-1 text; `read` reads the body."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    address: str
    read: Callable[[], bytes]


class _RefusedError(Exception):
    """Leaves the road; `reason` is for the log, the status says it to the sender."""

    def __init__(
        self, status: int, reason: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}


def receive(hub: Hub, slug: str, request: RawRequest) -> Reply:
    """Take one request from a provider; returns an answer whatever it is."""
    try:
        connection = _connection(hub, slug)
    except NotFoundError as error:
        # Without the name they asked for: a stranger has as many as they like.
        return _refused(hub, "", request, _RefusedError(404, str(error)))
    except UnreadyError as error:
        return _later(hub, "", request, error)
    try:
        reply = _received(hub, connection, request)
    except _RefusedError as refused:
        reason = connection.redactor.text(refused.reason)
        reply = _refused(hub, connection.slug, request, refused, reason)
    except UnreadyError as error:
        reply = _later(hub, connection.slug, request, error)
    metrics.webhook_answered(connection.slug, reply.status).inc()
    return reply


def _connection(hub: Hub, slug: str) -> LiveConnection:
    if not _SLUG.fullmatch(slug):
        raise NotFoundError("That can't be a connection's name.")
    found = live(hub).by_slug(slug)
    if not found.accepts_webhooks:
        # The table is asked before saying so: it may be enabled since a moment ago.
        found = live(hub).by_slug(slug, fresh=True)
    if not found.accepts_webhooks:
        raise NotFoundError("It is disabled.")
    if not hub.plugins.has(found.plugin, "verify_webhook"):
        raise NotFoundError("Its plugin takes no webhooks.")
    return found


def _received(hub: Hub, connection: LiveConnection, request: RawRequest) -> Reply:
    headers = Headers(request.headers)
    _check_form(hub.plugins.provider(connection.plugin), request, headers)
    seen = _seen(hub, connection, request, headers)
    with _translated(connection):
        verified = _verified(hub, connection, seen, request.address)
    if not verified.keep:
        return replies.own(verified.answer or Answer())
    kept = accept.keep(
        hub,
        Row(
            connection_id=connection.id,
            dedupe_key=_stored_key(verified.dedupe_key),
            method=seen.method,
            path=seen.path,
            query=clean(connection.redactor.text(request.query)),
            headers=header_lines.write(request.headers, connection.redactor),
            body=seen.body,
            received_at=seen.received_at,
        ),
    )
    if verified.answer is not None:
        return replies.own(verified.answer, kept.id)
    return replies.kept("accepted" if kept.fresh else "duplicate", kept.id)


def _check_form(provider: Provider, request: RawRequest, headers: Headers) -> None:
    if request.path not in provider.webhook_paths:
        raise _RefusedError(404, "The provider sends nothing to this path.")
    if request.method not in provider.webhook_methods:
        allowed = ", ".join(provider.webhook_methods)
        raise _RefusedError(405, f"Only {allowed} is taken here.", {"Allow": allowed})
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    bare_get = request.method == "GET" and not media_type
    if media_type not in provider.webhook_types and not bare_get:
        raise _RefusedError(415, "The provider sends another media type.")


def _seen(
    hub: Hub, connection: LiveConnection, request: RawRequest, headers: Headers
) -> WebhookRequest:
    try:
        parameters = read_query(request.query)
        body = request.read()
    except TooLargeError:
        raise _RefusedError(413, f"The body is over {MAX_BYTES} bytes.") from None
    except (BrokenBodyError, ValueError):
        raise _RefusedError(400, "The request can't be read to its end.") from None
    path = f"/{request.path}" if request.path else ""
    query = f"?{request.query}" if request.query else ""
    return WebhookRequest(
        method=request.method,
        path=request.path,
        url=hub.url(f"/webhooks/{connection.slug}{path}{query}"),
        headers=headers,
        query=parameters,
        body=body,
        received_at=now(),
    )


def _verified(
    hub: Hub, connection: LiveConnection, seen: WebhookRequest, address: str
) -> Verified:
    """Let the plugin decide, with the key it asked for."""
    plugin, call = connection.plugin, hub.plugins.call
    ctx = hub.part(_Contexts).of(connection)
    url = None
    if hub.plugins.has(plugin, "webhook_key_url"):
        url = call(plugin, "webhook_key_url", request=seen, ctx=ctx)
    if url is not None:
        seen = replace(seen, key=keys.get(hub, connection, url, sender=address))
    verified = call(plugin, "verify_webhook", request=seen, ctx=ctx)
    if not isinstance(verified, Verified):
        raise PluginError("verify_webhook has to return Verified.")
    if url is not None:
        keys.proved(hub, connection, url)
    return verified


class _Contexts:
    """The contexts that verifying needs: nothing in them is of one request."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._made: dict[str, tuple[LiveConnection, Context]] = {}

    def of(self, connection: LiveConnection) -> Context:
        """The context of a connection as it is in force."""
        found = self._made.get(connection.id)
        if found is None or found[0] is not connection:
            found = (connection, contexts.build(self._hub, connection))
            self._made[connection.id] = found
        return found[1]


@contextmanager
def _translated(connection: LiveConnection) -> Iterator[None]:
    """A plugin may raise anything. What isn't a verdict means: not now. Nothing is
    kept and the provider sends it again, when the plugin may be mended."""
    try:
        yield
    except (_RefusedError, UnreadyError):
        raise
    except SignatureError as error:
        status = connection.provider.refused_status if connection.provider else 401
        raise _RefusedError(status, str(error)) from None
    except PayloadError as error:
        raise _RefusedError(400, str(error)) from None
    except (Exception, SystemExit) as error:
        again = {"Retry-After": replies.RETRY_AFTER}
        raise _RefusedError(503, outcomes.words(error), again) from error


def _stored_key(key: str | None) -> str | None:
    """What the database takes as it is; anything else (NULs, half characters,
    a megabyte) as its hash."""
    if key is None or _PLAIN_KEY.fullmatch(key):
        return key
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _later(hub: Hub, slug: str, request: RawRequest, error: UnreadyError) -> Reply:
    """What a genuine request hears too stays 503, however often."""
    hub.part(Refusals).note(slug, request.address, 503, str(error))
    return replies.not_now()


def _refused(
    hub: Hub,
    slug: str,
    request: RawRequest,
    refused: _RefusedError,
    reason: str | None = None,
) -> Reply:
    said = refused.reason if reason is None else reason
    flood = hub.part(Refusals).note(slug, request.address, refused.status, said)
    if flood:
        return replies.refused(429, {"Retry-After": "60"})
    return replies.refused(refused.status, refused.headers)

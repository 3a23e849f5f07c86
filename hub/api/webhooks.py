"""Webhooks: the only place that sees a raw request. The road begins in core/receive.

They are served in front of Flask: session, routing and response objects would cost
more than everything the road does before the answer.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cache, lru_cache
from http import HTTPStatus
from typing import IO, Any, Final

import structlog

from hub.boot import Hub
from hub.core.receive import (
    MAX_BYTES,
    BrokenBodyError,
    RawRequest,
    TooLargeError,
    receive,
)
from hub.core.webhooks import replies
from hub.core.webhooks.replies import Reply

Environ = dict[str, Any]
Start = Callable[..., Any]
Application = Callable[[Environ, Start], Iterable[bytes]]

PREFIX: Final = "/webhooks/"
BODY_SECONDS: Final = 10.0
_PHRASES = {each.value: f"{each.value} {each.phrase}" for each in HTTPStatus}
_OUTSIDE = {"CONTENT_TYPE": "Content-Type", "CONTENT_LENGTH": "Content-Length"}

_log = structlog.get_logger("hub.webhooks")


class Webhooks:
    """Serves `/webhooks/<slug>` and what a plugin declares below it; everything else
    is for `beyond`."""

    def __init__(self, hub: Hub, beyond: Application) -> None:
        self._hub = hub
        self._beyond = beyond

    def __call__(self, environ: Environ, start: Start, /) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return self._beyond(environ, start)
        slug, slash, below = path[len(PREFIX) :].partition("/")
        reply = self._reply(slug, _raw(environ, below or slash))
        return _started(reply, start, head=environ["REQUEST_METHOD"] == "HEAD")

    def _reply(self, slug: str, request: RawRequest) -> Reply:
        try:
            return receive(self._hub, slug, request)
        except Exception:
            # Our own fault: the provider sends it again when it is mended.
            _log.exception("webhook.broken", connection=slug)
            return replies.not_now()


def _raw(environ: Environ, path: str) -> RawRequest:
    return RawRequest(
        method=environ["REQUEST_METHOD"],
        path=path,
        query=environ.get("QUERY_STRING", ""),
        headers=tuple(_headers(environ)),
        address=environ.get("REMOTE_ADDR") or "",
        read=lambda: _read(environ),
    )


def _headers(environ: Environ) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield _header_name(name), value
        elif name in _OUTSIDE and value:
            yield _OUTSIDE[name], value


@lru_cache(maxsize=1024)
def _header_name(name: str) -> str:
    return name[5:].replace("_", "-").title()


def _read(environ: Environ) -> bytes:
    """Read the body; a declared length over the limit is refused before a byte."""
    chunked = environ.get("HTTP_TRANSFER_ENCODING", "").strip().lower() == "chunked"
    given = environ.get("CONTENT_LENGTH", "")
    if not chunked and not given.isdecimal():
        return b""
    length = MAX_BYTES + 1 if chunked else int(given)
    if not chunked and length > MAX_BYTES:
        raise TooLargeError
    try:
        with _patience():
            body = _up_to(length, environ["wsgi.input"])
    except Exception as error:  # each server has its own for chunks that are wrong
        raise BrokenBodyError from error
    if len(body) > MAX_BYTES:
        raise TooLargeError
    if not chunked and len(body) < length:
        raise BrokenBodyError
    return body


def _patience() -> AbstractContextManager[object]:
    """Bound the reading of a body: a sender that stops in the middle would hold its
    connection for ever."""
    if not _under_gevent():
        return nullcontext()
    from gevent import Timeout

    return Timeout(BODY_SECONDS, BrokenBodyError)


@cache
def _under_gevent() -> bool:
    if "gevent.monkey" not in sys.modules:
        return False
    from gevent.monkey import is_module_patched

    return bool(is_module_patched("socket"))


def _up_to(size: int, stream: IO[bytes]) -> bytes:
    body = stream.read(size) if size else b""
    if len(body) == size:
        return body
    pieces = [body]
    size -= len(body)
    while pieces[-1] and size:
        pieces.append(stream.read(size))
        size -= len(pieces[-1])
    return b"".join(pieces)


def _started(reply: Reply, start: Start, *, head: bool) -> Iterable[bytes]:
    headers = list(reply.headers.items())
    if reply.status != HTTPStatus.NO_CONTENT:
        headers.append(("Content-Type", reply.content_type))
        headers.append(("Content-Length", str(len(reply.body))))
    start(_PHRASES.get(reply.status, f"{reply.status} Refused"), headers)
    return [] if head else [reply.body]

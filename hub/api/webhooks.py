"""Webhooks: the only place that sees a raw request. The road begins in core/receive."""

from typing import IO, Final

from flask import Blueprint, Request, Response, request

from hub.boot import Hub
from hub.core.receive import (
    MAX_BYTES,
    BrokenBodyError,
    RawRequest,
    TooLargeError,
    receive,
)

# All of them: which one a provider may use is for its plugin to say.
METHODS: Final = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"),
    *("CONNECT", "PROPFIND", "QUERY"),
)


def blueprint(hub: Hub) -> Blueprint:
    """Serve `/webhooks/<slug>` and what a plugin declares below it."""
    made = Blueprint("webhooks", __name__, url_prefix="/webhooks")

    def take(slug: str, path: str = "") -> Response:
        reply = receive(hub, slug, _raw(request, path))
        answer = Response(reply.body, reply.status, content_type=reply.content_type)
        answer.headers.extend(dict(reply.headers))
        return answer

    for rule in ("/<slug>", "/<slug>/<path:path>"):
        made.add_url_rule(
            rule,
            endpoint="take",
            view_func=take,
            methods=METHODS,
            provide_automatic_options=False,
        )
    return made


def _raw(request: Request, path: str) -> RawRequest:
    return RawRequest(
        method=request.method,
        path=path,
        query=request.environ.get("QUERY_STRING", ""),
        headers=tuple(request.headers.items()),
        address=request.remote_addr or "",
        read=lambda: _read(request),
    )


def _read(request: Request) -> bytes:
    """Read the body; a declared length over the limit is refused before a byte.

    By hand: Werkzeug cuts a chunked body off at the limit without a word, and takes
    one that broke off for whole.
    """
    length = request.content_length
    if length is None and "wsgi.input_terminated" not in request.environ:
        return b""
    if (length or 0) > MAX_BYTES:
        raise TooLargeError
    wanted = MAX_BYTES + 1 if length is None else length
    try:
        body = _up_to(wanted, request.environ["wsgi.input"])
    except Exception as error:  # each server has its own for chunks that are wrong
        raise BrokenBodyError from error
    if len(body) > MAX_BYTES:
        raise TooLargeError
    if length is not None and len(body) < length:
        raise BrokenBodyError
    return body


def _up_to(size: int, stream: IO[bytes]) -> bytes:
    body = stream.read(size)
    if len(body) == size:
        return body
    pieces = [body]
    size -= len(body)
    while pieces[-1] and size:
        pieces.append(stream.read(size))
        size -= len(pieces[-1])
    return b"".join(pieces)

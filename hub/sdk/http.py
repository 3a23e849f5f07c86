"""The client plugins call their provider with: bounded, redacted, recorded.

HTTP status → error is translated here (and in `replies`) and nowhere else.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import requests

from hub.sdk import clock, outgoing, transport
from hub.sdk.addresses import EVERYWHERE, Addresses, Reach, is_loopback
from hub.sdk.conversation import Conversation
from hub.sdk.errors import (
    HubError,
    ProviderError,
    UnexpectedResponseError,
)
from hub.sdk.outgoing import Outgoing
from hub.sdk.records import CallRecord, Noted
from hub.sdk.redaction import Redactor
from hub.sdk.replies import (
    Explain,
    Reply,
    no_answer_error,
    retry_after,
    status_error,
)
from hub.sdk.webhooks import Headers

__all__ = [
    "ApiClient",
    "Around",
    "CallRecord",
    "Conversation",
    "Explain",
    "Outgoing",
    "Reply",
    "is_loopback",
    "retry_after",
]

TOTAL_SECONDS = 30.0
MAX_BYTES = 5 * 1024 * 1024
_PIECE = 64 * 1024
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
Around = Callable[[Outgoing], AbstractContextManager[object]]


class ApiClient:
    """Calls one provider for one connection. Made anew per hook call; connections
    to the provider are pooled per process and connection.

    `hosts` are the provider's own, `given` the URLs an admin wrote into the settings.
    Every call, failed or not, is handed to `record`. `around` is entered with each
    request before any byte may leave, stops it by raising, and sees how it ends.
    `reach` is asked of every address that is connected to.
    """

    def __init__(  # noqa: PLR0913 - core fills them by name in one place
        self,
        *,
        plugin: str,
        connection: str,
        title: str = "",
        hosts: Iterable[str] = (),
        given: Iterable[str] = (),
        api_base_url: str = "",
        redactor: Redactor | None = None,
        record: Callable[[CallRecord], None] = lambda record: None,
        around: Around = lambda request: nullcontext(),
        reach: Reach = EVERYWHERE,
        timeout: float = TOTAL_SECONDS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._plugin = plugin
        self._connection = connection
        self._title = title or plugin.title()
        self._addresses = Addresses(hosts, given, api_base_url)
        self._redactor = redactor or Redactor()
        self._record = record
        self._around = around
        self._reach = reach
        self._timeout = timeout
        self._max_bytes = max_bytes

    def __repr__(self) -> str:
        return f"<ApiClient {self._connection}>"

    def get(self, url: str, **options: Any) -> Reply:
        """GET; options as for `request`."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Reply:
        """POST; options as for `request`."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> Reply:
        """PUT; options as for `request`."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Any) -> Reply:
        """PATCH; options as for `request`."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> Reply:
        """DELETE; options as for `request`."""
        return self.request("DELETE", url, **options)

    def rewrite(self, url: str) -> str:
        """Return the address to use for one the provider documents.

        With `api_base_url` set, scheme and host are replaced and the path goes below
        the base's; without, only https to the provider's hosts is allowed.
        """
        return self._addresses.rewrite(url)

    def request(  # noqa: PLR0913 - the parts of an HTTP request
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        token: str | None = None,
        excerpt: bool = True,
        explain: Explain | None = None,
        timeout: float | None = None,
        reads: bool | None = None,
    ) -> Reply:
        """Make one call and return the provider's 2xx answer, or raise.

        `url` is the one the provider documents. `auth` is for Basic, `token` for
        Bearer. `explain` sees each reply first and may return the error it means,
        in the provider's own short words. `reads` says that a POST changes nothing
        (a token, a search); GET, HEAD and OPTIONS never do. `excerpt=False` keeps
        nothing of the bodies: for answers that hold tokens. `timeout` bounds the
        whole call, in seconds.
        """
        body, kind = outgoing.body_of(json, form, content)
        self._redactor.add(token or "")
        self._redactor.add(auth[1] if auth else "")
        standard = {"Accept": "application/json", "User-Agent": outgoing.user_agent()}
        signed = outgoing.authorization(auth, token)
        request = Outgoing(
            method.upper(),
            outgoing.with_params(self.rewrite(url), params),
            outgoing.merged(standard, kind, signed, headers or {}),
            body,
            method.upper() in _READS if reads is None else reads,
        )
        with self._around(request), self._recorded(request) as noted:
            return self._called(request, noted, excerpt, explain, timeout)

    @contextmanager
    def conversation(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        reads: bool = False,
        title: str | None = None,
    ) -> Iterator[Conversation]:
        """Talk in another protocol than HTTP to a server that an admin named, as
        `smtp://mail.example.com:587`, to send `body`, of which nothing is kept.

        A break inside becomes the ProviderError that it means (of the `title`d)."""
        host, port = self._addresses.server(url)
        request = Outgoing(method.upper(), url, {}, body, reads)
        with self._around(request), self._recorded(request) as noted:
            failed: HubError | None = None
            with transport.deadline(self._timeout) as call:
                call.sent = False
                try:
                    yield Conversation(host, port, call, self._redactor, noted)
                except OSError as caught:
                    name = title or self._title
                    failed = no_answer_error(name, caught, call, reads=reads)
            if failed:
                raise failed from None

    @contextmanager
    def _recorded(self, request: Outgoing) -> Iterator[Noted]:
        noted, started_at, started = Noted(), clock.now(), time.monotonic()
        error: BaseException | None = None
        try:
            yield noted
        except BaseException as caught:
            error = caught
            raise
        finally:
            self._record(
                CallRecord(
                    plugin=self._plugin,
                    connection=self._connection,
                    method=request.method,
                    url=self._redactor.url(request.url),
                    status=noted.status or getattr(error, "status", None),
                    error=self._told(error),
                    duration_ms=round((time.monotonic() - started) * 1000),
                    request_size=len(request.body or b""),
                    response_size=noted.size,
                    request_excerpt=noted.request,
                    response_excerpt=noted.answer,
                    started_at=started_at,
                )
            )

    def _called(
        self,
        request: Outgoing,
        noted: Noted,
        excerpt: bool,
        explain: Explain | None,
        timeout: float | None,
    ) -> Reply:
        if excerpt:
            noted.request = self._shown(request.body, request.headers)
        reply = self._exchange(request, noted, timeout or self._timeout)
        if excerpt:
            noted.answer = self._shown(reply.content, reply.headers)
        if error := self._error_of(request, reply, explain):
            raise error
        return reply

    def _shown(self, body: bytes | None, headers: Mapping[str, str]) -> str:
        kind = Headers(tuple(headers.items())).get("Content-Type", "")
        return self._redactor.excerpt(body or b"", kind)

    def _told(self, error: BaseException | None) -> str:
        if error is None:
            return ""
        # Only our own errors are known to hold no payload.
        said = f": {error}" if isinstance(error, HubError) else ""
        return self._redactor.text(f"{type(error).__name__}{said}")

    def _error_of(
        self, request: Outgoing, reply: Reply, explain: Explain | None
    ) -> ProviderError | None:
        by_status = status_error(self._title, reply, reads=request.reads)
        try:
            explained = explain(reply) if explain else None
        except UnexpectedResponseError:
            # A gateway's HTML page in place of the provider's JSON: the status says
            # more than that it isn't JSON.
            if by_status is None:
                raise
            return by_status
        if explained is None:
            return by_status
        explained.args = (self._redactor.text(str(explained)),)
        explained.status = explained.status or reply.status
        return explained

    def _exchange(self, request: Outgoing, noted: Noted, timeout: float) -> Reply:
        with transport.deadline(timeout, self._reach) as call:
            try:
                reply = self._sent(request, call)
                noted.status, noted.size = reply.status, len(reply.content)
                return reply
            except (requests.RequestException, TimeoutError) as caught:
                error = no_answer_error(self._title, caught, call, reads=request.reads)
        # Raised out here: the cause's text has the URL, which may be secret.
        raise error

    def _sent(self, request: Outgoing, call: transport.Call) -> Reply:
        with transport.session(self._connection).request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers,
            timeout=(transport.CONNECT_SECONDS, transport.READ_SECONDS),
            allow_redirects=False,
            stream=True,
            proxies=transport.proxies(request.url),
            verify=transport.certificates() or True,
        ) as response:
            content = bytearray()
            for piece in response.iter_content(_PIECE):
                content += piece
                call.left()
                if len(content) > self._max_bytes:
                    raise self._too_large(request, response.status_code)
            headers = Headers(tuple(response.headers.items()))
            return Reply(response.status_code, headers, bytes(content))

    def _too_large(self, request: Outgoing, status: int) -> ProviderError:
        return UnexpectedResponseError(
            f"{self._title} answered with more than {self._max_bytes} bytes. "
            "The plugin has to ask for less at a time.",
            status=status,
            outcome_unknown=not request.reads,
        )

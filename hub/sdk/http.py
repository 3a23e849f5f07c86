"""The client plugins call their provider with: bounded, redacted, recorded.

HTTP status → error is translated here and nowhere else.
"""

import base64
import ipaddress
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from importlib import metadata
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

import requests
from requests.utils import get_environ_proxies

from hub.sdk import clock, transport
from hub.sdk.errors import (
    CredentialsError,
    HubError,
    PluginError,
    ProviderError,
    RateLimitError,
    RejectedError,
    SettingsError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub.sdk.redaction import Redactor
from hub.sdk.webhooks import Headers

TOTAL_SECONDS = 30.0
MAX_BYTES = 5 * 1024 * 1024
LONGEST_WAIT = 7 * 24 * 3600.0
_PIECE = 64 * 1024
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Reply:
    """What the provider answered."""

    status: int
    headers: Headers = field(default_factory=lambda: Headers(()))
    content: bytes = field(default=b"", repr=False)

    @property
    def text(self) -> str:
        """The body as text, whatever it takes."""
        return self.content.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """Return the body as JSON, fractions as Decimal: money is never a float.

        Raises UnexpectedResponseError for anything else.
        """
        try:
            return json.loads(
                self.content, parse_float=Decimal, parse_constant=_no_constant
            )
        except (ValueError, RecursionError):
            pass
        raise UnexpectedResponseError(
            f"The provider's answer (HTTP {self.status}) is not JSON as it documents. "
            "See its status page; if it lasts, the plugin needs an update.",
            status=self.status,
        )


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """One call as it may be kept: secrets are out, excerpts are short."""

    plugin: str
    connection: str
    method: str
    url: str
    status: int | None
    error: str
    duration_ms: int
    request_size: int
    response_size: int
    request_excerpt: str
    response_excerpt: str
    started_at: datetime


Explain = Callable[[Reply], ProviderError | None]


@dataclass(frozen=True)
class _Request:
    """A request ready to be sent; `reads` if it changes nothing at the provider."""

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    reads: bool


class ApiClient:
    """Calls one provider for one connection. Made anew per hook call; connections
    to the provider are pooled per process and connection.

    `given` are URLs an admin wrote into the settings: their hosts are allowed
    beside `hosts`. Every call is handed to `record`; `before_send` is called before
    bytes of a call that changes something may leave.
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
        before_send: Callable[[bytes], None] = lambda body: None,
        timeout: float = TOTAL_SECONDS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._plugin = plugin
        self._connection = connection
        self._title = title or plugin.title()
        self._hosts = frozenset(host.lower() for host in hosts)
        self._given = frozenset(filter(None, map(_origin, given)))
        self._base = _checked_base(api_base_url)
        self._redactor = redactor or Redactor()
        self._record = record
        self._before_send = before_send
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

        `url` is the provider's documented URL. `auth` is for Basic, `token` for
        Bearer. `explain` sees each reply first and may return the error it means,
        in the provider's own short words. `reads` says that a POST changes nothing
        (a token, a search); GET, HEAD and OPTIONS never do. `excerpt=False` keeps
        nothing of the bodies: for answers that hold tokens.
        """
        method = method.upper()
        body, kind = _body(json, form, content)
        known = {"Accept": "application/json", "User-Agent": _user_agent()}
        known |= {"Content-Type": kind} if kind else {}
        for secret in (token, auth and auth[1]):
            self._redactor.add(secret or "")
        merged = _merged(known, _authorization(auth, token), headers or {})
        request = _Request(
            method,
            _with_params(self.rewrite(url), params),
            merged,
            body,
            method in _READS if reads is None else reads,
        )
        return self._recorded(request, excerpt, explain, timeout or self._timeout)

    def rewrite(self, url: str) -> str:
        """Return the URL to use in place of the provider's documented one.

        With `api_base_url` set, scheme and host are replaced and the path goes
        below the base's; else the URL comes back as it is if it is allowed.
        """
        if self._base is None:
            self._check_host(url)
            return url
        parts = urlsplit(url)
        below = self._base.path.rstrip("/")
        if _origin(url) == _origin(self._base.geturl()) and (
            parts.path == below or parts.path.startswith(below + "/")
        ):
            return url
        return urlunsplit(
            parts._replace(
                scheme=self._base.scheme,
                netloc=self._base.netloc,
                path=below + parts.path,
            )
        )

    def _check_host(self, url: str) -> None:
        parts = _split(url)
        if _origin(url) in self._given:
            if parts.scheme == "https" or is_loopback(parts.hostname or ""):
                return
            raise SettingsError(
                f"The address of {self._title} in this connection's settings must "
                "begin with https://."
            )
        plain = parts.scheme == "https" and not parts.username and not parts.password
        if not (plain and parts.port in (None, 443) and parts.hostname in self._hosts):
            raise PluginError(
                f"The plugin {self._plugin} wanted to call an address that is not one "
                f"of {self._title}'s own; the call was not made."
            )

    def _recorded(
        self, request: _Request, excerpt: bool, explain: Explain | None, timeout: float
    ) -> Reply:
        started_at, started = clock.now(), time.monotonic()
        reply: Reply | None = None
        error: BaseException | None = None
        try:
            if not request.reads:
                self._before_send(request.body or b"")
            reply = self._exchange(request, timeout)
            error = self._error_of(request, reply, explain)
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
                    status=reply.status
                    if reply is not None
                    else getattr(error, "status", None),
                    error=self._told(error),
                    duration_ms=round((time.monotonic() - started) * 1000),
                    request_size=len(request.body or b""),
                    response_size=len(reply.content) if reply is not None else 0,
                    request_excerpt=self._excerpt(request.body, request.headers)
                    if excerpt
                    else "",
                    response_excerpt=self._excerpt(reply.content, reply.headers)
                    if excerpt and reply is not None
                    else "",
                    started_at=started_at,
                )
            )
        if error:
            raise error
        return reply

    def _excerpt(self, body: bytes | None, headers: Mapping[str, str]) -> str:
        return self._redactor.excerpt(body or b"", headers.get("Content-Type", ""))

    def _told(self, error: BaseException | None) -> str:
        if error is None:
            return ""
        # Only our own errors are known to hold no payload.
        said = f": {error}" if isinstance(error, HubError) else ""
        return self._redactor.text(f"{type(error).__name__}{said}")

    def _exchange(self, request: _Request, timeout: float) -> Reply:
        with transport.deadline(timeout) as call:
            try:
                return self._sent(request, call)
            except requests.RequestException as caught:
                error = self._transport_error(request, call, caught)
            except TimeoutError:
                error = self._broken_off(request, call, "took too long to answer")
        # Raised out here: the cause's text has the URL, which may be secret.
        raise error

    def _sent(self, request: _Request, call: transport.Call) -> Reply:
        with transport.session(self._connection).request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers,
            timeout=(transport.CONNECT_SECONDS, transport.READ_SECONDS),
            allow_redirects=False,
            stream=True,
            proxies=_proxies(request.url),
            verify=_certificates(),
        ) as response:
            content = bytearray()
            for piece in response.iter_content(_PIECE):
                content += piece
                if len(content) > self._max_bytes:
                    raise self._too_large(request, response.status_code)
                call.left()
            headers = Headers(tuple(response.headers.items()))
            return Reply(response.status_code, headers, bytes(content))

    def _too_large(self, request: _Request, status: int) -> ProviderError:
        return UnexpectedResponseError(
            f"{self._title} answered with more than {self._max_bytes} bytes. "
            "The plugin has to ask for less at a time.",
            status=status,
            outcome_unknown=not request.reads,
        )

    def _transport_error(
        self, request: _Request, call: transport.Call, error: Exception
    ) -> HubError:
        if isinstance(error, ValueError) and not isinstance(error, OSError):
            return PluginError(
                f"The plugin {self._plugin} built a request that can't be sent."
            )
        if isinstance(error, requests.exceptions.ContentDecodingError):
            return UnexpectedResponseError(
                f"{self._title}'s answer is damaged: its compression can't be undone.",
                outcome_unknown=not request.reads,
            )
        if isinstance(error, requests.exceptions.SSLError) and not call.sent:
            return UnavailableError(
                f"The certificate of {self._title} could not be checked, so nothing "
                "was sent. If a proxy stands between, REQUESTS_CA_BUNDLE names its "
                "certificates."
            )
        if _never_sent(error, call):
            return UnavailableError(
                f"{self._title} could not be reached; nothing was sent. "
                "It is tried again by itself."
            )
        late = isinstance(error, requests.Timeout) or "timed out" in str(error).lower()
        what = "took too long to answer" if late else "broke off the connection"
        return self._broken_off(request, call, what)

    def _broken_off(
        self, request: _Request, call: transport.Call, what: str
    ) -> UnavailableError:
        unknown = not request.reads and call.sent is not False
        doubt = " It is not known whether the request took effect." if unknown else ""
        return UnavailableError(
            f"{self._title} {what}.{doubt}", outcome_unknown=unknown
        )

    def _error_of(
        self, request: _Request, reply: Reply, explain: Explain | None
    ) -> ProviderError | None:
        error = self._explained(reply, explain)
        if error is None and not 200 <= reply.status < 300:
            return self._status_error(request, reply)
        return error

    def _explained(self, reply: Reply, explain: Explain | None) -> ProviderError | None:
        if explain is None:
            return None
        try:
            error = explain(reply)
        except UnexpectedResponseError:
            # A gateway's HTML page in place of the provider's JSON: the status says
            # more than that it isn't JSON.
            if 200 <= reply.status < 300:
                raise
            return None
        if error is not None:
            error.args = (self._redactor.text(str(error)),)
            if error.status is None:
                error.status = reply.status
        return error

    def _status_error(self, request: _Request, reply: Reply) -> ProviderError:
        status, said = reply.status, f"(HTTP {reply.status})"
        if status in (401, 403):
            return CredentialsError(
                f"{self._title} refused our credentials {said}. "
                "Check them on the connection's page, or authorize it again.",
                status=status,
            )
        wait = retry_after(reply.headers.get("Retry-After"))
        if status == 429 or (status == 503 and wait is not None):
            return RateLimitError(
                f"{self._title} asks us to wait {said}. It is tried again by itself.",
                retry_after=wait,
                status=status,
            )
        if status == 408 or status >= 500:
            return UnavailableError(
                f"{self._title} can't answer now {said}. It is tried again by itself.",
                status=status,
                outcome_unknown=not request.reads and _may_have_worked(status),
            )
        if 400 <= status < 500:
            return RejectedError(
                f"{self._title} refused the request {said}. Trying it again as it is "
                "will not help; see the call's details.",
                status=status,
            )
        return UnexpectedResponseError(
            f"{self._title} answered with HTTP {status}, which it does not document. "
            "Check api_base_url if one is set.",
            status=status,
        )


def _may_have_worked(status: int) -> bool:
    """Tell whether a request answered so may have taken effect all the same.

    A gateway (502, 504) doesn't know. Nor does a program that failed on its way
    (500): Stripe and PayPal both say that its result is unknown, and taking it for
    a definite failure would send money again under a new idempotency key. 503 and
    408 are answered in place of doing it.
    """
    return status not in (408, 503)


def retry_after(value: str | None) -> float | None:
    """Read a Retry-After header, seconds or date, as seconds from now."""
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", value, re.ASCII):
        return min(float(value), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
        seconds = (moment - clock.now()).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine by name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _never_sent(error: Exception, call: transport.Call) -> bool:
    if call.sent is not None:
        return not call.sent
    # No real connection took it up: a test's stand-in.
    return isinstance(error, requests.ConnectTimeout)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    return parts


def _origin(url: str) -> tuple[str, str, int] | None:
    parts = _split(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    if default is None or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, parts.port or default


def _checked_base(url: str) -> SplitResult | None:
    if not url:
        return None
    parts = _split(url)
    secure = parts.scheme == "https" or is_loopback(parts.hostname or "")
    if _origin(url) is None or not secure or parts.username or parts.query:
        raise SettingsError(
            "api_base_url must be an address such as https://eu.example.com or "
            "http://localhost:8100/name; http only for this machine."
        )
    return parts


def _proxies(url: str) -> dict[str, str]:
    # A proxy for the outside has no way to our own simulators.
    if is_loopback(urlsplit(url).hostname or ""):
        return {}
    return {**get_environ_proxies(url)}


def _certificates() -> str | bool:
    named = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    return next((os.environ[name] for name in named if os.environ.get(name)), True)


@cache
def _user_agent() -> str:
    return f"msp-hub/{metadata.version('msp-hub')}"


def _with_params(url: str, params: Mapping[str, str] | None) -> str:
    if not params:
        return url
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(params))))
    return urlunsplit(parts._replace(query=query))


def _body(
    value: Any, form: Mapping[str, str] | None, content: bytes | None
) -> tuple[bytes | None, str]:
    if value is not None:
        text = json.dumps(value, separators=(",", ":"), default=_json_number)
        return text.encode(), "application/json"
    if form is not None:
        return urlencode(form).encode(), _FORM
    return content, ""


def _json_number(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        for number in (int(value), float(value)):
            if Decimal(repr(number)) == value:
                return number
    raise PluginError("A request holds a value that JSON can't carry exactly.")


def _authorization(auth: tuple[str, str] | None, token: str | None) -> dict[str, str]:
    if auth is not None:
        pair = base64.b64encode(":".join(auth).encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    if token is None:
        return {}
    if re.search(r"[^\x21-\x7e]", token):
        raise CredentialsError(
            "The token holds characters that can't be sent. Enter it again: a blank "
            "or line break may have come along when it was copied."
        )
    return {"Authorization": f"Bearer {token}"}


def _merged(*groups: Mapping[str, str]) -> dict[str, str]:
    """Join headers, later ones over earlier ones without regard to case."""
    merged: dict[str, tuple[str, str]] = {}
    for group in groups:
        merged |= {name.lower(): (name, value) for name, value in group.items()}
    return dict(merged.values())

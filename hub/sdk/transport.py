"""Connections to providers whose every byte is bounded by one deadline per call.

The time-out of requests counts from byte to byte: a server that drips holds a
thread for ever. Here each send and each read gets only what the call has left.
"""

import io
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from hub.sdk.addresses import EVERYWHERE, Reach, is_loopback

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
# A server may close an idle connection just as we send on it (Node does after
# five seconds), and then nobody knows whether it heard us.
IDLE_SECONDS = 4.0
_PIECE = 16 * 1024

# They log the path of each call, and a webhook's path is its secret. Calls are kept
# in `api_calls`, redacted.
logging.getLogger("urllib3").setLevel(logging.ERROR)


@dataclass
class Call:
    """The call being made: its deadline, and whether bytes of it may have left
    (None until a real connection took it up). `reach` is asked at each connect."""

    deadline: float
    sent: bool | None = None
    reach: Reach = EVERYWHERE

    def left(self, most: float | None = None) -> float:
        """Return the seconds left, `most` at most, or raise TimeoutError."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the call took too long")
        return seconds if most is None else min(seconds, most)

    def is_over(self) -> bool:
        """Tell whether the deadline has passed."""
        return time.monotonic() >= self.deadline


_call: ContextVar[Call] = ContextVar("call")


@contextmanager
def deadline(seconds: float, reach: Reach = EVERYWHERE) -> Iterator[Call]:
    """Bound everything sent and read inside to `seconds` altogether, and to `reach`."""
    call = Call(time.monotonic() + seconds, reach=reach)
    token = _call.set(call)
    try:
        yield call
    finally:
        _call.reset(token)


class _BoundedFile(io.RawIOBase):
    """What a response is read from; holds the socket open as its own file does.

    With `largest`, it breaks off after so many bytes.
    """

    def __init__(self, sock: socket.socket, largest: int | None = None) -> None:
        self._sock = sock
        self._largest, self._read = largest, 0
        self._file = sock.makefile("rb", buffering=0)
        self._most = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_call.get().left(self._most))
        count = self._file.readinto(buffer)
        self._read += count or 0
        if self._largest is not None and self._read > self._largest:
            raise ConnectionAbortedError("the other side says too much")
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def reader(sock: socket.socket, largest: int | None = None) -> io.BufferedReader:
    """Return a file to read from, of which each read gets what the call has left;
    after `largest` bytes it breaks off."""
    return io.BufferedReader(_BoundedFile(sock, largest))


def certificates() -> str | None:
    """Name the file of trusted certificates that the environment asks for."""
    named = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    return next((os.environ[name] for name in named if os.environ.get(name)), None)


def proxies(url: str) -> dict[str, str]:
    """Return the proxies that the environment asks for."""
    # A proxy for the outside has no way to our own simulators.
    if is_loopback(urlsplit(url).hostname or ""):
        return {}
    return {**get_environ_proxies(url)}


class _BoundedSocket:
    """All that http.client asks of a socket when it makes a response."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return reader(self._sock)


class _BoundedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(_BoundedSocket(sock), *args, **options)  # type: ignore[arg-type]


class _Bounded(HTTPConnection):
    """Mixed into both kinds of connection."""

    response_class = _BoundedResponse
    _used = 0.0

    @property
    def is_connected(self) -> bool:
        fresh = time.monotonic() - self._used < IDLE_SECONDS
        return fresh and super().is_connected

    def connect(self) -> None:
        call = _call.get()
        try:
            self.timeout = call.left(CONNECT_SECONDS)
            super().connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        finally:
            # A proxy was spoken to at the most; the request itself is still here.
            call.sent = False

    def _new_conn(self) -> socket.socket:
        # What a proxy connects to is the proxy's to judge.
        if self.proxy:
            return super()._new_conn()
        name = self._dns_host
        try:
            return self._connected(name)
        finally:
            self._dns_host = name  # TLS asks for the name

    def _connected(self, name: str) -> socket.socket:
        """Connect to an address that was looked at, and not to the name again."""
        addresses = _looked_up(name, self.port)
        for address in addresses:
            _call.get().reach.check(name, address)
        for address in addresses[:-1]:
            self._dns_host = address
            with suppress(NewConnectionError):
                return super()._new_conn()
        self._dns_host = addresses[-1] if addresses else name
        return super()._new_conn()

    def send(self, data: Any) -> None:
        call = _call.get()
        self._used = time.monotonic()
        if self.sock is None:
            self.connect()
        call.sent = True
        for start in range(0, len(data), _PIECE):
            self.sock.settimeout(call.left(CONNECT_SECONDS))
            super().send(data[start : start + _PIECE])


def _looked_up(name: str, port: int | None) -> list[str]:
    """The addresses a name leads to; [] leaves it to the connection to say so."""
    with suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(name.strip("[]"), port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))
    return []


class _HTTPSConnection(_Bounded, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


def session(connection: str) -> requests.Session:
    """Return this process's session for one connection, with its pool."""
    return _session(os.getpid(), connection)


@lru_cache(maxsize=256)
def _session(_process: int, _connection: str) -> requests.Session:
    # Setting up a connection is all that is repeated: nothing was sent yet.
    # (False is 0 that keeps the error as it was.)
    retry = Retry(
        total=None,
        connect=2,
        read=False,
        redirect=0,
        status=0,
        other=0,
        backoff_factor=0.1,
        respect_retry_after_header=False,
        raise_on_status=False,
    )
    made = requests.Session()
    # No .netrc over our credentials; proxies and certificates are asked for by hand.
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    made.headers.clear()
    made.headers["Accept-Encoding"] = "gzip, deflate"
    adapter = _Adapter(pool_connections=16, pool_maxsize=64, max_retries=retry)
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    return made

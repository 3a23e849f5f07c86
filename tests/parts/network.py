"""No test talks to anything but this machine."""

import ipaddress
import socket
import sys
from collections.abc import Callable
from typing import Any

HERE = {"localhost", "", "0.0.0.0", "::", None}  # noqa: S104 - addresses to listen on


class NetworkForbiddenError(RuntimeError):
    """A test tried to leave the machine; no OSError, so that nothing swallows it."""


def is_here(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in HERE or (name and name.endswith(".localhost")):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _address(arguments: tuple[Any, ...]) -> str | bytes | None:
    _, address = arguments[:2]
    # Anything but a tuple is a Unix socket's path.
    return address[0] if isinstance(address, tuple) else "localhost"


HOST_OF: dict[str, Callable[[tuple[Any, ...]], str | bytes | None]] = {
    "socket.connect": _address,
    "socket.sendto": _address,
    "socket.getaddrinfo": lambda arguments: arguments[0],
    "socket.gethostbyname": lambda arguments: arguments[0],
}


def guard(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook sees gevent's sockets as well as Python's own."""
    host_of = HOST_OF.get(event)
    if host_of is None:
        return
    host = host_of(arguments)
    if not is_here(host) and host != socket.gethostname():
        raise NetworkForbiddenError(
            f"A test tried to reach {host!r}: give it a simulator or a fake."
        )


def pytest_configure() -> None:
    sys.addaudithook(guard)

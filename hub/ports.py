"""Ports to listen on: refuse one that is taken before anything starts, find a free
one."""

import socket
from contextlib import suppress

from hub.sdk.errors import SettingsError


def check(host: str, port: int) -> None:
    """Raise SettingsError unless a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"Port {port} can't be used: {error.strerror}. Choose another"
                " with --port."
            ) from error


def free(*wanted: int, host: str = "127.0.0.1") -> int:
    """The first of the wanted ports that is free, else any that is."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (*wanted, 0):
        with (
            socket.socket(family, socket.SOCK_STREAM) as probe,
            suppress(OSError, OverflowError),
        ):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    raise SettingsError(f"No port is free on {host}.")

"""Servers on loopback that misbehave byte by byte."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behaviour = Callable[[socket.socket, threading.Event], None]


@contextmanager
def server(
    behave: Behaviour, context: ssl.SSLContext | None = None
) -> Iterator[tuple[str, int]]:
    """Serve `behave` for each connection, in a thread; yield its address."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def handle(connection: socket.socket) -> None:
        with suppress(OSError):
            wrapped = (
                context.wrap_socket(connection, server_side=True)
                if context
                else connection
            )
            with wrapped:
                behave(wrapped, over)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()
    finally:
        over.set()
        # Closing alone doesn't wake a thread that waits in accept.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def read_request(connection: socket.socket) -> bytes:
    """Read a request's head and body, by its Content-Length."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = got.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value) and (more := connection.recv(65536)):
                body += more
    return head + b"\r\n\r\n" + body


def answers(raw: bytes) -> Behaviour:
    """Answer `raw` to the first request, then close."""

    def behave(connection: socket.socket, _over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(raw)

    return behave


LONGEST_DRIP = 20.0


def drips(start: bytes, every: float = 0.05) -> Behaviour:
    """Answer `start`, then one byte at a time; a call nobody bounds ends at last."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(start)
        for _ in range(int(LONGEST_DRIP / every)):
            if over.wait(every):
                return
            connection.sendall(b"x")

    return behave


def never_answers(connection: socket.socket, over: threading.Event) -> None:
    """Take the request and say nothing."""
    read_request(connection)
    over.wait(30)


def hangs_up(connection: socket.socket, _over: threading.Event) -> None:
    """Take the request and close."""
    read_request(connection)


def never_reads(_connection: socket.socket, over: threading.Event) -> None:
    """Accept and read nothing."""
    over.wait(30)

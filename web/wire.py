"""WebSocket frames onto sockets, without ever waiting for a slow client."""

import struct
import threading
import time
from contextlib import suppress
from socket import MSG_DONTWAIT, SHUT_RDWR
from typing import Any

PATIENCE = 10.0  # seconds in which a client must take something
LARGEST_BACKLOG = 256 * 1024
_PING = b"\x89\x00"
_GOING_AWAY = b"\x88\x02" + struct.pack(">H", 1001)


def frame(text: str) -> bytes:
    """One text message as a server sends it: the same bytes for each client."""
    data = text.encode()
    if len(data) < 126:
        return b"\x81" + bytes([len(data)]) + data
    if len(data) < 1 << 16:
        return b"\x81\x7e" + struct.pack(">H", len(data)) + data
    return b"\x81\x7f" + struct.pack(">Q", len(data)) + data


class SocketLine:
    """The socket of one WebSocket. It takes the socket's place there, so that what
    simple-websocket sends by itself (pongs, the close) keeps the order."""

    __slots__ = ("_backlog", "_lock", "_raw", "_since", "_sock", "_ws", "gone")

    def __init__(self, ws: Any) -> None:
        self._ws = ws
        self._sock = ws.sock
        # gevent's own socket would let other greenlets run until all is sent.
        self._raw = getattr(ws.sock, "_sock", ws.sock)
        self._lock = threading.Lock()
        self._backlog = b""
        self._since = 0.0
        self.gone = False
        ws.sock = self

    def write(self, frame: bytes) -> None:
        """Send, or keep what the client doesn't take now."""
        with self._lock:
            if self.gone:
                return
            if self._backlog:
                self._backlog += frame
            else:
                self._since = time.monotonic()
                self._backlog = frame
                self._push()
            if len(self._backlog) > LARGEST_BACKLOG:
                self._end()

    def tend(self) -> None:
        """Send what is kept; drop a client that took nothing for too long."""
        if not self._backlog:
            return
        with self._lock:
            self._push()
            if self._backlog and time.monotonic() - self._since > PATIENCE:
                self._end()

    def ping(self) -> None:
        """Ask for a sign of life; drop a client that gave none since the last time."""
        if not self._ws.pong_received:
            self.drop()
            return
        self._ws.pong_received = False
        self.write(_PING)

    def drained(self) -> bool:
        """Wait until the client has taken all; False if it is gone."""
        while self._backlog and not self.gone:
            self.tend()
            time.sleep(0.02)
        return not self.gone

    def drop(self) -> None:
        """Say goodbye and end the connection."""
        self.write(_GOING_AWAY)
        with self._lock:
            self._end()

    def _push(self) -> None:
        try:
            while self._backlog and not self.gone:
                sent = self._raw.send(self._backlog, MSG_DONTWAIT)
                self._backlog = self._backlog[sent:]
                self._since = time.monotonic()
        except (BlockingIOError, TimeoutError):
            pass
        except OSError:
            self._end()

    def _end(self) -> None:
        self.gone, self._backlog = True, b""
        with suppress(OSError):
            self._sock.shutdown(SHUT_RDWR)  # wakes who reads from it

    # What simple-websocket wants of a socket.

    def send(self, data: bytes) -> int:
        self.write(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        data: bytes = self._sock.recv(size)
        return data

    def close(self) -> None:
        self.gone = True
        self._sock.close()

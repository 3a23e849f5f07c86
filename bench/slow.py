"""A provider that answers every POST after a fixed time, and counts."""

import asyncio
import contextlib
import multiprocessing
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from typing import Any


@dataclass
class Slow:
    """The running provider: its port and what it has seen."""

    port: int
    seen: "Synchronized[int]"
    last: "Synchronized[float]"

    def wait_for(self, count: int, seconds: float) -> float:
        """Wait until `count` requests came; return the time of the last one."""
        deadline = time.monotonic() + seconds
        while self.seen.value < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.last.value


@contextlib.contextmanager
def slow(seconds: float, *, drip: bool = False) -> Iterator[Slow]:
    """Run the provider in a process of its own."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    seen: Any = multiprocessing.Value("q", 0)
    last: Any = multiprocessing.Value("d", 0.0)
    process = multiprocessing.get_context("fork").Process(
        target=_serve, args=(listener, seconds, drip, seen, last), daemon=True
    )
    process.start()
    try:
        yield Slow(listener.getsockname()[1], seen, last)
    finally:
        process.terminate()
        process.join()
        listener.close()


def _serve(
    listener: socket.socket, seconds: float, drip: bool, seen: Any, last: Any
) -> None:
    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(head))
                with seen.get_lock():
                    seen.value += 1
                last.value = time.monotonic()
                await asyncio.sleep(0 if drip else seconds)
                reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                if not drip:
                    writer.write(reply)
                    continue
                for byte in reply:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(1)

    async def main() -> None:
        server = await asyncio.start_server(answer, sock=listener)
        await server.serve_forever()

    asyncio.run(main())


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":", 1)[1])
    return 0

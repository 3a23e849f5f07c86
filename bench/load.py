"""A load generator of our own: many keep-alive connections, pre-built requests.

It runs in a process of its own and is the same for the hub and for its baseline, so
what it costs cancels out of the ratios.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass
class Result:
    """What one run did: answers per second and latencies in milliseconds."""

    requests: int
    seconds: float
    latencies: list[float]
    bad: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    @property
    def median(self) -> float:
        return statistics.median(self.latencies)


class _Client(asyncio.Protocol):
    """One connection: sends the next request when an answer is complete."""

    def __init__(self, run: "_Run") -> None:
        self.run = run
        self.buffer = b""
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.next()

    def next(self) -> None:
        request = self.run.take()
        if request is None:
            self.transport.close()
            return
        self.sent = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator or len(rest) < _length(head):
            return
        self.run.answered(time.perf_counter() - self.sent, _is_ok(head))
        self.buffer = b""
        self.next()

    def connection_lost(self, error: Exception | None) -> None:
        self.run.lost()


class _Run:
    def __init__(self, requests: Iterator[bytes], seconds: float) -> None:
        self.requests = requests
        self.ends = time.perf_counter() + seconds
        self.latencies: list[float] = []
        self.bad = 0
        self.open = 0
        self.done = asyncio.get_running_loop().create_future()

    def take(self) -> bytes | None:
        if time.perf_counter() > self.ends:
            return None
        return next(self.requests, None)

    def answered(self, seconds: float, ok: bool) -> None:
        self.latencies.append(seconds * 1000)
        self.bad += not ok

    def lost(self) -> None:
        self.open -= 1
        if self.open == 0 and not self.done.done():
            self.done.set_result(None)


def run(
    port: int, requests: Callable[[], Iterator[bytes]], *, seconds: float, clients: int
) -> Result:
    """Send requests for `seconds` over `clients` connections."""

    async def main() -> Result:
        state = _Run(requests(), seconds)
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        for _ in range(clients):
            state.open += 1
            await loop.create_connection(lambda: _Client(state), "127.0.0.1", port)
        await state.done
        took = time.perf_counter() - started
        return Result(len(state.latencies), took, state.latencies, state.bad)

    return asyncio.run(main())


def post(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """Build one request as bytes."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":", 1)[1])
    return 0


def _is_ok(head: bytes) -> bool:
    return head.startswith(b"HTTP/1.1 2")

"""Goal 4 at 1,000 sockets: the feed, beside flask-sock as its documentation has it."""

import asyncio
import base64
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import servers
from hub import boot
from hub import settings as hub_settings
from hub.boot import Hub
from hub.core import notify
from hub.core.people import accounts

CLIENTS = 1_000
ROUNDS = 40


@dataclass
class Sockets:
    """Many WebSocket clients in one loop; each frame is stamped as it arrives."""

    port: int
    path: str
    headers: str
    arrived: dict[str, list[float]] = field(default_factory=dict)
    open: int = 0
    # The loop itself keeps no more than a weak reference.
    reading: set[asyncio.Task[None]] = field(default_factory=set)

    async def connect(self, count: int) -> None:
        """Open connections, fifty at a time."""
        for start in range(0, count, 50):
            some = range(start, min(start + 50, count))
            await asyncio.gather(*(self._client() for _ in some))

    async def _client(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"{self.headers}\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(head.decode())
        self.open += 1
        self.reading.add(asyncio.create_task(self._read(reader, writer)))

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            opcode, length = await reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2))
            payload = await reader.readexactly(length)
            if opcode & 15 == 9:
                mask = bytes(4)
                writer.write(bytes([0x8A, 0x80 | len(payload)]) + mask + payload)
            elif opcode & 15 == 1:
                self._note(payload)

    def _note(self, payload: bytes) -> None:
        frame = json.loads(payload)
        if frame.get("type") == "notification":
            key = frame["notification"]["data"]["key"]
            self.arrived.setdefault(key, []).append(time.monotonic())

    async def wait_for(self, key: str, count: int, seconds: float = 20) -> None:
        """Wait until `count` clients have the frame."""
        deadline = time.monotonic() + seconds
        while len(self.arrived.get(key, ())) < count and time.monotonic() < deadline:
            await asyncio.sleep(0.0005)


def measure() -> dict[str, object]:
    """Hub and baseline one after the other; memory per idle client, latencies."""
    ours = _hub()
    baseline = _baseline()
    return {"goal": "4 feed", "clients": CLIENTS, "hub": ours, "baseline": baseline}


def _hub() -> dict[str, object]:
    port = servers.free_port()
    with servers.place("sqlite", port=port) as place:
        hub = boot.start(hub_settings.load(place.environment))
        with hub.write() as session:
            _, everyone = accounts.create_token(session, "everyone", "billing")
            _, one = accounts.create_token(session, "one", "billing")
            users = [
                accounts.find_token(session, token).user_id  # type: ignore[union-attr]
                for token in (everyone, one)
            ]
        with place.part("web", "--port", str(port), "--workers", "1") as web:
            servers.wait_for(port, web)
            return asyncio.run(_drive(hub, port, everyone, one, users, web.pid))


async def _drive(
    hub: Hub, port: int, everyone: str, one: str, users: list[str], pid: int
) -> dict[str, object]:
    header = "Authorization: Bearer {}\r\n"
    all_ = Sockets(port, "/feed", header.format(everyone))
    own = Sockets(port, "/feed", header.format(one))
    # Imports and database connections of the first requests are nobody's share.
    first = Sockets(port, "/feed", header.format(everyone))
    await first.connect(50)
    await asyncio.sleep(1)
    before = _memory(pid)
    await all_.connect(CLIENTS)
    await own.connect(1)
    await asyncio.sleep(2)
    memory = (_memory(pid) - before) / CLIENTS
    single, broadcast = [], []
    for number in range(ROUNDS):
        single.append(await _one(hub, own, users[1], f"own{number}", 1))
    for number in range(10):
        broadcast.append(await _one(hub, all_, users[0], f"all{number}", CLIENTS))
    hub.database.dispose()
    return {
        "kb_per_client": round(memory),
        "own_p50_p99_ms": _percentiles(single),
        "broadcast_p50_p99_ms": _percentiles(broadcast),
        "delivered": sum(len(x) for x in all_.arrived.values()) / (10 * CLIENTS),
    }


async def _one(
    hub: Hub, sockets: Sockets, user: str, key: str, count: int
) -> list[float]:
    def write() -> float:
        with hub.write() as session:
            notify.notify(session, user, "bench", {"key": key}, title="x", key=key)
        return time.monotonic()

    committed = await asyncio.to_thread(write)
    await sockets.wait_for(key, count)
    await asyncio.sleep(0.02)
    return [max(0.0, at - committed) for at in sockets.arrived.get(key, [])]


def _baseline() -> dict[str, object]:
    """flask-sock with a queue per client, on the same server."""
    port = servers.free_port()
    with servers.place("sqlite", port=port) as place:
        url = place.environment["HUB_REDIS_URL"]
        flags = ("-k", "gevent", "-w", "1", "--worker-connections", "5000")
        with servers.gunicorn(
            "bench.plain_feed:app", port, *flags, env={"BENCH_REDIS_URL": url}
        ) as web:
            return asyncio.run(_drive_plain(url, port, web.pid))


async def _drive_plain(url: str, port: int, pid: int) -> dict[str, object]:
    from redis import Redis

    client = Redis.from_url(url)
    before = _memory(pid)
    sockets = Sockets(port, "/feed", "")
    await sockets.connect(CLIENTS)
    await asyncio.sleep(2)
    memory = (_memory(pid) - before) / CLIENTS
    times = []
    for number in range(10):
        key = f"all{number}"
        frame = {"type": "notification", "notification": {"data": {"key": key}}}
        client.publish("plain", json.dumps(frame))
        sent = time.monotonic()
        await sockets.wait_for(key, CLIENTS)
        await asyncio.sleep(0.02)
        times.append([max(0.0, at - sent) for at in sockets.arrived.get(key, [])])
    return {
        "kb_per_client": round(memory),
        "broadcast_p50_p99_ms": _percentiles(times),
    }


def _percentiles(runs: list[list[float]]) -> tuple[float, float]:
    times = sorted(time for run in runs for time in run)
    if not times:
        return (float("nan"), float("nan"))
    picked = (times[len(times) // 2], times[int(len(times) * 0.99)])
    return (round(picked[0] * 1000, 1), round(picked[1] * 1000, 1))


def _memory(pid: int) -> float:
    """Resident memory of a process and those below it, in KB (Linux)."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    total, waiting = 0.0, [pid]
    while waiting:
        each = waiting.pop()
        waiting += children.get(each, [])
        try:
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(
            float(line.split()[1])
            for line in rollup.splitlines()
            if line.startswith("Pss:")
        )
    return total

"""Goal 3: deliveries to a provider that answers in 100 ms; and one slow provider
beside a quick one."""

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from bench import servers
from bench.slow import Slow, slow
from hub import boot
from hub import settings as hub_settings
from hub.boot import Hub
from hub.core import connections, messages
from hub.sdk.events import Message

ANSWERS_IN = 0.1
BARE_THREADS = 64


def measure(database: str, *, count: int = 3_000) -> dict[str, object]:
    """Deliver `count` messages with one delivering process; the baseline posts the
    same number from a bare thread pool in the same run."""
    with slow(ANSWERS_IN) as provider:
        bare = _bare(provider, min(count, 1_500))
    with slow(ANSWERS_IN) as provider:
        port = servers.free_port()
        with servers.place(database, port=port) as place:
            hub = boot.start(hub_settings.load(place.environment))
            _connect(hub, "slack", provider.port)
            _queue(hub, "slack", count)
            hub.database.dispose()
            with place.part("worker", "--process", "0", "--deliver", "1"):
                rate = _rate(provider, count)
    return {
        "goal": "3 deliver",
        "database": database,
        "per_second": round(rate),
        "bare_pool_of_64_per_second": round(bare),
        "ratio": round(rate / bare, 2),
    }


def idle(database: str, *, rounds: int = 30) -> dict[str, object]:
    """From a message's commit to the provider's seeing it, with nothing else to do."""
    times = []
    with slow(0.0) as provider:
        port = servers.free_port()
        with servers.place(database, port=port) as place:
            hub = boot.start(hub_settings.load(place.environment))
            _connect(hub, "slack", provider.port)
            with place.part("worker", "--process", "0", "--deliver", "1"):
                _queue(hub, "slack", 1)
                provider.wait_for(1, 30)
                for number in range(rounds):
                    time.sleep(0.2)
                    started = time.monotonic()
                    _queue(hub, "slack", 1)
                    times.append(provider.wait_for(number + 2, 10) - started)
            hub.database.dispose()
    times.sort()
    return {
        "goal": "3 idle",
        "database": database,
        "commit_to_provider_p50_ms": round(times[len(times) // 2] * 1000),
        "p95_ms": round(times[int(len(times) * 0.95)] * 1000),
    }


def beside_slow(
    database: str, *, count: int = 1_800, pairs: int = 3
) -> dict[str, object]:
    """A quick connection alone, then beside one that answers in 30 s and one that
    drips a byte a second; in pairs, since a machine's speed changes by the minute."""
    found = [
        (_quick(database, count, others=False), _quick(database, count, others=True))
        for _ in range(pairs)
    ]
    ratios = sorted(beside / alone for alone, beside in found)
    return {
        "goal": "slow beside quick",
        "database": database,
        "alone_per_second": round(statistics.median(alone for alone, _ in found)),
        "beside_per_second": round(statistics.median(beside for _, beside in found)),
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
    }


def _quick(database: str, count: int, *, others: bool) -> float:
    with slow(ANSWERS_IN) as quick, slow(30.0) as late, slow(30.0, drip=True) as drip:
        port = servers.free_port()
        with servers.place(database, port=port) as place:
            hub = boot.start(hub_settings.load(place.environment))
            _connect(hub, "slack", quick.port)
            if others:
                for slug, provider in (("late", late), ("drip", drip)):
                    _connect(hub, slug, provider.port)
                    _queue(hub, slug, 200)
            _queue(hub, "slack", count)
            hub.database.dispose()
            with place.part("worker", "--process", "0", "--deliver", "1"):
                return _rate(quick, count)


def _rate(provider: Slow, count: int) -> float:
    """Requests per second between the tenth of them and the last."""
    provider.wait_for(count // 10, 60)
    begun, seen = time.monotonic(), provider.seen.value
    ended = provider.wait_for(count, 180)
    return float((provider.seen.value - seen) / (ended - begun))


def _connect(hub: Hub, slug: str, port: int) -> None:
    with hub.write() as session:
        connections.add(
            session,
            "slack",
            slug,
            {
                "webhook_url": f"http://127.0.0.1:{port}/services/T0/B0/bench",
                "rate_limit": "1000",
            },
        )


def _queue(hub: Hub, slug: str, count: int) -> None:
    for start in range(0, count, 500):
        with hub.write() as session:
            for number in range(start, min(start + 500, count)):
                messages.send(session, slug, Message(text=f"Message {number}"), "bench")


def _bare(provider: Slow, count: int) -> float:
    local = threading.local()

    def post(number: int) -> None:
        session = getattr(local, "session", None) or requests.Session()
        local.session = session
        url = f"http://127.0.0.1:{provider.port}/"
        session.post(url, json={"text": f"Message {number}"}, timeout=10)

    with ThreadPoolExecutor(BARE_THREADS) as pool:
        futures = [pool.submit(post, number) for number in range(count)]
        rate = _rate(provider, count)
        for future in futures:
            future.result()
    return rate

"""Goals 1 and 2: webhooks verified, durable and deduplicated, against a bare view."""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator

from bench import load, servers

SECRET = "bench-signing-secret"  # noqa: S105 — of a throw-away hub
CLIENTS = 32


def measure(database: str, *, seconds: float = 4, rounds: int = 3) -> dict[str, object]:
    """Run bare view and hub in pairs; the ratio is the median of the pairs."""
    pairs = []
    for _ in range(rounds):
        bare = _bare(seconds)
        pairs.append((bare, _hub(database, seconds)))
    ratios = sorted(hub.per_second / bare.per_second for bare, hub in pairs)
    bare, hub = pairs[len(pairs) // 2]
    return {
        "goal": "1 accept",
        "database": database,
        "ratio": round(ratios[len(ratios) // 2], 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "hub_per_second": round(hub.per_second),
        "bare_per_second": round(bare.per_second),
        "hub_p50_p99_ms": (round(hub.median, 1), round(hub.percentile(0.99), 1)),
        "bare_p50_p99_ms": (round(bare.median, 1), round(bare.percentile(0.99), 1)),
        "refused": hub.bad + bare.bad,
    }


def _bare(seconds: float) -> load.Result:
    port = servers.free_port()
    with servers.gunicorn(
        "bench.bare:app", port, "-k", "gthread", "-w2", "--threads=8"
    ):
        load.run(port, lambda: _requests("/hook"), seconds=1, clients=CLIENTS)
        return load.run(
            port, lambda: _requests("/hook"), seconds=seconds, clients=CLIENTS
        )


def _hub(database: str, seconds: float) -> load.Result:
    port = servers.free_port()
    with servers.place(database, port=port) as place:
        place.hub(
            "connections",
            "add",
            "slack",
            "--set",
            f"signing_secret={SECRET}",
            "--set",
            "webhook_url=http://127.0.0.1:9/services/T/B/x",
        )
        with place.part("web", "--port", str(port)) as web:
            servers.wait_for(port, web)
            path = "/webhooks/slack"
            load.run(port, lambda: _requests(path), seconds=1, clients=CLIENTS)
            return load.run(
                port, lambda: _requests(path), seconds=seconds, clients=CLIENTS
            )


def _requests(path: str) -> Iterator[bytes]:
    """Distinct, signed requests of 2 KB, all made before the clock starts."""
    stamp = str(int(time.time()))
    run = f"{time.monotonic_ns():x}"
    made = [_request(path, stamp, f"Ev{run}{number}") for number in range(25_000)]
    return itertools.chain(made)


def _request(path: str, stamp: str, event: str) -> bytes:
    body = json.dumps({"type": "event_callback", "event_id": event, "pad": ""})
    text = body.replace('"pad": ""', f'"pad": "{"x" * (2048 - len(body))}"').encode()
    signed = b"v0:" + stamp.encode() + b":" + text
    signature = hmac.digest(SECRET.encode(), signed, hashlib.sha256).hex()
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={signature}",
    }
    return load.post(path, headers, text)

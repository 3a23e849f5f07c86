"""Goals 1 and 2: webhooks verified, durable and deduplicated, against bare views."""

import hashlib
import hmac
import itertools
import json
import os
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench import load, servers

SECRET = "bench-signing-secret"  # noqa: S105 — of a throw-away hub
CLIENTS = 32
_THREADS = ("-k", "gthread", "-w2", "--threads=8")


@dataclass
class _Contestant:
    """A server, and what each of its turns brought."""

    port: int
    path: str
    turns: list[load.Result] = field(default_factory=list)

    def turn(self, seconds: float) -> None:
        result = load.run(
            self.port, lambda: _requests(self.path), seconds=seconds, clients=CLIENTS
        )
        self.turns.append(result)

    @property
    def per_second(self) -> float:
        return statistics.median(turn.per_second for turn in self.turns)

    def latency(self) -> tuple[float, float]:
        """p50 and p99 in ms, medians of the turns: one bad turn is the machine's."""
        halves = statistics.median(turn.median for turn in self.turns)
        tails = statistics.median(turn.percentile(0.99) for turn in self.turns)
        return round(halves, 1), round(tails, 1)


def measure(database: str, *, seconds: float = 2, rounds: int = 9) -> dict[str, object]:
    """All servers are up at once and take turns, in changing order, so that whatever
    else the machine does meets them alike; the ratio is the median of the rounds."""
    with _servers(database) as (bare, rows, hub):
        for each in (bare, rows, hub):  # what is only slow once
            each.turn(1)
            each.turns.clear()
        order = [bare, hub, rows]
        for _ in range(rounds):
            for each in order:
                each.turn(seconds)
            order.reverse()
    ratios = _ratios(hub, bare)
    return {
        "goal": "1 accept",
        "database": database,
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in sorted(ratios)],
        "ratio_to_bare_that_writes": round(statistics.median(_ratios(hub, rows)), 2),
        "hub_per_second": round(hub.per_second),
        "bare_per_second": round(bare.per_second),
        "bare_that_writes_per_second": round(rows.per_second),
        "hub_p50_p99_ms": hub.latency(),
        "bare_p50_p99_ms": bare.latency(),
        "bare_that_writes_p50_p99_ms": rows.latency(),
        "refused": sum(turn.bad for each in order for turn in each.turns),
        "load_average": round(os.getloadavg()[0], 1),
    }


def _ratios(one: _Contestant, other: _Contestant) -> list[float]:
    pairs = zip(one.turns, other.turns, strict=True)
    return [mine.per_second / theirs.per_second for mine, theirs in pairs]


@contextmanager
def _servers(database: str) -> Iterator[list[_Contestant]]:
    """A bare view, one that writes the row, and a hub."""
    port = servers.free_port()
    with ExitStack() as stack:
        place = stack.enter_context(servers.place(database, port=port))
        url = place.environment.get("HUB_DATABASE_URL", str(place.folder / "rows.db"))
        yield [
            _Contestant(_bare(stack, "bench.bare:app", {}), "/hook"),
            _Contestant(_bare_rows(stack, url), "/hook"),
            _Contestant(_hub(stack, place, port), "/webhooks/slack"),
        ]


def _bare(stack: ExitStack, application: str, env: Mapping[str, str]) -> int:
    port = servers.free_port()
    stack.enter_context(servers.gunicorn(application, port, *_THREADS, env=env))
    return port


def _bare_rows(stack: ExitStack, url: str) -> int:
    os.environ["BARE_DATABASE"] = url
    from bench import bare_rows

    bare_rows.prepare(url)
    return _bare(stack, "bench.bare_rows:app", {"BARE_DATABASE": url})


def _hub(stack: ExitStack, place: servers.Place, port: int) -> int:
    place.hub(
        *("connections", "add", "slack"),
        *("--set", f"signing_secret={SECRET}"),
        *("--set", "webhook_url=http://127.0.0.1:9/services/T/B/x"),
    )
    web = stack.enter_context(place.part("web", "--port", str(port)))
    servers.wait_for(port, web)
    return port


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

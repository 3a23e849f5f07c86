"""A whole hub of processes whose parts are killed while webhooks come in."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import requests

# What of a command line tells which part a process is.
PARTS = {
    "web": ("gunicorn", "hub web"),
    "worker": ("hub.worker",),
    "scheduler": ("hub scheduler",),
    "redis": ("valkey-server", "redis-server"),
}


@dataclass
class Launched:
    """A running `hub up`."""

    process: subprocess.Popen[str]
    url: str

    def kill(self, part: str, chance: random.Random) -> str:
        """Kill one process of a part, as `kill -9` does; returns what it was."""
        words = PARTS[part]
        found = [
            (pid, line)
            for pid, line in descendants(self.process.pid)
            if any(word in line for word in words)
        ]
        if not found:
            return ""
        pid, line = chance.choice(found)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return line


@contextmanager
def hub_up(environment: dict[str, str], port: int) -> Iterator[Launched]:
    """Start `hub up` and wait for its first line; end it as Ctrl-C does."""
    command = [sys.executable, "-m", "hub", "up", "--port", str(port)]
    log = Path(environment["HUB_DATA_DIR"]) / "up.log"
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Hub: "), line + log.read_text()[-3000:]
        yield Launched(process, line.removeprefix("Hub: ").strip())
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        finally:
            process.kill()
            process.communicate()


def descendants(root: int) -> list[tuple[int, str]]:
    """All processes below one, with their command lines."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    children: dict[int, list[tuple[int, str]]] = {}
    for child, parent, args in (row for row in rows if len(row) == 3):
        children.setdefault(int(parent), []).append((int(child), args))
    found: list[tuple[int, str]] = []
    waiting = [root]
    while waiting:
        for pid, line in children.get(waiting.pop(), []):
            found.append((pid, line))
            waiting.append(pid)
    return found


@dataclass(frozen=True)
class Sent:
    """A signed request."""

    body: bytes
    headers: dict[str, str]


def send_all(url: str, requests_: Sequence[Sent], threads: int = 8) -> threading.Thread:
    """Send each until it is answered 2xx, as a provider does; returns the thread
    that ends when all are."""
    waiting: SimpleQueue[Sent] = SimpleQueue()
    for each in requests_:
        waiting.put(each)

    def main() -> None:
        workers = [
            threading.Thread(target=_send_waiting, args=(url, waiting))
            for _ in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    started = threading.Thread(target=main)
    started.start()
    return started


def _send_waiting(url: str, waiting: "SimpleQueue[Sent]") -> None:
    with requests.Session() as session:
        while True:
            try:
                each = waiting.get_nowait()
            except Empty:
                return
            while not _sent(session, url, each):
                time.sleep(0.05)


def _sent(session: requests.Session, url: str, each: Sent) -> bool:
    try:
        reply = session.post(url, data=each.body, headers=each.headers, timeout=10)
    except requests.RequestException:
        return False
    if reply.status_code in (401, 400, 404, 413, 415):
        raise AssertionError(f"{reply.status_code}: {reply.text}")
    return reply.ok


def capture(number: int, invoice: str) -> dict[str, Any]:
    """PayPal's PAYMENT.CAPTURE.COMPLETED for 10.00 EUR on an invoice."""
    moment = "2026-03-02T10:15:27Z"
    amount = {"currency_code": "EUR", "value": "10.00"}
    return {
        "id": f"WH-KILL{number:06d}",
        "event_version": "1.0",
        "create_time": moment,
        "resource_type": "capture",
        "resource_version": "2.0",
        "event_type": "PAYMENT.CAPTURE.COMPLETED",
        "resource": {
            "id": f"KILL{number:06d}",
            "amount": amount,
            "final_capture": True,
            "invoice_id": invoice,
            "status": "COMPLETED",
            "create_time": moment,
            "update_time": moment,
            "links": [],
        },
        "links": [],
    }


def text_of(document: dict[str, Any]) -> bytes:
    """The bytes that are signed and sent."""
    return json.dumps(document).encode()

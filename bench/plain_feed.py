"""The baseline of the feed: flask-sock with a queue per client, as documented."""

import os
import queue
import threading

from flask import Flask
from flask_sock import Sock
from redis import Redis

app = Flask(__name__)
sock = Sock(app)
clients: "set[queue.SimpleQueue[str]]" = set()


def listen() -> None:
    """Hand each published frame to every client's queue."""
    listening = Redis.from_url(os.environ["BENCH_REDIS_URL"]).pubsub(  # type: ignore[no-untyped-call]
        ignore_subscribe_messages=True
    )
    listening.subscribe("plain")
    for message in listening.listen():
        for client in list(clients):
            client.put(message["data"].decode())


threading.Thread(target=listen, daemon=True).start()


@sock.route("/feed")  # type: ignore[untyped-decorator]
def feed(ws: object) -> None:
    """Send what comes in."""
    mine: queue.SimpleQueue[str] = queue.SimpleQueue()
    clients.add(mine)
    try:
        while True:
            ws.send(mine.get())  # type: ignore[attr-defined]
    finally:
        clients.discard(mine)

"""The live feed of one process: new notification rows, sent to whoever listens.

Redis only rings (ROAD 40): one tailer reads the rows above its high-water mark and
sends them in ascending order, at the latest a second after their commit.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from hub.boot import Hub
from hub.core import feed_rows
from hub.core.feed_rows import Notification
from hub.jobs import FeedEar
from hub.sdk.errors import UnreadyError

LOOKED_AT_EVERY = 1.0  # seconds, when nobody rings
PINGED_EVERY = 25.0
# Without Redis nobody says who has read something in another process.
RECOUNTED_EVERY = 5.0
_PAGE = 200

_log = structlog.get_logger("hub.feed")


class Line(Protocol):
    """One socket. Nothing in it waits, except `drained`."""

    def write(self, frame: bytes) -> None:
        """Send or keep the frame; a client that is too slow is dropped."""

    def tend(self) -> None:
        """Send what is kept; drop a client that took nothing for too long."""

    def ping(self) -> None:
        """Ask whether the client is there; drop one that didn't answer the last."""

    def drained(self) -> bool:
        """Wait until all is sent; False if the client is gone."""

    def drop(self) -> None:
        """End the connection."""


@dataclass(eq=False, slots=True)
class Client:
    """Who listens. What is newer than `floor` comes live, `seen` it has already;
    while `held` is a list, live frames wait in it for the older ones."""

    user_id: str
    epoch: int | None  # of the session; None: a token
    line: Line
    floor: int = 0
    seen: int = 0
    held: list[tuple[int, bytes]] | None = None
    count: int = -1  # what it was told last


class Feed:
    """All clients of this process and the tailer that serves them."""

    def __init__(self, hub: Hub, encode: Callable[[str], bytes]) -> None:
        self._hub = hub
        self._encode = encode
        self._clients: dict[str, set[Client]] = {}
        self._mark = 0
        self._lock = threading.Lock()  # over clients and mark; nothing waits in it
        self._counting = threading.Lock()  # the newer count is sent later
        self._starting = threading.Lock()
        self._tailer: threading.Thread | None = None
        self.stopping = False

    def join(self, user_id: str, line: Line, epoch: int | None = None) -> Client:
        """Greet a client and collect for it until `release` or `resume`."""
        self._start()
        client = Client(user_id, epoch, line, held=[])
        with self._counting:
            with self._lock:
                client.floor = self._mark
                self._clients.setdefault(user_id, set()).add(client)
            try:
                with self._hub.read() as session:
                    count = feed_rows.unread(session, [user_id])[user_id]
                    last = feed_rows.newest(session, user_id, client.floor)
            except BaseException:
                self.leave(client)
                raise
            client.count = count
            line.write(self._frame({"type": "hello", "unread": count, "last_id": last}))
        return client

    def leave(self, client: Client) -> None:
        """Forget a client."""
        with self._lock:
            theirs = self._clients.get(client.user_id, set())
            theirs.discard(client)
            if not theirs:
                self._clients.pop(client.user_id, None)

    def release(self, client: Client) -> None:
        """Send live from now on; first what was held meanwhile."""
        with self._lock:
            for id, frame in client.held or ():
                if id > client.seen:
                    client.line.write(frame)
            waited, client.held = client.held is not None, None
        if waited:
            self.recount([client.user_id])

    def resume(self, client: Client, after: int) -> None:
        """Send what is newer than `after`: each notification once, in order."""
        with self._lock:
            client.held = client.held if client.held is not None else []
            client.seen = max(client.seen, after)
            upto, client.floor = client.floor, min(client.floor, after)
        while after < upto:
            with self._hub.read() as session:
                rows = feed_rows.between(session, client.user_id, after, upto, _PAGE)
            for row in rows:
                client.line.write(self._notification(row))
            if not rows or not client.line.drained():
                break
            after = rows[-1].id
        self.release(client)

    def recount(self, users: Iterable[str]) -> None:
        """Tell these users' clients how many notifications are unread."""
        with self._counting:
            with self._lock:
                here = [user for user in dict.fromkeys(users) if user in self._clients]
            if not here:
                return
            with self._hub.read() as session:
                counts = feed_rows.unread(session, here)
            for user, count in counts.items():
                late = [
                    client
                    for client in self._of(user)
                    if client.held is None and client.count != count
                ]
                if late:
                    frame = self._frame({"type": "unread", "count": count})
                for client in late:
                    client.count = count
                    client.line.write(frame)

    def clients(self) -> int:
        """How many listen."""
        with self._lock:
            return sum(map(len, self._clients.values()))

    def stop(self, seconds: float = 5.0) -> None:
        """End all connections and the tailer."""
        self.stopping = True
        if self._tailer is not None:
            self._tailer.join(seconds)

    def _start(self) -> None:
        with self._starting:
            if self._tailer is not None and self._tailer.is_alive():
                return
            with self._hub.read() as session:
                newest = feed_rows.newest(session)
            with self._lock:
                self._mark = max(self._mark, newest)
            self._tailer = threading.Thread(target=self._tail, daemon=True, name="feed")
            self._tailer.start()

    def _tail(self) -> None:
        ear = FeedEar(self._hub.bell)
        pinged = recounted = time.monotonic()
        try:
            while not self.stopping:
                try:
                    self.recount(self._look())
                    self.recount(ear.wait(LOOKED_AT_EVERY))
                    if time.monotonic() - pinged > PINGED_EVERY:
                        pinged = time.monotonic()
                        self._ping()
                    if ear.deaf and time.monotonic() - recounted > RECOUNTED_EVERY:
                        recounted = time.monotonic()
                        self.recount([client.user_id for client in self._all()])
                except UnreadyError as error:
                    _log.warning("the feed waits for the database", error=str(error))
                    time.sleep(LOOKED_AT_EVERY)
                for client in self._all():
                    client.line.tend()
        finally:
            # They come again and start another tailer, if this one broke.
            ear.close()
            for client in self._all():
                client.line.drop()

    def _look(self) -> Sequence[str]:
        """Send the rows above the mark; returns whose they were."""
        told: dict[str, None] = {}
        while True:
            with self._hub.read() as session:
                rows = feed_rows.above(session, self._mark, _PAGE)
            with self._lock:
                for row in rows:
                    self._mark = row.id
                    if row.user_id in self._clients:
                        told[row.user_id] = None
                        self._send(row)
            if len(rows) < _PAGE:
                return tuple(told)

    def _send(self, row: Notification) -> None:
        frame = self._notification(row)  # encoded once for all of them
        for client in self._clients[row.user_id]:
            if client.held is not None:
                client.held.append((row.id, frame))
            elif row.id > client.seen:
                client.line.write(frame)

    def _ping(self) -> None:
        """Ask all clients for a sign of life; end those whose session was ended."""
        clients = self._all()
        with self._hub.read() as session:
            epochs = feed_rows.epochs(session, {client.user_id for client in clients})
        for client in clients:
            epoch = epochs.get(client.user_id)
            if epoch is None or client.epoch not in (None, epoch):
                client.line.drop()
            else:
                client.line.ping()

    def _all(self) -> list[Client]:
        with self._lock:
            return [one for theirs in self._clients.values() for one in theirs]

    def _of(self, user_id: str) -> list[Client]:
        with self._lock:
            return list(self._clients.get(user_id, ()))

    def _notification(self, row: Notification) -> bytes:
        told = feed_rows.shown(row)
        return self._frame({"type": "notification", "notification": told})

    def _frame(self, told: Mapping[str, Any]) -> bytes:
        return self._encode(json.dumps(told, separators=(",", ":")))

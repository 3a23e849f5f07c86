"""Ringing: the rows are the work, one RQ job is the wake-up for a batch of them.

ROAD 23: no fixed job ids; rings are debounced by an expiring key which the drain
deletes before its last look. Without Redis every ring is silent and the workers
find the rows by polling.
"""

import hashlib
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy.orm import Session

from hub.db import after_commit
from hub.settings import Settings

Work = Literal["process", "deliver"]
QUEUES: tuple[Work, ...] = ("process", "deliver")
FEED_CHANNEL = "hub:feed"
_DEBOUNCE = 5  # seconds; as long as the workers' own polling
_DOWN = 1.0  # seconds without another try after Redis failed


class Bell:
    """The connection to Redis of one process; every method is safe without it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.redis: Redis = connect(url)
        self._down_until = 0.0

    def ring(self, work: Work) -> None:
        """Wake the workers of one queue, at most once until they look."""
        self._try(lambda: self._enqueue(work))

    def answered(self, work: Work) -> None:
        """Let the next ring through; the drain calls it before its last look."""
        self._try(lambda: self.redis.delete(_key(work)))

    def ring_feed(self, reader: str = "") -> None:
        """Tell every web process that there are new notification rows, or that this
        user has read some."""
        self._try(lambda: self.redis.publish(FEED_CHANNEL, reader))

    def count(self, key: str, seconds: int) -> int | None:
        """Count up a number shared by all processes, which starts anew so many
        seconds after its first; None without Redis."""

        def up() -> Any:
            pipe = self.redis.pipeline(transaction=False)
            pipe.set(key, 0, nx=True, ex=seconds)
            pipe.incr(key)
            return pipe.execute()[1]

        counted: int | None = self._try(up)
        return counted

    def is_up(self) -> bool:
        """True if Redis answers."""
        return bool(self._try(self.redis.ping))

    def _enqueue(self, work: Work) -> None:
        if not self.redis.set(_key(work), 1, nx=True, ex=_DEBOUNCE):
            return
        from rq import Queue

        Queue(work, connection=self.redis, serializer="json").enqueue_call(
            f"hub.worker.drain_{work}",
            result_ttl=0,
            failure_ttl=60,
            ttl=60,  # with no workers alive, rings don't pile up
            timeout=600,  # no control (ROAD 24); only above any real drain
            description=work,
        )

    def _try(self, call: Any) -> Any:
        if time.monotonic() < self._down_until:
            return None
        try:
            return call()
        except (RedisError, OSError):
            self._down_until = time.monotonic() + _DOWN
            return None


def ring_after(session: Session, work: Work) -> None:
    """Ring once this transaction has committed."""
    bell: Bell = session.info["hub"].bell
    after_commit(session, ("ring", work), lambda: bell.ring(work))


def ring_feed_after(session: Session, reader: str = "") -> None:
    """Ring the feed once this transaction has committed."""
    bell: Bell = session.info["hub"].bell
    after_commit(session, ("feed", reader), lambda: bell.ring_feed(reader))


class FeedEar:
    """What hears the feed's bell; without Redis it hears nothing and waits."""

    def __init__(self, bell: Bell) -> None:
        self._redis: Any = bell.redis
        self._pubsub: Any = None
        self.deaf = False

    def wait(self, seconds: float) -> Sequence[str]:
        """Wait for a ring, at most so long; returns users who have read some."""
        until = time.monotonic() + seconds
        try:
            if self._pubsub is None:
                self._pubsub = self._redis.pubsub()
                self._pubsub.subscribe(FEED_CHANNEL)
            readers = self._heard(until)
            self.deaf = False
            return readers
        except (RedisError, OSError):
            self.deaf = True
            self.close()
            time.sleep(max(0.0, until - time.monotonic()))
            return ()

    def close(self) -> None:
        """Hang up."""
        pubsub, self._pubsub = self._pubsub, None
        if pubsub is not None:
            with suppress(RedisError, OSError):
                pubsub.close()

    def _heard(self, until: float) -> Sequence[str]:
        readers: dict[str, None] = {}
        left = until - time.monotonic()
        while message := self._pubsub.get_message(timeout=max(0.0, left)):
            left = 0.0  # one wakes; take what else is there
            if message["type"] == "message" and message["data"]:
                readers[message["data"].decode()] = None
        return tuple(readers)


def connect(url: str) -> Redis:
    """Open a client that fails fast: the table is the truth, not Redis."""
    return Redis.from_url(
        url,
        socket_connect_timeout=1,
        socket_timeout=5,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=30,
    )


def redis_url(settings: Settings) -> str:
    """HUB_REDIS_URL, else the socket of the embedded server in the data folder."""
    return settings.redis_url or f"unix://{embedded_socket(settings.data_dir)}"


def embedded_socket(data_dir: Path) -> Path:
    """Where the embedded server listens: socket paths end at 104 bytes on macOS."""
    path = data_dir / "redis.sock"
    if len(str(path).encode()) < 100:
        return path
    name = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"hub-{name}" / "redis.sock"


def _key(work: Work) -> str:
    return f"hub:rung:{work}"

"""Listen to one RQ queue in this process's main thread until told to stop.

On one queue RQ moves a job aside as it takes it; on several it could lose one. Losing
Redis ends nothing here: the table is looked at anyway, and this comes back.
"""

import logging
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job

_TTL = 45  # seconds RQ believes in a worker without a sign of life
_AGAIN = 1.0  # seconds, after Redis went away in the middle of something


def listen(url: str, queue: str, name: str, stop: threading.Event) -> None:
    """Do the queue's jobs until SIGTERM, SIGINT or `stop`."""
    # It would write a traceback for each lost connection; who runs this says it once.
    logging.getLogger("rq").setLevel(logging.CRITICAL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    turn = 0
    while not stop.is_set():
        turn += 1
        connection = _connection(url)
        with suppress(RedisError, OSError, StopRequested):
            worker = _Listener(
                [Queue(queue, connection=connection, serializer="json")],
                connection=connection,
                # A name whose worker didn't end in order is refused for a while.
                name=f"{name}.{turn}",
                worker_ttl=_TTL,
                serializer="json",
            )
            worker.stop = stop
            worker.work()
        connection.close()
        stop.wait(_AGAIN)


class _Listener(SimpleWorker):
    """Overrides public methods only; RQ's private ones change from release to
    release."""

    max_connection_wait_time = 2.0
    stop: threading.Event
    _waiting = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """A job that runs reads the flag; waiting for one is broken off."""
        self.stop.set()
        if self._waiting:
            raise StopRequested

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        self._waiting = True
        try:
            if self.stop.is_set():
                raise StopRequested
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        finally:
            self._waiting = False

    def execute_job(self, job: Job, queue: Queue) -> None:
        super().execute_job(job, queue)
        if self.stop.is_set():
            raise StopRequested

    # Commands over pub/sub would cost a connection and a thread for each try.
    def subscribe(self) -> None: ...

    def unsubscribe(self) -> None: ...

    def procline(self, message: Any) -> None: ...


def _connection(url: str) -> Redis:
    return Redis.from_url(
        url, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0), client_name=None
    )

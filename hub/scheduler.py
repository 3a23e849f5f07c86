"""`hub scheduler`: runs what is periodic. Several at once do no harm (ROAD 27)."""

import os
import signal
import threading
import time
from contextlib import suppress

import structlog

from hub import boot, log, schema
from hub.boot import Hub
from hub.core import connections, duties
from hub.core.vitals import presence
from hub.sdk.errors import UnreadyError
from hub.settings import Settings

_LOOKED_EVERY = 1.0  # seconds
_log = structlog.get_logger("hub.scheduler")


def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; UnreadyError says why it can't start."""
    log.configure(settings)
    hub = boot.start(settings)
    try:
        schema.require(hub.database)
        connections.settle(hub)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        run(hub, stop)
    finally:
        hub.database.dispose()


def run(hub: Hub, stop: threading.Event) -> None:
    """Look once a second for duties that are due, until `stop`."""
    id = presence.name("scheduler", presence.token(), os.getpid())
    beaten, away = 0.0, False
    while not stop.is_set():
        try:
            if time.monotonic() - beaten >= presence.BEATS_EVERY:
                presence.beat(hub, id, "scheduler")
                beaten = time.monotonic()
            duties.run_due(hub, stop=stop.is_set)
            away = False
        except UnreadyError as error:
            if not away:
                _log.warning("database.away", error=str(error))
            away = True
        stop.wait(_LOOKED_EVERY)
    with suppress(UnreadyError):
        presence.leave(hub, id)

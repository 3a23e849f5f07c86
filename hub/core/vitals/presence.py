"""Which processes are alive: each says so every few seconds in the table `workers`."""

import os
import socket
import threading
import time
from datetime import timedelta

import structlog
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import vault
from hub.core.models import Worker, new_id
from hub.core.rows import insert_new
from hub.sdk.clock import now
from hub.sdk.errors import UnreadyError

BEATS_EVERY = 5.0  # seconds; alive is who was seen within 15
_FORGOTTEN = timedelta(days=1)

_log = structlog.get_logger("hub.presence")


def token() -> str:
    """What makes the name of a new process unlike all others."""
    return new_id("wrk").removeprefix("wrk_")


def name(kind: str, token: str, pid: int) -> str:
    """The name of a process, for its parent too; never used again."""
    return f"{kind}-{socket.gethostname()}-{token}-{pid}"


def beat(hub: Hub, id: str, kind: str) -> None:
    """Say that this process is alive."""
    with hub.write() as session:
        if not _seen(session, id):
            row = {
                "id": id,
                "kind": kind,
                "started_at": now(),
                "seen_at": now(),
                "key_marks": vault.marks(hub),
            }
            insert_new(session, Worker, [row], unique=("id",))


def keep_beating(hub: Hub, kind: str) -> None:
    """Say so from now on, in a thread of its own, as long as this process lives."""
    id = name(kind, token(), os.getpid())
    threading.Thread(target=_beating, args=(hub, id, kind), daemon=True).start()


def _beating(hub: Hub, id: str, kind: str) -> None:
    while True:
        try:
            beat(hub, id, kind)
        except UnreadyError:
            pass  # whoever needs the database says so
        except Exception as error:
            _log.error("beat.failed", process=id, exc_info=error)
        time.sleep(BEATS_EVERY)


def leave(hub: Hub, id: str) -> None:
    """Say that this process ends."""
    with hub.write() as session:
        session.execute(delete(Worker).where(Worker.id == id))


def forget(hub: Hub) -> int:
    """Take away the rows of those who ended without saying so."""
    with hub.write() as session:
        gone = session.execute(
            delete(Worker)
            .where(Worker.seen_at < now() - _FORGOTTEN)
            .returning(Worker.id)
        )
        return len(gone.all())


def _seen(session: Session, id: str) -> bool:
    found = session.execute(
        update(Worker).where(Worker.id == id).values(seen_at=now()).returning(Worker.id)
    )
    return found.first() is not None

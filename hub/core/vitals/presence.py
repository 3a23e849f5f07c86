"""Which processes are alive: each says so every few seconds in the table `workers`."""

import socket
from datetime import timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import Worker, new_id
from hub.core.rows import insert_new
from hub.sdk.clock import now

BEATS_EVERY = 5.0  # seconds; alive is who was seen within 15
_FORGOTTEN = timedelta(days=1)


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
            row = {"id": id, "kind": kind, "started_at": now(), "seen_at": now()}
            insert_new(session, Worker, [row], unique=("id",))


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

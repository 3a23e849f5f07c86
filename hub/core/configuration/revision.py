"""The settings' revision: raised with every change of them, read by each process
once a second (ROAD 30)."""

import time
from contextlib import suppress

from sqlalchemy import exists, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.boot import Hub, hub_of
from hub.core.models import Revision, Worker
from hub.core.models.duty import ALIVE
from hub.core.notify import ORDER_LOCK
from hub.db import after_commit, at_end, lock_for_order
from hub.sdk import clock

LOOKED_AT_EVERY = 1.0  # seconds
_ONE = 1  # the table's only row


def bump(session: Session) -> None:
    """Tell every process, with this commit, to read the settings anew.

    The one row is raised last in the transaction, under the lock that orders
    events: taken earlier it would deadlock with who locks a connection after it.
    """
    at_end(session, "revision", _raise_last)
    here = changes_here(hub_of(session))
    after_commit(session, "revision", here.committed)


def _raise_last(session: Session) -> None:
    lock_for_order(session, ORDER_LOCK)
    if not _raise(session):
        # The very first change; another process may be making it as well.
        with suppress(IntegrityError), session.begin_nested():
            session.execute(insert(Revision).values(id=_ONE, number=0))
        _raise(session)


class Changes:
    """Counts the commits of this process that changed settings: it sees its own
    changes at once."""

    def __init__(self, hub: Hub) -> None:
        self.count = 0

    def committed(self) -> None:
        """One more."""
        self.count += 1


def changes_here(hub: Hub) -> Changes:
    """This process's counter."""
    return hub.part(Changes)


def number(session: Session) -> int:
    """The present revision."""
    query = select(Revision.number).where(Revision.id == _ONE)
    return session.scalar(query) or 0


def wait_until_taken(hub: Hub) -> None:
    """Return once all running processes have taken the last change.

    Each looks at most a second late, so a moment more than that is enough; where
    none runs there is nobody to wait for.
    """
    with hub.read() as session:
        seen = Worker.seen_at > clock.now() - ALIVE
        alive = session.scalar(select(exists().where(seen)))
    if alive:
        time.sleep(LOOKED_AT_EVERY + 0.2)


def _raise(session: Session) -> bool:
    raised = Revision.number + 1
    one = update(Revision).where(Revision.id == _ONE).values(number=raised)
    return session.scalar(one.returning(Revision.number)) is not None

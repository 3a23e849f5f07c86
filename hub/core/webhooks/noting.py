"""Note what was heard: facts, ledger and the webhook's new state in one transaction.

Several webhooks share one where that is cheaper (SQLite has one writer); if one of
them can't be booked, each gets its own, and then each of its events.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePath
from traceback import extract_tb

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.boot import Hub, hub_of
from hub.core.models import Connection, FactRow
from hub.core.record import record_all, withdraw
from hub.core.webhooks import claims as webhook_claims
from hub.core.webhooks import failing
from hub.core.webhooks.claims import LostClaimError, Settlement
from hub.core.webhooks.hearing import HOOK, Hearing, judge
from hub.sdk.errors import HubError, UnreadyError
from hub.sdk.facts import Fact
from hub.sdk.webhooks import Heard

# Webhooks wait to be accepted while we write: how long one transaction may take,
# and how many events make a webhook one that is written in parts.
_LONGEST = 0.02
_MANY = 20
_TRIES = 3

_log = structlog.get_logger("hub.process")


def note(hub: Hub, waiting: deque[Hearing]) -> None:
    """Write down all that waits, taking it out of the queue as it is written."""
    while waiting:
        together = _together(hub, waiting)
        for hearing in together:
            _log_it(hearing, judge(hearing))
        for _ in range(len(together)):
            waiting.popleft()
        if not together:
            _alone(hub, waiting[0])
            waiting.popleft()


def _together(hub: Hub, waiting: Sequence[Hearing]) -> list[Hearing]:
    """Write as many as one short transaction takes; none if one of them fails.

    On PostgreSQL each has its own: two that lock several invoices each could wait
    for one another (ROAD 5).
    """
    until = time.monotonic() + (_LONGEST if hub.database.sqlite else 0.0)
    written: list[Hearing] = []
    try:
        with hub.write() as session:
            for hearing in waiting:
                if len(hearing.heard) > _MANY:
                    break
                _write(session, hearing)
                written.append(hearing)
                if time.monotonic() >= until:
                    break
    except UnreadyError:
        raise
    except Exception:  # found out by `_alone`
        return []
    return written


def _alone(hub: Hub, hearing: Hearing) -> None:
    """Write one, in parts if it is large, or at least what of it can be written."""
    try:
        try:
            if len(hearing.heard) > _MANY:
                _in_parts(hub, hearing)
            else:
                _repeated(hub, lambda session: _write(session, hearing))
        except (LostClaimError, UnreadyError):
            raise
        except Exception:
            hearing = _one_by_one(hub, hearing)
        _log_it(hearing, judge(hearing))
    except LostClaimError:
        _log.info("webhook.lost", webhook=hearing.row.id)


def _in_parts(hub: Hub, hearing: Hearing) -> None:
    """Some events at a time, each with all that comes of it (ROAD 1)."""
    for start in range(0, len(hearing.heard), _MANY):
        part = hearing.heard[start : start + _MANY]

        def book(session: Session, part: Sequence[Heard] = part) -> None:
            webhook_claims.check(session, hearing.row)
            for heard in part:
                _book(session, hearing, heard)

        _repeated(hub, book)
    _repeated(hub, lambda session: _end(session, hearing))


def _one_by_one(hub: Hub, hearing: Hearing) -> Hearing:
    """One bad event never loses the others (ROAD 10)."""
    errors, problems = list(hearing.errors), list(hearing.problems)
    for heard in hearing.heard:

        def book(session: Session, heard: Heard = heard) -> None:
            webhook_claims.check(session, hearing.row)
            _book(session, hearing, heard)

        try:
            _repeated(hub, book)
        except (LostClaimError, UnreadyError):
            raise
        except Exception as error:
            errors.append(error)
            problems.append(f"{heard.event_type} {heard.event_id}: {_words(error)}")
    found = replace(hearing, errors=tuple(errors), problems=tuple(problems))
    _repeated(hub, lambda session: _end(session, found))
    return found


def _write(session: Session, hearing: Hearing) -> None:
    # The fence first: if the claim is lost, nothing of ours is written.
    _settle(session, hearing)
    for heard in hearing.heard:
        _book(session, hearing, heard)
    _take_back(session, hearing)


def _end(session: Session, hearing: Hearing) -> None:
    _settle(session, hearing)
    _take_back(session, hearing)


def _settle(session: Session, hearing: Hearing) -> None:
    end = judge(hearing)
    webhook_claims.settle(session, hearing.row, end)
    if end.state == "failed":
        failing.tell(session, hearing.row.connection_id, end.error)


def _take_back(session: Session, hearing: Hearing) -> None:
    """What a replay doesn't find any more is taken back, if it was understood whole:
    what couldn't be heard may still be in it (ROAD 13)."""
    row = hearing.row
    if not row.replay_of or hearing.errors:
        return
    connection = session.get_one(Connection, row.connection_id)
    if not hub_of(session).plugins.has(connection.plugin, HOOK):
        return
    heard = {fact.id for fact in hearing.facts}
    withdraw(session, connection, row.replay_of, heard=heard, webhook_id=row.id)


def _book(session: Session, hearing: Hearing, heard: Heard) -> None:
    if not heard.facts:
        return
    row = hearing.row
    connection = session.get_one(Connection, row.connection_id)
    revision = _revision(session, hearing, heard.facts) if row.replay_of else 0
    record_all(
        session,
        connection,
        heard.facts,
        webhook_id=row.id,
        revision=revision,
        source=row.replay_of or row.id,
    )


def _revision(session: Session, hearing: Hearing, facts: Sequence[Fact]) -> int:
    """The revision a replay writes: above all that was heard, the same when it runs
    twice (ROAD 4, 13)."""
    row = hearing.row
    heard = select(func.max(FactRow.revision)).where(
        FactRow.connection_id == row.connection_id,
        FactRow.fact_id.in_([fact.id for fact in facts]),
    )
    mine = session.scalar(heard.where(FactRow.webhook_id == row.id))
    if mine is not None:
        return mine
    others = session.scalar(heard)
    return 0 if others is None else others + 1


def _repeated(hub: Hub, work: Callable[[Session], None]) -> None:
    """Run `work` in a transaction; again if the database broke a deadlock by it."""
    for _ in range(_TRIES):
        try:
            with hub.write() as session:
                work(session)
        except OperationalError as error:
            last = error
        else:
            return
    raise UnreadyError("The database couldn't take this now.") from last


def _words(error: BaseException) -> str:
    """What may be shown: of an error that isn't ours only the kind and the place."""
    if isinstance(error, HubError):
        return str(error)
    frames = extract_tb(error.__traceback__)
    place = f" in {PurePath(frames[-1].filename).name}" if frames else ""
    return f"It can't be booked ({type(error).__name__}{place})."


def _log_it(hearing: Hearing, end: Settlement) -> None:
    _log.info(
        "webhook.processed",
        webhook=hearing.row.id,
        connection=hearing.row.connection_id,
        state=end.state,
        events=hearing.event_types,
        facts=len(hearing.facts),
        attempt=hearing.row.attempts,
        again_in=round(end.wait.total_seconds(), 1) if end.wait else None,
        error=end.error or None,
    )

"""Periodic duties: whoever's conditional UPDATE wins runs one (ROAD 27).

There is no leader. A duty may run twice all the same (a lease that ran out), so the
effects of each are unique by their own keys.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, or_, select, update

from hub.boot import Hub
from hub.core import idempotency, janitor, sweep, sync
from hub.core.deliveries import outages, outcomes
from hub.core.ledger import overdue
from hub.core.mandates import autobill
from hub.core.models import Duty as Row
from hub.core.models import new_id
from hub.core.rows import insert_new
from hub.core.vitals import presence
from hub.core.webhooks import retention
from hub.sdk.clock import now
from hub.sdk.errors import UnreadyError

_SKEW = timedelta(minutes=2)
# What could not be done as the database was busy is tried again that soon.
_SOON = timedelta(seconds=10)
# Seconds before a duty's end is written again: unwritten, it would hold its lease.
_PAUSES = (0.5, 2.0, 5.0)
_log = structlog.get_logger("hub.duties")


@dataclass(frozen=True)
class Duty:
    """Something to be done now and then; `run` may be run at any time, twice too.

    After `lease` another scheduler takes it over from one that was killed at it.
    """

    name: str
    every: timedelta
    run: Callable[[Hub], object]
    lease: timedelta = timedelta(minutes=10)


DUTIES: Sequence[Duty] = (
    # Work waits for these two, so a killed scheduler must not hold them for long.
    Duty("sweep", timedelta(seconds=2), sweep.run, timedelta(seconds=15)),
    Duty("outages", timedelta(seconds=10), outages.tell, timedelta(seconds=30)),
    Duty("payments", timedelta(seconds=10), janitor.start, timedelta(seconds=30)),
    Duty("overdue", timedelta(minutes=10), overdue.scan),
    Duty("autobill", timedelta(minutes=10), autobill.run),
    Duty("syncs", timedelta(hours=1), sync.run_all),
    Duty("retention", timedelta(hours=1), retention.run),
    Duty("idempotency-keys", timedelta(hours=1), idempotency.purge),
    Duty("workers", timedelta(hours=1), presence.forget),
)


def run_due(
    hub: Hub,
    duties: Sequence[Duty] = DUTIES,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Run what is due and nobody else is at; returns the names of what was run."""
    done = []
    for duty in _due(hub, duties):
        if stop():
            break
        claim = _claim(hub, duty)
        if claim is not None:
            _finish(hub, duty, claim, *_run(hub, duty))
            done.append(duty.name)
    return done


def _due(hub: Hub, duties: Sequence[Duty]) -> list[Duty]:
    """Those that are due; a new one is, at once."""
    with hub.read() as session:
        known = set(session.scalars(select(Row.name)))
        due = {
            duty.name
            for duty in duties
            if session.scalar(select(Row.name).where(_is_due(duty, now())))
        }
    new = [duty for duty in duties if duty.name not in known]
    if new:
        rows = [{"name": duty.name, "next_at": now(), "last_error": ""} for duty in new]
        with hub.write() as session:
            insert_new(session, Row, rows, unique=("name",), returning=Row.name)
    return [duty for duty in duties if duty in new or duty.name in due]


def _is_due(duty: Duty, moment: datetime) -> ColumnElement[bool]:
    """Due, too, if the clock was set back: it can't be further off than `every`, but
    for the moment somebody else took while we waited for the row."""
    free = or_(Row.claim.is_(None), Row.lease_until < moment)
    furthest = moment + duty.every + _SKEW
    now_or_wrong = or_(Row.next_at <= moment, Row.next_at > furthest)
    return (Row.name == duty.name) & now_or_wrong & free


def _claim(hub: Hub, duty: Duty) -> str | None:
    claim, moment = new_id("clm"), now()
    with hub.write() as session:
        taken = session.execute(
            update(Row)
            .where(_is_due(duty, moment))
            .values(claim=claim, lease_until=moment + duty.lease)
            .returning(Row.name)
        )
        return claim if taken.first() is not None else None


def _run(hub: Hub, duty: Duty) -> tuple[str, timedelta]:
    """Run it; returns what went wrong, which is kept with it and shown, and when it
    is due again. The others go on."""
    try:
        duty.run(hub)
    except UnreadyError as error:
        return str(error), min(_SOON, duty.every)
    except Exception as error:
        _log.error("duty.failed", duty=duty.name, exc_info=error)
        return outcomes.words(error), duty.every
    return "", duty.every


def _finish(hub: Hub, duty: Duty, claim: str, error: str, again: timedelta) -> None:
    for pause in _PAUSES:
        try:
            return _write(hub, duty, claim, error, again)
        except UnreadyError:
            time.sleep(pause)
    _write(hub, duty, claim, error, again)


def _write(hub: Hub, duty: Duty, claim: str, error: str, again: timedelta) -> None:
    moment = now()
    with hub.write() as session:
        session.execute(
            update(Row)
            .where(Row.name == duty.name, Row.claim == claim)
            .values(
                claim=None,
                lease_until=None,
                next_at=moment + again,
                last_run_at=moment,
                last_error=error,
            )
        )

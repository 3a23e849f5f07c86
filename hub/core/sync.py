"""Sync: read a provider page by page from a cursor. Beside process, before record.

One run per connection at a time, by a unique row with a lease. A page's facts and
the cursor commit together (ROAD 29), so a run that dies goes on where it was.
"""

import threading
from contextlib import suppress
from datetime import timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import audit, contexts
from hub.core.configuration.live import LiveConnection, live
from hub.core.deliveries import breaker, outcomes
from hub.core.models import Connection, SyncRun, new_id
from hub.core.record import record_all
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, CredentialsError
from hub.sdk.sync import Page

LEASE = timedelta(minutes=5)  # renewed with every page
_log = structlog.get_logger("hub.sync")


def run(
    hub: Hub, slug: str, *, dry_run: bool = False, actor: str = audit.HUB
) -> SyncRun:
    """Read what is new at the provider; returns the finished run, `done` or
    `failed` with its error. A dry run reads and records nothing.

    Raises ConflictError if the connection can't sync, or is syncing already.
    """
    connection, row = _opened(hub, slug, actor)
    return _read(hub, connection, row, dry_run)


def start(
    hub: Hub, slug: str, *, actor: str = audit.HUB
) -> tuple[SyncRun, threading.Thread]:
    """Begin a run that reads on by itself: returns it, and the thread it runs in.

    Raises what `run` raises, before anything is read.
    """
    connection, row = _opened(hub, slug, actor)
    thread = threading.Thread(
        target=_read, args=(hub, connection, row, False), name=row.id, daemon=True
    )
    thread.start()
    return row, thread


def can_sync(hub: Hub, connection: LiveConnection) -> bool:
    """True if there is anything to sync."""
    return hub.plugins.has(connection.plugin, "sync")


def is_running(row: SyncRun) -> bool:
    """True while a process reads; the one of a run whose lease ran out is gone."""
    lease = row.lease_until
    return row.state == "running" and lease is not None and lease > now()


def _opened(hub: Hub, slug: str, actor: str) -> tuple[LiveConnection, SyncRun]:
    known = live(hub)
    known.refresh()
    connection = known.by_slug(slug)
    _check(hub, connection)
    return connection, _begin(hub, connection, actor)


def _read(hub: Hub, connection: LiveConnection, row: SyncRun, dry_run: bool) -> SyncRun:
    try:
        with contexts.opened(hub, connection) as ctx:
            pages = hub.plugins.call(
                connection.plugin, "sync", ctx=ctx, cursor=row.cursor
            )
            for page in pages:
                _keep(hub, row, page, dry_run)
    except Exception as error:  # a plugin may raise anything; the run says it
        return _finish(hub, row, connection, error)
    return _finish(hub, row, connection, None)


def run_all(hub: Hub) -> list[threading.Thread]:
    """Sync every connection in use whose plugin can, each in a thread of its own: a
    slow provider must hold up neither another nor the scheduler."""
    able = [
        each.slug for each in live(hub).all() if each.working and can_sync(hub, each)
    ]
    threads = [
        threading.Thread(target=_run_quietly, args=(hub, slug), daemon=True)
        for slug in able
    ]
    for thread in threads:
        thread.start()
    return threads


def _run_quietly(hub: Hub, slug: str) -> None:
    with suppress(ConflictError):  # a person started it just now
        row = run(hub, slug)
        _log.info("sync.finished", connection=slug, state=row.state, facts=row.facts)


def _check(hub: Hub, connection: LiveConnection) -> None:
    if not can_sync(hub, connection):
        raise ConflictError(f"{connection.title} has nothing to sync.")
    if not connection.working:
        raise ConflictError(
            f"{connection.title} is {connection.state}: mend or enable it first."
        )


def _begin(hub: Hub, connection: LiveConnection, actor: str) -> SyncRun:
    moment = now()
    row = SyncRun(
        id=new_id("syn"),
        connection_id=connection.id,
        state="running",
        claim=new_id("clm"),
        lease_until=moment + LEASE,
        started_at=moment,
    )
    try:
        with hub.write() as session:
            _end_lost(session, connection.id)
            row.cursor = _last_cursor(session, connection.id)
            session.add(row)
            audit.record(session, actor, "sync.started", f"connection:{connection.id}")
    except IntegrityError:
        raise ConflictError(f"{connection.title} is syncing already.") from None
    return row


def _end_lost(session: Session, connection_id: str) -> None:
    """The process of an expired run is gone; its pages stay."""
    session.execute(
        update(SyncRun)
        .where(
            SyncRun.connection_id == connection_id,
            SyncRun.state == "running",
            SyncRun.lease_until < now(),
        )
        .values(state="failed", error="Its process ended.", finished_at=now())
    )


def _last_cursor(session: Session, connection_id: str) -> str | None:
    newest = (
        select(SyncRun.cursor)
        .where(SyncRun.connection_id == connection_id, SyncRun.cursor.is_not(None))
        .order_by(SyncRun.started_at.desc(), SyncRun.id.desc())
        .limit(1)
    )
    return session.scalar(newest)


def _keep(hub: Hub, row: SyncRun, page: Page, dry_run: bool) -> None:
    with hub.write() as session:
        kept = session.get_one(SyncRun, row.id, with_for_update=True)
        if kept.claim != row.claim or kept.state != "running":
            raise ConflictError("Another process has taken this sync over.")
        kept.pages += 1
        kept.facts += len(page.facts)
        kept.lease_until = now() + LEASE
        if dry_run:
            return
        connection = session.get_one(Connection, row.connection_id)
        record_all(session, connection, page.facts, sync_run_id=row.id)
        kept.cursor = page.cursor or kept.cursor


def _finish(
    hub: Hub, row: SyncRun, connection: LiveConnection, error: Exception | None
) -> SyncRun:
    words = connection.redactor.text(outcomes.words(error)) if error else ""
    with hub.write() as session:
        kept = session.get_one(SyncRun, row.id, with_for_update=True)
        if kept.claim == row.claim and kept.state == "running":
            kept.state, kept.error = "failed" if error else "done", words
            kept.finished_at, kept.claim, kept.lease_until = now(), None, None
        if isinstance(error, CredentialsError):
            refused = session.get_one(Connection, row.connection_id)
            breaker.refuse(session, refused, words)
    return kept

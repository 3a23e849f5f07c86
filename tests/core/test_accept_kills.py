"""Two processes accept at once and are killed in the middle of it."""

import random
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from hub.boot import Hub
from hub.core.models import Connection, InboundWebhook
from hub.db import Database

SCRIPT = Path(__file__).with_name("accepting.py")
ROOT = Path(__file__).parents[2]


def accepting(
    database: Database, till: Connection, prefix: str
) -> "subprocess.Popen[bytes]":
    url = database.url.render_as_string(hide_password=False)
    command = [sys.executable, str(SCRIPT), url, till.id, prefix, "8"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)


def read(process: "subprocess.Popen[bytes]", count: int) -> list[str]:
    """Read that many acknowledgements."""
    assert process.stdout
    return [process.stdout.readline().decode().strip() for _ in range(count)]


def test_nothing_acknowledged_is_lost_by_a_kill(hub: Hub, till: Connection) -> None:
    """ROAD law 2, goal 1: answered after the commit, whatever happens then."""
    chance = random.Random(7)  # noqa: S311 - where to kill is no secret
    acknowledged: list[str] = []
    for turn in range(3):
        both = [accepting(hub.database, till, f"{turn}{name}") for name in "ab"]
        for process in both:
            acknowledged += read(process, chance.randint(20, 200))
        for process in both:
            process.kill()
            rest = process.communicate()[0].decode()
            acknowledged += rest[: rest.rfind("\n") + 1].split()

    with hub.read() as session:
        kept = set(session.scalars(select(InboundWebhook.dedupe_key)))
    assert set() == set(acknowledged) - kept
    assert len(acknowledged) == len(set(acknowledged))


def test_two_processes_keep_each_key_once(hub: Hub, till: Connection) -> None:
    """ROAD law 4."""
    both = [accepting(hub.database, till, "same") for _ in "ab"]
    acknowledged = [key for process in both for key in read(process, 200)]
    for process in both:
        process.kill()
        process.communicate()

    with hub.read() as session:
        kept = list(session.scalars(select(InboundWebhook.dedupe_key)))
    assert set() == set(acknowledged) - set(kept)
    assert len(kept) == len(set(kept))

"""Under gevent nothing switches inside a write transaction (ROAD 33)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.db import Database
from hub.settings import Settings
from tests.parts.bank import Bank, connected

SCRIPT = Path(__file__).with_name("greenlets.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def sqlite_bank(sqlite_database: Database, settings: Settings) -> Bank:
    return connected(sqlite_database, settings)


def watched(bank: Bank, *how: str) -> tuple[int, int]:
    """Run a web process; returns what it kept and how often it switched."""
    url = str(bank.hub.database.url)
    data = str(bank.hub.settings.data_dir)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), url, data, *how],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert 0 == done.returncode, done.stderr[-3000:]
    kept, switches = done.stdout.split()[-2:]
    return int(kept), int(switches)


def test_nothing_switches_inside_a_write_transaction(sqlite_bank: Bank) -> None:
    assert (100, 0) == watched(sqlite_bank)
    assert 105 == len(sqlite_bank.kept())


def test_switch_inside_a_write_transaction_is_found(sqlite_bank: Bank) -> None:
    kept, switches = watched(sqlite_bank, "misbehave")

    assert 100 == kept
    assert switches > 0

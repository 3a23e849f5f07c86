"""A worker is killed between claim and commit; the next one does it all, once."""

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import func, select

from hub.core import process
from hub.core.models import Event, FactRow, Payment
from hub.core.webhooks.claims import LEASE
from hub.sdk import clock
from tests.parts.bank import Bank, body_of, event
from tests.parts.ledger import NUMBER, add_invoice

SCRIPT = Path(__file__).with_name("processing.py")
ROOT = Path(__file__).parents[2]


def killed(bank: Bank, moment: str) -> int:
    url = bank.hub.database.url.render_as_string(hide_password=False)
    data = str(bank.hub.settings.data_dir)
    command = [sys.executable, str(SCRIPT), url, data, moment]
    # The script needs the tests' own plugin.
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, timeout=60, capture_output=True, check=False
    )
    return done.returncode


def counted(bank: Bank) -> list[int]:
    received = select(func.count(Event.id)).where(Event.type == "payment.received")
    with bank.hub.read() as session:
        facts = session.scalar(select(func.count(FactRow.id)))
        payments = session.scalar(select(func.count(Payment.id)))
        return [facts or 0, payments or 0, session.scalar(received) or 0]


@pytest.mark.parametrize("moment", ["hook", "commit"])
def test_killed_worker_loses_and_doubles_nothing(bank: Bank, moment: str) -> None:
    """ROAD 1, 16, 26."""
    add_invoice(bank.hub)
    for id in ("a", "b"):
        bank.post(body_of(id, event(id, invoice=NUMBER)))

    assert -signal.SIGKILL == killed(bank, moment)
    assert [0, 0, 0] == counted(bank)
    assert ["received"] * 2 == [row.state for row in bank.kept()]
    assert 0 == process.drain_all(bank.hub)  # the lease isn't over

    with time_machine.travel(clock.now() + LEASE + timedelta(seconds=1)):
        assert 2 == process.drain_all(bank.hub)
    assert [2, 2, 2] == counted(bank)
    assert ["processed"] * 2 == [row.state for row in bank.kept()]

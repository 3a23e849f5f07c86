"""A process that works through webhooks and is killed on the way: a script.

processing.py DATABASE_URL DATA_DIR MOMENT: MOMENT is `hook` (claimed, the plugin is
at work) or `commit` (all is written, nothing committed).
"""

import os
import signal
import sys
from typing import Any

from hub.core import process
from hub.core.webhooks import noting
from hub.db import Database
from hub.settings import load
from tests.parts.bank import BankPlugin, make_hub


def die(*args: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, data_dir: str, moment: str) -> None:
    bank = BankPlugin()
    if moment == "hook":
        bank.before = die
    else:
        record_all = vars(noting)["record_all"]

        def record_and_die(*args: Any, **kwargs: Any) -> None:
            record_all(*args, **kwargs)
            args[0].flush()
            die()

        vars(noting)["record_all"] = record_and_die
    settings = load({"HUB_DATA_DIR": data_dir, "HUB_REDIS_URL": "unix:///nowhere"})
    hub = make_hub(Database(url), settings, bank)
    process.drain(hub, lambda: False, budget_seconds=20)


if __name__ == "__main__":
    main(*sys.argv[1:])

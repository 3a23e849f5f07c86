"""A process that accepts webhooks until it is killed: a script of its own.

accepting.py DATABASE_URL CONNECTION_ID PREFIX THREADS: writes each row's key to
standard output once it is told that the row is durable.
"""

import itertools
import os
import sys
import threading
from types import SimpleNamespace
from typing import Any

from hub.core.accept import Writer
from hub.core.webhooks.inserts import Row
from hub.db import Database


def main(url: str, connection_id: str, prefix: str, threads: str) -> None:
    bell = SimpleNamespace(ring=lambda work: None)
    hub: Any = SimpleNamespace(database=Database(url), bell=bell)
    writer = Writer(hub)

    def accept(number: int) -> None:
        for turn in itertools.count():
            key = f"{prefix}{number}-{turn}"
            row = Row(
                connection_id=connection_id,
                dedupe_key=key,
                method="POST",
                path="",
                headers=b"A: b",
                body=b"x" * 2048,
            )
            writer.keep(row)
            os.write(1, f"{key}\n".encode())  # at once: no buffer to lose

    for number in range(int(threads)):
        threading.Thread(target=accept, args=(number,)).start()


if __name__ == "__main__":
    main(*sys.argv[1:])

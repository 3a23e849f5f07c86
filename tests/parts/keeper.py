"""Keep one server alive exactly as long as its owner: a script of its own.

keeper.py LOCK FOLDER UID GID COMMAND...: the owner holds LOCK (flock), which the
kernel lets go however the owner ends. Then the server is stopped and FOLDER removed.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

PATIENCE_SECONDS = 8


def main(lock: str, folder: str, uid: str, gid: str, *command: str) -> None:
    Path(folder).mkdir(mode=0o700, exist_ok=True)
    if os.fork():
        return
    os.setsid()  # a Ctrl-C in the terminal ends the tests first, then the server
    with start(command, folder, int(uid), int(gid)) as server:
        threading.Thread(target=stop, args=(lock, server), daemon=True).start()
        server.wait()
    shutil.rmtree(folder, ignore_errors=True)
    remove_run_if_over(Path(folder).parents[1])


def remove_run_if_over(run: Path) -> None:
    """After a `kill -9` of the tests there is nobody else to do it."""
    try:
        with (run / "controller.alive").open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return
    shutil.rmtree(run, ignore_errors=True)


def start(
    command: tuple[str, ...], folder: str, uid: int, gid: int
) -> subprocess.Popen[bytes]:
    if uid == os.geteuid():
        return subprocess.Popen(command, cwd=folder)
    os.chown(folder, uid, gid)
    return subprocess.Popen(command, cwd=folder, user=uid, group=gid, extra_groups=[])


def stop(lock: str, server: subprocess.Popen[bytes]) -> None:
    with Path(lock).open() as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
    server.send_signal(signal.SIGINT)
    try:
        server.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])

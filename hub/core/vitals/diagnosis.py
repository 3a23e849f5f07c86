"""What `hub doctor` looks at: each finding says how it is and, if bad, what to do."""

import os
import resource
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import func, select

from hub import schema
from hub.boot import KEY_FILE, Hub
from hub.core.configuration.live import live
from hub.core.models import Worker
from hub.core.models.duty import ALIVE
from hub.core.vitals import health
from hub.sdk import clock
from hub.sdk.errors import HubError
from hub.sdk.http import is_loopback

FILES = 40_500  # two per feed connection of one web process, and some (ROAD 41)
_ROOM = 500 * 1024 * 1024  # bytes

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    text: str


def findings(hub: Hub) -> Iterator[Finding]:
    """Look at everything, one after the other; none of it raises."""
    failed = set[str]()
    for name, look in _LOOKS.items():
        if failed & {"database", "schema"} and name in _READ_TABLES:
            continue
        try:
            state, text = look(hub)
        except HubError as error:
            state, text = "failed", str(error)
        if state == "failed":
            failed.add(name)
        yield Finding(name=name, state=state, text=text)


_Found = tuple[State, str]


def _data_folder(hub: Hub) -> _Found:
    folder = hub.settings.data_dir
    if not os.access(folder, os.W_OK | os.X_OK):
        return "failed", f"{folder} can't be written: choose another by HUB_DATA_DIR."
    free = shutil.disk_usage(folder).free
    if free < _ROOM:
        return "warning", f"{folder} has only {free // 2**20} MB left: make room."
    return "ok", f"{folder} can be written, {free // 2**30} GB are free."


def _keys(hub: Hub) -> _Found:
    if hub.settings.encryption_keys:
        return "ok", f"{len(hub.keys)} from HUB_ENCRYPTION_KEYS."
    path = hub.settings.data_dir / KEY_FILE
    if path.stat().st_mode & 0o077:
        return "warning", f"{path} can be read by others: chmod 600 {path}."
    return "ok", f"One in {path}: keep a copy of it with your backups."


def _database(hub: Hub) -> _Found:
    with hub.read() as session:
        session.execute(select(1))
    if hub.database.sqlite:
        return "ok", f"SQLite in {hub.database.url.database} answers."
    return "ok", f"PostgreSQL at {hub.database.url.host or 'a socket'} answers."


def _schema(hub: Hub) -> _Found:
    schema.require(hub.database)
    return "ok", f"Up to date: {schema.current(hub.database)}."


def _clock(hub: Hub) -> _Found:
    found = health.check(hub)
    if found.problem:
        return "failed", found.problem
    return "ok", "Not more than 5 s apart from the database's."


def _redis(hub: Hub) -> _Found:
    if hub.bell.is_up():
        return "ok", "It answers."
    if hub.settings.redis_url:
        return "failed", (
            "It doesn't answer at HUB_REDIS_URL: start it. Until then the hub works by"
            " polling, a few seconds later."
        )
    return "warning", "The embedded one doesn't run: `hub up` starts it."


def _plugins(hub: Hub) -> _Found:
    plugins, view = hub.plugins.all(), live(hub)
    broken = [
        f"{plugin.name}: {error}"
        for plugin in plugins
        for state, error in [view.plugin_state(plugin.name)]
        if state == "broken"
    ]
    if broken:
        return "failed", " ".join([*broken, "Install a mended version of it."])
    if not plugins:
        return "warning", "None is installed: `pip install hub-plugin-slack`, say."
    return "ok", f"{len(plugins)} installed, none broken."


def _connections(hub: Hub) -> _Found:
    found = live(hub).all()
    wrong = [f"{c.slug}: {c.error}" for c in found if c.error and c.provider]
    wrong += [
        f"{c.slug}: {c.state}. {c.problem}".strip()
        for c in found
        if c.state in ("degraded", "needs_reauth") and not c.error
    ]
    if wrong:
        return "warning", " ".join(wrong)
    incomplete = [c.slug for c in found if c.state == "setup"]
    if incomplete:
        return "warning", (
            f"Not set up yet: {', '.join(incomplete)}. `hub connections show"
            f" {incomplete[0]}` says what is missing."
        )
    return "ok", f"{len(found)}, and none needs anything."


def _processes(hub: Hub) -> _Found:
    with hub.read() as session:
        rows = session.execute(
            select(Worker.kind, func.count())
            .where(Worker.seen_at > clock.now() - ALIVE)
            .group_by(Worker.kind)
            .order_by(Worker.kind)
        ).all()
    running = {kind: count for kind, count in rows}
    lacking = [
        kind for kind in ("process", "deliver", "scheduler") if kind not in running
    ]
    if lacking:
        return "warning", (
            f"Not running: {', '.join(lacking)}. Start `hub up`, or `hub worker` and"
            " `hub scheduler`."
        )
    return "ok", ", ".join(f"{count} {kind}" for kind, count in running.items()) + "."


def _files(hub: Hub) -> _Found:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < FILES:
        return "warning", (
            f"At most {hard} open files: enough for {max(hard - 500, 0) // 2} browsers"
            f" per web process. Raise the limit (ulimit -n) to {FILES} for 20,000."
        )
    return "ok", "Enough for 20,000 browsers per web process."


def _base_url(hub: Hub) -> _Found:
    url = hub.settings.base_url
    if urlsplit(url).scheme == "http" and not is_loopback(urlsplit(url).hostname or ""):
        return "failed", (
            f"HUB_BASE_URL is {url}: providers and browsers need https:// there."
        )
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=3):  # noqa: S310
            pass
    except (OSError, ValueError, urllib.error.HTTPError):
        return "warning", (
            f"Nobody answers at {url}: start the hub, or correct HUB_BASE_URL; links"
            " and webhook addresses are made of it."
        )
    return "ok", f"The hub answers at {url}."


_LOOKS: dict[str, Callable[[Hub], _Found]] = {
    "data folder": _data_folder,
    "keys": _keys,
    "database": _database,
    "schema": _schema,
    "clock": _clock,
    "redis": _redis,
    "plugins": _plugins,
    "connections": _connections,
    "processes": _processes,
    "open files": _files,
    "base URL": _base_url,
}
# Without the tables there is nothing to say about these.
_READ_TABLES = ("clock", "plugins", "connections", "processes")

"""What one process knows of connections and plugins, at most a second old.

It reads the settings' revision once a second and everything else only when that
changed (ROAD 30). No Redis is needed, nothing is pushed.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from hub import log
from hub.boot import Hub
from hub.core import vault
from hub.core.configuration import revision
from hub.core.configuration import settings as connection_settings
from hub.core.configuration.missing import Missing
from hub.core.models import Connection, PluginSwitch
from hub.core.models.connection import WORKING
from hub.sdk.errors import HubError, NotFoundError
from hub.sdk.provider import Provider
from hub.sdk.redaction import Redactor

_WHOLE = 3600.0  # seconds after which all is read anew, whatever the revision


@dataclass(frozen=True, kw_only=True)
class LiveConnection:
    """One connection as it is in force; made anew with every change.

    `settings` hold defaults, stored values, secrets and environment in the clear.
    `error` says why it can't be used at all (plugin broken, a setting wrong).
    """

    id: str
    plugin: str
    slug: str
    state: str
    problem: str
    enabled: bool  # its plugin is
    held: bool = False  # its plugin is switched on, but quarantined
    hooks_off: frozenset[str]
    provider: Provider | None = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    sources: Mapping[str, connection_settings.Source] = field(repr=False)
    missing: tuple[str, ...] = ()
    error: str = ""
    redactor: Redactor = field(compare=False)

    @property
    def accepts_webhooks(self) -> bool:
        """True unless it or its plugin is off (ROAD 12). The plugin refuses what
        isn't set up yet; what comes while it is quarantined waits for it."""
        on = self.enabled or self.held
        return on and self.provider is not None and self.state != "disabled"

    @property
    def working(self) -> bool:
        """True if deliveries and syncs go out."""
        return self.enabled and self.provider is not None and self.state in WORKING

    def hears(self, hook: str) -> bool:
        """True unless an admin unticked this event hook."""
        return hook not in self.hooks_off

    @property
    def title(self) -> str:
        """What people call it: `Slack`, or `Slack (slack-2)`."""
        title = self.provider.title if self.provider else self.plugin
        return title if self.slug == self.plugin else f"{title} ({self.slug})"

    @property
    def rate_limit(self) -> float:
        """Calls per second: the admin's, else the plugin's."""
        given = self.settings.get("rate_limit")
        default = self.provider.budget.per_second if self.provider else 1.0
        return float(given if given is not None else default)

    @property
    def api_base_url(self) -> str:
        """What takes the place of the provider's scheme and host, or nothing."""
        return str(self.settings.get("api_base_url") or "")


@dataclass(frozen=True)
class _Snapshot:
    number: int
    taken: float
    connections: Mapping[str, LiveConnection]  # by id
    switches: Mapping[str, PluginSwitch]

    @cached_property
    def by_slug(self) -> Mapping[str, LiveConnection]:
        return {each.slug: each for each in self.connections.values()}


class Live:
    """The view of one process. Get it with `live(hub)`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._snapshot: _Snapshot | None = None
        self._looked = 0.0
        self._changes = revision.changes_here(hub)
        self._seen = 0  # of our own changes
        self._missing = Missing()

    def by_slug(self, slug: str, *, fresh: bool = False) -> LiveConnection:
        """Return the connection; NotFoundError once the table knows none either.

        `fresh` asks the table for changes first: before saying that it is disabled.
        """
        snapshot = self._fresh() if fresh else self._now()
        found = snapshot.by_slug.get(slug)
        if found is None and not self._missing.has(slug, snapshot):
            if self._in_table(Connection.slug == slug):
                found = self.refresh().by_slug.get(slug)
            else:
                self._missing.add(slug, snapshot)
        if found is None:
            raise NotFoundError(f"There is no connection {slug!r}.")
        return found

    def by_id(self, connection_id: str) -> LiveConnection:
        """Return the connection; NotFoundError once the table knows none either."""
        found = self._now().connections.get(connection_id)
        if found is None and self._in_table(Connection.id == connection_id):
            found = self.refresh().connections.get(connection_id)
        if found is None:
            raise NotFoundError("There is no such connection any more.")
        return found

    def all(self) -> tuple[LiveConnection, ...]:
        """All connections, by slug."""
        return tuple(sorted(self._now().connections.values(), key=lambda c: c.slug))

    def plugin_enabled(self, name: str) -> bool:
        """True if the plugin is whole and switched on."""
        return self._enabled(name, self._now().switches)

    def plugin_state(self, name: str) -> tuple[str, str]:
        """A plugin's state (available, enabled, disabled, broken) and its error."""
        plugin = self._hub.plugins.get(name)
        switch = self._now().switches.get(name)
        if plugin.error:
            return "broken", plugin.error
        if switch is not None and switch.quarantined_at is not None:
            return "broken", switch.quarantine_reason
        if self.plugin_enabled(name):
            return "enabled", ""
        return ("disabled" if switch is not None else "available"), ""

    def _enabled(self, name: str, switches: Mapping[str, PluginSwitch]) -> bool:
        if not self._hub.plugins.has(name, "describe_provider"):
            return False
        switch = switches.get(name)
        if switch is None:
            return not self._hub.plugins.provider(name).needs_connection
        return switch.enabled and switch.quarantined_at is None

    def _in_table(self, condition: Any) -> bool:
        with self._hub.read() as session:
            live = Connection.removed_at.is_(None)
            return bool(session.scalar(select(exists().where(condition, live))))

    def _now(self) -> _Snapshot:
        snapshot = self._snapshot
        if snapshot is None:
            return self.refresh()
        recent = time.monotonic() - self._looked < revision.LOOKED_AT_EVERY
        if recent and self._seen == self._changes.count:
            return snapshot
        # One looks, the others go on with what is known.
        if self._lock.acquire(blocking=False):
            try:
                self._look(snapshot)
            finally:
                self._lock.release()
        return self._snapshot or snapshot

    def _fresh(self) -> _Snapshot:
        if self._snapshot is not None:
            with self._lock:
                self._look(self._snapshot)
        return self._snapshot or self.refresh()

    def _look(self, known: _Snapshot) -> None:
        started, changes = time.monotonic(), self._changes.count
        with self._hub.read() as session:
            stale = started - known.taken > _WHOLE
            if stale or revision.number(session) != known.number:
                self._snapshot = self._read(session)
        self._looked, self._seen = started, changes

    def refresh(self) -> _Snapshot:
        """Read everything now."""
        with self._lock:
            started, changes = time.monotonic(), self._changes.count
            with self._hub.read() as session:
                self._snapshot = snapshot = self._read(session)
            self._looked, self._seen = started, changes
        return snapshot

    def _read(self, session: Session) -> _Snapshot:
        # The revision first: a change in between is then read once more.
        number = revision.number(session)
        switches = {row.name: row for row in session.scalars(select(PluginSwitch))}
        held = {n for n, row in switches.items() if row.enabled and row.quarantined_at}
        rows = session.scalars(
            select(Connection).where(Connection.removed_at.is_(None))
        )
        connections = {
            row.id: resolved(
                self._hub,
                row,
                enabled=self._enabled(row.plugin, switches),
                held=row.plugin in held,
            )
            for row in rows
        }
        for each in connections.values():
            log.hide(each.id, each.redactor)
        return _Snapshot(number, time.monotonic(), connections, switches)


def live(hub: Hub) -> Live:
    """This process's view."""
    return hub.part(Live)


def resolved(
    hub: Hub, row: Connection, *, enabled: bool = True, held: bool = False
) -> LiveConnection:
    """Put a connection's row together with defaults and environment; what is wrong
    with it is said in `error`, so that one bad row harms nothing else."""
    provider, settings, error = None, None, ""
    redactor = Redactor()
    try:
        provider = hub.plugins.provider(row.plugin)
        secrets = stored_secrets(hub, row)
        stored = {**row.settings, "rate_limit": row.rate_limit, **secrets}
        settings = connection_settings.resolve(
            provider, row.slug, stored, hub.settings.environ
        )
        for key in connection_settings.secret_names(provider):
            redactor.add(str(settings.values.get(key) or ""))
            redactor.add(str(secrets.get(key) or ""))
    except HubError as found:
        error = str(found)
    return LiveConnection(
        id=row.id,
        plugin=row.plugin,
        slug=row.slug,
        state=row.state,
        problem=row.problem,
        enabled=enabled,
        held=held,
        hooks_off=frozenset(row.hooks_off),
        provider=provider,
        settings=settings.values if settings else {},
        sources=settings.sources if settings else {},
        missing=settings.missing if settings else (),
        error=error or (_wrong(settings) if settings else ""),
        redactor=redactor,
    )


def stored_secrets(hub: Hub, row: Connection) -> dict[str, Any]:
    """The secrets stored for a connection, in the clear."""
    if row.secrets is None:
        return {}
    found: dict[str, Any] = vault.unseal(hub, vault.of_connection(row.id), row.secrets)
    return found


def _wrong(settings: connection_settings.Resolved) -> str:
    return settings.problem if settings.wrong else ""

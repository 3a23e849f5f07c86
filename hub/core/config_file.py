"""The configuration as JSON: plugins, connections with their settings, and what is
sent to whom; no secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core import audit, connections, sending_file
from hub.core.configuration import live
from hub.core.configuration import settings as connection_settings
from hub.core.configuration import switches as plugin_switches
from hub.core.models import Connection, PluginSwitch
from hub.sdk.errors import ConflictError, InvalidError

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did, by slug; `incomplete` still lack settings, secrets mostly."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    incomplete: tuple[str, ...]


def export(session: Session) -> dict[str, Any]:
    """Everything an admin has set, but secrets: those are named only."""
    switches = session.scalars(select(PluginSwitch).order_by(PluginSwitch.name))
    rows = session.scalars(
        select(Connection)
        .where(Connection.removed_at.is_(None))
        .order_by(Connection.slug)
    )
    return {
        "version": VERSION,
        "plugins": {row.name: {"enabled": row.enabled} for row in switches},
        "connections": [_exported(session, row) for row in rows],
        "sending": sending_file.export(session),
    }


def load(session: Session, data: Any, *, actor: str = audit.HUB) -> Imported:
    """Make plugins and connections as the file says: all of it or, on an error,
    nothing. Secrets and connections it doesn't name stay as they are."""
    given = _checked(data)
    added, changed = [], []
    for entry in given["connections"]:
        slug = entry["slug"]
        if _find(session, slug) is None:
            connections.add(session, entry["plugin"], slug, actor=actor)
            added.append(slug)
        if _apply(session, entry, actor) and slug not in added:
            changed.append(slug)
    for name, switch in given["plugins"].items():
        turn = plugin_switches.enable if switch["enabled"] else plugin_switches.disable
        turn(session, name, actor=actor)
    session.flush()
    if "sending" in data:
        sending_file.load(session, data["sending"], actor=actor)
    incomplete = [
        entry["slug"]
        for entry in given["connections"]
        if live.resolved(
            hub_of(session), connections.find(session, entry["slug"])
        ).missing
    ]
    return Imported(
        added=tuple(added), changed=tuple(changed), incomplete=tuple(incomplete)
    )


def _exported(session: Session, row: Connection) -> dict[str, Any]:
    now = live.resolved(hub_of(session), row)
    secret = (
        connection_settings.secret_names(now.provider) if now.provider else frozenset()
    )
    return {
        "slug": row.slug,
        "plugin": row.plugin,
        "enabled": row.state != "disabled",
        "settings": _plain(row),
        "hooks_off": list(row.hooks_off),
        "secrets": sorted(k for k in secret if now.sources.get(k) == "stored"),
    }


def _plain(row: Connection) -> dict[str, Any]:
    rate = {} if row.rate_limit is None else {"rate_limit": row.rate_limit}
    return {**row.settings, **rate}


def _apply(session: Session, entry: Mapping[str, Any], actor: str) -> bool:
    """Bring one connection to what the file says; false if it is so already."""
    row = connections.find(session, entry["slug"])
    if row.plugin != entry["plugin"]:
        raise ConflictError(
            f"The connection {row.slug} belongs to the plugin {row.plugin}, in the"
            f" file to {entry['plugin']}."
        )
    provider = hub_of(session).plugins.provider(row.plugin)
    settings, changed = entry["settings"], False
    if secret := connection_settings.secret_names(provider) & set(settings):
        raise InvalidError(
            f"{row.slug}: {', '.join(sorted(secret))} is secret and doesn't belong"
            f" in a file. Set it with `hub connections set {row.slug}`."
        )
    if _plain(row) != settings:
        gone = set(_plain(row)) - set(settings)
        connections.set_settings(session, row.slug, settings, remove=gone, actor=actor)
        changed = True
    if sorted(row.hooks_off) != sorted(entry["hooks_off"]):
        connections.set_hooks_off(session, row.slug, entry["hooks_off"], actor=actor)
        changed = True
    if (row.state != "disabled") != entry["enabled"]:
        turn = connections.enable if entry["enabled"] else connections.disable
        turn(session, row.slug, actor=actor)
        changed = True
    return changed


def _find(session: Session, slug: str) -> str | None:
    return session.scalar(
        select(Connection.id).where(
            Connection.slug == slug, Connection.removed_at.is_(None)
        )
    )


def _checked(data: Any) -> dict[str, Any]:
    """Check the file's shape; what is in the settings is the connections' to check."""
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise InvalidError(
            f"This is no configuration of the hub (version {VERSION}), as"
            " `hub config export` writes it."
        )
    plugins, rows = data.get("plugins", {}), data.get("connections", [])
    if not isinstance(plugins, dict) or not all(
        isinstance(switch, dict) and isinstance(switch.get("enabled"), bool)
        for switch in plugins.values()
    ):
        raise _misshapen('plugins must look like {"slack": {"enabled": true}}')
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _misshapen("connections must be a list of objects")
    return {"plugins": plugins, "connections": [_entry(row) for row in rows]}


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    entry = {"enabled": True, "settings": {}, "hooks_off": [], **row}
    kinds = {
        "slug": str,
        "plugin": str,
        "enabled": bool,
        "settings": dict,
        "hooks_off": list,
    }
    for key, kind in kinds.items():
        if not isinstance(entry.get(key), kind):
            raise _misshapen(f"each connection needs {key}, a {kind.__name__}")
    return entry


def _misshapen(what: str) -> InvalidError:
    return InvalidError(f"The configuration can't be read: {what}.")

"""Connections: add, set, switch, remove. Each change raises the settings' revision
and writes an audit entry in the same commit."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.boot import Hub, hub_of
from hub.core import audit, vault
from hub.core.configuration import live, revision
from hub.core.configuration import settings as connection_settings
from hub.core.configuration import switches as plugin_switches
from hub.core.deliveries import breaker
from hub.core.models import (
    Connection,
    ConnectionState,
    Delivery,
    new_id,
)
from hub.hookspecs import EVENT_HOOKS
from hub.sdk import clock
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError, SettingsError
from hub.sdk.events import EVENT_TYPES, hook_of

_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PAUSED = ("needs_reauth", "disabled")


def find(session: Session, slug: str) -> Connection:
    """Return the connection, locked to the end of the transaction."""
    row = session.scalar(
        select(Connection)
        .where(Connection.slug == slug, Connection.removed_at.is_(None))
        .with_for_update(key_share=True)
    )
    if row is None:
        raise NotFoundError(
            f"There is no connection {slug!r}. `hub connections list` shows them."
        )
    return row


def add(
    session: Session,
    plugin: str,
    slug: str | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    actor: str = audit.HUB,
) -> Connection:
    """Save a connection and enable its plugin, without a network call.

    The first one of a plugin takes the plugin's name as slug. Where settings are
    missing it stays in `setup`.
    """
    provider = hub_of(session).plugins.provider(plugin)
    if not provider.needs_connection:
        raise ConflictError(
            f"{provider.title} needs no connection: `hub plugins enable {plugin}`."
        )
    row = Connection(
        id=new_id("cnn"), plugin=plugin, slug=_new_slug(session, plugin, slug)
    )
    row.settings, row.hooks_off, row.state = {}, [], "setup"
    _store(session, row, settings or {}, ())
    _settle(hub_of(session), row)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # another process was faster
        raise _taken(row.slug) from None
    plugin_switches.enable(session, plugin, actor=actor)
    _changed(session, row, actor, "added", settings=sorted(settings or {}))
    return row


def set_settings(
    session: Session,
    slug: str,
    changes: Mapping[str, Any],
    *,
    remove: Collection[str] = (),
    actor: str = audit.HUB,
) -> Connection:
    """Change settings; InvalidError names each that is unknown or wrong.

    Secrets are write-only: an empty one means unchanged. To take a setting away,
    name it in `remove` (or give None); a plain one also by an empty value. What was
    held for wrong credentials goes on.
    """
    row = find(session, slug)
    _store(session, row, changes, remove)
    named = sorted({*changes, *remove})
    if row.state == "needs_reauth" and named != ["rate_limit"]:
        row.state, row.problem = "setup", ""
        breaker.hurry(session, row.id)
    _settle(hub_of(session), row)
    _changed(session, row, actor, "changed", settings=named)
    return row


def enable(session: Session, slug: str, *, actor: str = audit.HUB) -> Connection:
    """Put the connection to use; it needs neither a test nor a webhook secret."""
    row = find(session, slug)
    if row.state == "disabled":
        row.state = "setup"
        _settle(hub_of(session), row)
        _changed(session, row, actor, "enabled")
    return row


def disable(session: Session, slug: str, *, actor: str = audit.HUB) -> Connection:
    """Hold the connection: webhooks are refused, deliveries wait."""
    row = find(session, slug)
    if row.state != "disabled":
        _move(row, "disabled")
        _changed(session, row, actor, "disabled")
    return row


def set_hooks_off(
    session: Session, slug: str, off: Collection[str], *, actor: str = audit.HUB
) -> Connection:
    """Say which events (types or hook names) this connection does not hear."""
    hooks = {hook_of(name) if name in EVENT_TYPES else name for name in off}
    unknown = sorted(hooks - set(EVENT_HOOKS))
    if unknown:
        raise InvalidError(
            f"There are no such events: {', '.join(unknown)}.",
            {"hooks_off": ["Unknown event."]},
        )
    row = find(session, slug)
    row.hooks_off = sorted(hooks)
    _changed(session, row, actor, "changed", hooks_off=row.hooks_off)
    return row


def repaired(session: Session, slug: str, *, actor: str = audit.HUB) -> Connection:
    """It was seen to work: take it out of `needs_reauth`, note the time."""
    row = find(session, slug)
    row.tested_at = clock.now()
    if row.state == "needs_reauth":
        _move(row, "active")
        _changed(session, row, actor, "repaired")
    breaker.recovered(session, row)
    return row


def remove(session: Session, slug: str, *, actor: str = audit.HUB) -> None:
    """Take the connection away. Its row stays for webhooks, deliveries and money
    that refer to it; settings and secrets go, what waits is skipped."""
    row = find(session, slug)
    _changed(session, row, actor, "removed", slug=slug)
    session.execute(
        update(Delivery)
        .where(
            Delivery.connection_id == row.id,
            Delivery.state.in_(("pending", "retrying")),
        )
        .values(
            state="skipped",
            reason="connection removed",
            explanation="Not sent: its connection was removed.",
            finished_at=clock.now(),
        )
    )
    session.execute(
        delete(ConnectionState).where(ConnectionState.connection_id == row.id)
    )
    row.settings, row.secrets = {}, None
    _move(row, "disabled")
    row.removed_at = clock.now()
    # A dot is in no slug, so that nobody can take this one.
    row.slug = f"{slug}.{row.id.removeprefix('cnn_')}"


def settle(hub: Hub) -> int:
    """At the start of a process: connections the environment has completed leave
    `setup`. Returns how many."""
    with hub.read() as session:
        waiting = select(Connection.id).where(
            Connection.state == "setup", Connection.removed_at.is_(None)
        )
        ids = session.scalars(waiting).all()
    if not ids:
        return 0
    with hub.write() as session:
        rows = session.scalars(
            select(Connection)
            .where(Connection.id.in_(ids), Connection.state == "setup")
            .with_for_update(key_share=True)
        ).all()
        for row in rows:
            _settle(hub, row)
        moved = [row for row in rows if row.state != "setup"]
        if moved:
            revision.bump(session)
    return len(moved)


def _settle(hub: Hub, row: Connection) -> None:
    """Between `setup` and `active` the settings decide; other states stay."""
    if row.state not in ("setup", "active"):
        return
    now = live.resolved(hub, row)
    _move(row, "setup" if now.error or now.missing else "active")


def _move(row: Connection, state: str) -> None:
    if state in _PAUSED and row.paused_at is None:
        row.paused_at = clock.now()
    row.state, row.problem = state, ""


def _store(
    session: Session,
    row: Connection,
    changes: Mapping[str, Any],
    remove: Collection[str],
) -> None:
    hub = hub_of(session)
    provider = hub.plugins.provider(row.plugin)
    secret = connection_settings.secret_names(provider)
    secrets, readable = _secrets(hub, row)
    plain = {**row.settings, "rate_limit": row.rate_limit}
    gone = {*remove, *(key for key, value in changes.items() if value is None)}
    gone |= {key for key, value in changes.items() if value == "" and key not in secret}
    connection_settings.refuse_unknown(provider, {*changes, *gone})
    present = {k: v for k, v in {**plain, **secrets}.items() if k not in gone}
    kept = {k: v for k, v in present.items() if v is not None}
    given = {k: v for k, v in changes.items() if v not in (None, "")}
    kept |= connection_settings.checked(provider, kept, given)
    row.rate_limit = kept.pop("rate_limit", None)
    row.settings = {k: v for k, v in kept.items() if k not in secret}
    if readable or secret & {*given, *gone}:
        sealed = {k: v for k, v in kept.items() if k in secret}
        row.secrets = vault.seal(hub, vault.of_connection(row.id), sealed)


def _secrets(hub: Hub, row: Connection) -> tuple[dict[str, Any], bool]:
    """The stored secrets; false if no key opens them: then new ones replace them."""
    try:
        return live.stored_secrets(hub, row), True
    except SettingsError:
        return {}, False


def _new_slug(session: Session, plugin: str, wanted: str | None) -> str:
    taken = set(session.scalars(select(Connection.slug)))
    if wanted is None:
        numbered = (f"{plugin}-{n}" for n in range(2, len(taken) + 3))
        return next(s for s in (plugin, *numbered) if s not in taken)
    if not _SLUG.fullmatch(wanted):
        raise InvalidError(
            "A slug is made of a-z, 0-9 and -, begins and ends with one of the first"
            " two, and has at most 63 of them.",
            {"slug": ["Not a valid slug."]},
        )
    others = {each.name for each in hub_of(session).plugins.all()} - {plugin}
    if wanted in taken:
        raise _taken(wanted)
    if wanted in others:
        raise ConflictError(
            f"{wanted!r} is the name of another plugin: choose another slug."
        )
    return wanted


def _taken(slug: str) -> ConflictError:
    return ConflictError(
        f"There is a connection {slug!r} already: choose another slug."
    )


def _changed(
    session: Session, row: Connection, actor: str, action: str, **data: Any
) -> None:
    subject = f"connection:{row.id}"
    audit.record(session, actor, f"connection.{action}", subject, **data)
    revision.bump(session)

"""Plugins on and off: one row per plugin an admin or the hub decided about."""

from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core import audit
from hub.core.configuration import revision
from hub.core.models import PluginSwitch
from hub.sdk import clock


def enable(session: Session, name: str, *, actor: str = audit.HUB) -> None:
    """Switch an installed plugin on, out of quarantine too; PluginError if it is
    broken."""
    hub_of(session).plugins.provider(name)
    switch = _switch(session, name)
    if switch.enabled and switch.quarantined_at is None:
        return
    switch.enabled = True
    switch.quarantined_at, switch.quarantine_reason = None, ""
    _changed(session, actor, "enabled", name)


def disable(session: Session, name: str, *, actor: str = audit.HUB) -> None:
    """Switch a plugin off: its connections are held. NotFoundError if unknown."""
    hub_of(session).plugins.get(name)
    switch = _switch(session, name)
    if switch.enabled or switch.enabled is None:
        switch.enabled = False
        _changed(session, actor, "disabled", name)


def quarantine(session: Session, name: str, reason: str) -> bool:
    """Hold a plugin that crashes until somebody enables it again (ROAD 26); false
    if it is held already."""
    switch = _switch(session, name)
    if switch.quarantined_at is not None:
        return False
    switch.quarantined_at, switch.quarantine_reason = clock.now(), reason
    _changed(session, audit.HUB, "quarantined", name)
    return True


def _switch(session: Session, name: str) -> PluginSwitch:
    switch = session.get(PluginSwitch, name, with_for_update=True)
    if switch is None:
        provider = hub_of(session).plugins.get(name).provider
        switch = PluginSwitch(
            name=name, enabled=provider is not None and not provider.needs_connection
        )
        session.add(switch)
    return switch


def _changed(session: Session, actor: str, action: str, name: str) -> None:
    audit.record(session, actor, f"plugin.{action}", f"plugin:{name}")
    revision.bump(session)

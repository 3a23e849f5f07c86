"""Hold a plugin that ends the processes that call it, and tell admins (ROAD 26)."""

from typing import Final

from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.configuration import switches
from hub.core.models import Connection
from hub.core.notify import notify_staff
from hub.sdk import clock

MOST_LOST: Final = 3  # leases lost by one delivery or webhook without a result


def hold(session: Session, connection: Connection) -> bool:
    """Quarantine the connection's plugin; false if it is held already."""
    plugin = connection.plugin
    reason = f"It ended the process that called it {MOST_LOST} times."
    if not switches.quarantine(session, plugin, reason):
        return False
    provider = hub_of(session).plugins.get(plugin).provider
    title = provider.title if provider else plugin
    moment = clock.now()
    notify_staff(
        session,
        "plugin.quarantined",
        {"plugin": plugin, "connection": connection.slug, "reason": reason},
        title=f"{title} was stopped",
        body=f"{reason} Its connections are held until you enable it again.",
        url=hub_of(session).url("/settings"),
        key=f"quarantine:{plugin}:{clock.iso(moment)}",
        roles=("admin",),
    )
    return True

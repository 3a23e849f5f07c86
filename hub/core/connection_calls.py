"""What a person starts for a connection: a test, a webhook's registration, removal.

Each calls a hook with no transaction open.
"""

from dataclasses import dataclass
from typing import Any

import structlog

from hub.boot import Hub
from hub.core import audit, connections, contexts
from hub.core.configuration.live import LiveConnection, live
from hub.core.deliveries import breaker
from hub.sdk.errors import ConflictError, HubError, PluginError
from hub.sdk.ledger import Registration

_log = structlog.get_logger("hub.connections")


@dataclass(frozen=True, kw_only=True)
class Tested:
    """What came of a test, in a sentence for the admin."""

    ok: bool
    message: str


def test(hub: Hub, slug: str, *, actor: str = audit.HUB) -> Tested:
    """Make the provider's cheapest authenticated call. If it works, a connection
    that waited for credentials goes on."""
    connection = live(hub).by_slug(slug, fresh=True)
    if not hub.plugins.has(connection.plugin, "test_connection"):
        return Tested(
            ok=False, message=connection.error or f"{connection.title} has no test."
        )
    try:
        said = _call(hub, connection, "test_connection")
    except HubError as error:
        return Tested(ok=False, message=connection.redactor.text(str(error)))
    with hub.write() as session:
        row = connections.repaired(session, slug, actor=actor)
        breaker.recovered(session, row)
    message = connection.redactor.text(str(said or f"{connection.title} answers."))
    return Tested(ok=True, message=message)


def register_webhook(hub: Hub, slug: str, *, actor: str = audit.HUB) -> Registration:
    """Create or renew the webhook at the provider and keep what it answers."""
    connection = live(hub).by_slug(slug, fresh=True)
    if not hub.plugins.has(connection.plugin, "register_webhook"):
        raise ConflictError(
            f"{connection.title} takes no registration: enter the webhook's address"
            " on its own pages."
        )
    made: Registration = _call(hub, connection, "register_webhook")
    with hub.write() as session:
        connections.set_settings(session, slug, made.settings, actor=actor)
    return made


def remove(hub: Hub, slug: str, *, actor: str = audit.HUB) -> str:
    """Take leave of the provider and remove the connection. Returns what a person
    has to do by hand where the provider could not be told; mostly nothing."""
    connection = live(hub).by_slug(slug, fresh=True)
    left = ""
    if hub.plugins.has(connection.plugin, "disconnect") and not connection.error:
        try:
            _call(hub, connection, "disconnect")
        except HubError as error:
            left = (
                f"{connection.title} could not be told: {error} Remove webhooks and"
                " access of the hub on its own pages."
            )
    with hub.write() as session:
        connections.remove(session, slug, actor=actor)
    return connection.redactor.text(left)


def _call(hub: Hub, connection: LiveConnection, hook: str) -> Any:
    """Call a hook that takes nothing but `ctx`; a crash is the plugin's fault."""
    with contexts.opened(hub, connection) as ctx:
        try:
            return hub.plugins.call(connection.plugin, hook, ctx=ctx)
        except HubError:
            raise
        except Exception as error:
            _log.exception("hook.crashed", hook=hook, connection=connection.slug)
            raise PluginError(
                f"The plugin {connection.plugin} failed in {hook}"
                f" ({type(error).__name__}): this is a defect of the plugin; the log"
                " has the details."
            ) from error

"""Cancel a mandate at its provider, for a person."""

from hub.boot import Hub
from hub.core import audit, frozen
from hub.core.checkouts.asking import as_facts, call, refused
from hub.core.configuration.live import live
from hub.core.ledger import mandate_owners, mandates
from hub.core.models import Company, Connection, Mandate
from hub.core.record import record_all
from hub.sdk.errors import ConflictError, HubError


def cancel(hub: Hub, mandate_id: str, *, actor: str = audit.HUB) -> Mandate:
    """Cancel a mandate; one that has ended stays as it is. Debits under way are
    looked at, and autobill of its company pauses."""
    with hub.read() as session:
        row = mandate_owners.get(session, mandate_id)
        if row.state in mandates.ENDED:
            return row
        if row.company_id is None or row.connection_id is None:
            raise ConflictError("Say first whose mandate this is: assign a company.")
        company = frozen.company(session.get_one(Company, row.company_id))
        seen = frozen.mandate(row, company)
        connection_id = row.connection_id
    connection = live(hub).by_id(connection_id)
    if not hub.plugins.has(connection.plugin, "cancel_mandate"):
        raise ConflictError(f"{connection.title} can't do that: cancel it there.")
    try:
        facts = call(hub, connection, "cancel_mandate", as_facts, mandate=seen)
    except HubError as error:
        with hub.write() as session:
            refused(session, connection_id, error)
        raise
    with hub.write() as session:
        record_all(session, session.get_one(Connection, connection_id), facts)
        audit.record(session, actor, "mandate.cancelled", f"mandate:{mandate_id}")
    with hub.read() as session:
        return mandate_owners.get(session, mandate_id)

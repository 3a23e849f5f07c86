"""External references: which id a ledger object has at which connection."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.models import ExternalRef
from hub.core.rows import insert_new
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError


def find(session: Session, entity: str, connection_id: str, kind: str) -> str | None:
    """The provider's id of `entity` (`invoice:inv_…`), if it has one there."""
    return session.scalar(
        select(ExternalRef.external_id).where(
            ExternalRef.entity == entity,
            ExternalRef.connection_id == connection_id,
            ExternalRef.kind == kind,
        )
    )


def find_entity(
    session: Session, connection_id: str, kind: str, external_id: str
) -> str | None:
    """The ledger object that has this id there, if one does."""
    return session.scalar(
        select(ExternalRef.entity).where(
            ExternalRef.connection_id == connection_id,
            ExternalRef.kind == kind,
            ExternalRef.external_id == external_id,
        )
    )


def save(
    session: Session, entity: str, connection_id: str, kind: str, id: str, url: str = ""
) -> None:
    """Keep the provider's id of a ledger object; saving it again changes nothing, a
    new id takes the old one's place. ConflictError if another object has it."""
    row = {
        "entity": entity,
        "connection_id": connection_id,
        "kind": kind,
        "external_id": id,
        "url": url,
        "created_at": now(),
    }
    if insert_new(session, ExternalRef, [row], unique=None):
        return
    known = session.scalars(
        select(ExternalRef).where(
            ExternalRef.entity == entity,
            ExternalRef.connection_id == connection_id,
            ExternalRef.kind == kind,
        )
    ).first()
    owner = find_entity(session, connection_id, kind, id)
    if known is None or owner not in (None, entity):
        raise ConflictError(f"The {kind} {id} belongs to another object: {owner}.")
    known.external_id, known.url = id, url or known.url

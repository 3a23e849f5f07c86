"""What belongs to many rows of a list at once: references, connections' slugs."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core import models as m


def references(
    session: Session, kind: str, ids: Sequence[str]
) -> dict[str, list[dict[str, str]]]:
    """Return the external references of many objects, by id, in one query."""
    entities = [f"{kind}:{identity}" for identity in ids]
    found: dict[str, list[dict[str, str]]] = {identity: [] for identity in ids}
    statement = (
        select(m.ExternalRef, m.Connection.slug)
        .join(m.Connection, m.Connection.id == m.ExternalRef.connection_id)
        .where(m.ExternalRef.entity.in_(entities))
        .order_by(m.ExternalRef.id)
    )
    for ref, slug in session.execute(statement):
        found[ref.entity.partition(":")[2]].append(
            {
                "connection": slug,
                "kind": ref.kind,
                "id": ref.external_id,
                "url": ref.url,
            }
        )
    return found


def slugs(session: Session, ids: Collection[str | None]) -> dict[str | None, str]:
    """Return the slugs of connections by id, in one query."""
    wanted = {identity for identity in ids if identity is not None}
    if not wanted:
        return {}
    found = select(m.Connection.id, m.Connection.slug)
    return {
        identity: slug
        for identity, slug in session.execute(found.where(m.Connection.id.in_(wanted)))
    }

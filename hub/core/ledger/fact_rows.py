"""The rows of facts: in which revisions one stands, where it is heard, and all that
is said of one movement."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.orm import Session, aliased

from hub.core.ledger.movements import Heard, Key, key_of
from hub.core.models import Connection, FactRow, FactSource, new_id
from hub.core.rows import insert_new
from hub.sdk.clock import now
from hub.sdk.fact_data import from_data, to_data
from hub.sdk.facts import Fact

WITHDRAWN: Final = "withdrawn"
_BATCH: Final = 500


def keep(
    session: Session, connection: Connection, fact: Fact, revision: int
) -> FactRow | None:
    """Insert the fact; None if it is there already."""
    row = {
        "id": new_id("fct"),
        "connection_id": connection.id,
        "fact_id": fact.id,
        "revision": revision,
        "kind": type(fact).__name__,
        "data": to_data(fact),
        "as_of": fact.as_of,
        "state": "unchanged",
        "movement": str(key_of(connection.plugin, fact)),
        "created_at": now(),
    }
    unique = ("connection_id", "fact_id", "revision")
    found = insert_new(session, FactRow, [row], unique=unique, returning=FactRow)
    return found[0] if found else None


def kept(
    session: Session, connection: Connection, fact: Fact, revision: int
) -> FactRow:
    """The row of this very revision."""
    return session.scalars(
        select(FactRow).where(*_of(connection, [fact.id]), FactRow.revision == revision)
    ).one()


def newest(
    session: Session, connection: Connection, fact_ids: Collection[str]
) -> list[FactRow]:
    """These facts, each in its newest revision, in the order they were kept."""
    found: list[FactRow] = []
    for ids in _batches(fact_ids):
        chosen = select(FactRow).where(*_of(connection, ids), ~_replaced())
        found += session.scalars(chosen)
    return sorted(found, key=lambda row: (row.created_at, row.id))


def take_back(session: Session, row: FactRow, webhook_id: str | None) -> FactRow:
    """Write the revision that says: this is no longer heard anywhere."""
    taken = FactRow(
        id=new_id("fct"),
        connection_id=row.connection_id,
        fact_id=row.fact_id,
        revision=row.revision + 1,
        kind=row.kind,
        data=row.data,
        as_of=row.as_of,
        webhook_id=webhook_id,
        state=WITHDRAWN,
        subject=row.subject,
        movement=row.movement,
        created_at=now(),
    )
    session.add(taken)
    session.flush()
    return taken


def said_of(session: Session, key: Key) -> list[Heard]:
    """All facts of a movement, each in its newest revision. A fact whose newest
    revision speaks of something else, or takes it back, is not among them."""
    rows = session.scalars(
        select(FactRow).where(
            FactRow.movement == str(key), FactRow.state != WITHDRAWN, ~_replaced()
        )
    )
    return [
        Heard(fact=from_data(row.kind, row.data), connection_id=row.connection_id)
        for row in rows
    ]


def hear(
    session: Session, connection: Connection, facts: Iterable[Fact], source: str
) -> None:
    """Note that these facts are heard there."""
    rows = [
        {"connection_id": connection.id, "fact_id": id, "source": source}
        for id in dict.fromkeys(fact.id for fact in facts)
    ]
    unique = ("connection_id", "fact_id", "source")
    insert_new(session, FactSource, rows, unique=unique, returning=FactSource.fact_id)


def heard_in(session: Session, connection: Connection, source: str) -> set[str]:
    """The ids of all facts that were heard there so far."""
    ids = select(FactSource.fact_id).where(
        FactSource.connection_id == connection.id, FactSource.source == source
    )
    return set(session.scalars(ids))


def unhear(
    session: Session, connection: Connection, fact_ids: Collection[str], source: str
) -> set[str]:
    """Note that these are not heard there any more; returns those that are heard
    nowhere now. The caller holds the locks on the facts' names."""
    heard = set[str]()
    for ids in _batches(fact_ids):
        these = (
            FactSource.connection_id == connection.id,
            FactSource.fact_id.in_(ids),
        )
        session.execute(
            delete(FactSource)
            .where(*these, FactSource.source == source)
            .execution_options(synchronize_session=False)
        )
        heard |= set(session.scalars(select(FactSource.fact_id).where(*these)))
    return set(fact_ids) - heard


def _of(
    connection: Connection, fact_ids: Sequence[str]
) -> tuple[ColumnElement[bool], ...]:
    return FactRow.connection_id == connection.id, FactRow.fact_id.in_(fact_ids)


def _replaced() -> ColumnElement[bool]:
    newer = aliased(FactRow)
    return exists().where(
        newer.connection_id == FactRow.connection_id,
        newer.fact_id == FactRow.fact_id,
        newer.revision > FactRow.revision,
    )


def _batches(ids: Collection[str]) -> Iterable[list[str]]:
    given = sorted(ids)
    return (given[at : at + _BATCH] for at in range(0, len(given), _BATCH))

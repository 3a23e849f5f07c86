"""Inserts where the unique key decides: who comes second changes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert_new(
    session: Session,
    model: type[Any],
    rows: Sequence[Mapping[str, Any]],
    *,
    unique: Sequence[str] | None,
    returning: Any = None,
) -> list[Any]:
    """Insert the rows whose `unique` columns (None: any unique key's) are not there
    yet; return their ids, or what `returning` names.

    On PostgreSQL this waits for another transaction that is inserting the same.
    """
    session.flush()
    wanted = model.id if returning is None else returning
    make = sqlite.insert if _sqlite(session) else postgresql.insert
    statement = make(model).on_conflict_do_nothing(index_elements=unique)
    found: list[Any] = []
    for start in range(0, len(rows), 500):
        batch = [dict(row) for row in rows[start : start + 500]]
        result = session.execute(statement.returning(wanted), batch)
        found += result.scalars().all()
    return found


def _sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"

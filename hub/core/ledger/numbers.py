"""Numbers for documents: INV-000001 and so on, without gaps or collisions."""

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.core.models import Counter, CreditNote, Invoice, Quote
from hub.sdk.errors import ConflictError, InvalidError

Numbered = type[Invoice] | type[CreditNote] | type[Quote]

_PREFIXES: dict[Numbered, str] = {Invoice: "INV", CreditNote: "CN", Quote: "QUO"}
_LONGEST = 100


def next_number(session: Session, kind: Numbered) -> str:
    """Take the next free number. The counter's row stays locked to the commit, so
    a rolled back document gives its number back."""
    while True:
        number = f"{_PREFIXES[kind]}-{_count(session, kind):06d}"
        if not _taken(session, kind, number):
            return number


def check_number(
    session: Session, kind: Numbered, number: str, *, but: str | None = None
) -> str:
    """Return a number given by a person, stripped; ConflictError if it is taken by
    another document than `but`."""
    number = number.strip()
    if not number or len(number) > _LONGEST:
        text = f"A number has 1 to {_LONGEST} characters."
        raise InvalidError(text, {"number": [text]})
    owner = _taken(session, kind, number)
    if owner and owner != but:
        raise ConflictError(f"The number {number} is already used. Choose another.")
    return number


def _taken(session: Session, kind: Numbered, number: str) -> str | None:
    return session.scalar(select(kind.id).where(kind.number == number))


def _count(session: Session, kind: Numbered) -> int:
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = (sqlite.insert if on_sqlite else postgresql.insert)(Counter)
    raised = insert.values(name=kind.__tablename__, value=1).on_conflict_do_update(
        index_elements=["name"], set_={"value": Counter.value + 1}
    )
    return session.execute(raised.returning(Counter.value)).scalar_one()

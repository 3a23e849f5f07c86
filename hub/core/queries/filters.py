"""Filters of lists as text: which values a column takes, and what they ask for."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from hub.core.models import Connection
from hub.sdk.errors import InvalidError

Column = InstrumentedAttribute[Any]
# What a filter's value means when it is written so.
NULL = "null"
_MOST = 50


def equals(column: Column, name: str, text: str) -> ColumnElement[bool]:
    """The column is one of the values, written with commas between; or is null."""
    if text == NULL:
        return column.is_(None)
    return column.in_([value_of(column, name, part) for part in _parts(name, text)])


def of_slugs(column: Column, name: str, text: str) -> ColumnElement[bool]:
    """The column refers to a connection with one of these slugs."""
    slugs = [value_of(Connection.slug, name, part) for part in _parts(name, text)]
    return column.in_(select(Connection.id).where(Connection.slug.in_(slugs)))


def value_of(column: Column, name: str, text: str) -> Any:
    """Read a value of the column's type, or raise InvalidError."""
    kind: type = column.type.python_type
    if not is_storable(text):
        raise InvalidError(f"The filter {name} holds a character that can't be.")
    try:
        return _VALUES.get(kind, str)(text)
    except (ValueError, KeyError, OverflowError) as error:
        raise InvalidError(
            f"The filter {name} can't be {text[:40]!r}: it takes {_WORDS[kind]}."
        ) from error


def is_storable(text: str) -> bool:
    """False for what a database can't hold: NUL, and half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _parts(name: str, text: str) -> list[str]:
    parts = text.split(",")
    if len(parts) > _MOST:
        raise InvalidError(f"The filter {name} takes {_MOST} values at the most.")
    return parts


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _integer(text: str) -> int:
    number = int(text)
    if abs(number) >= 2**31:
        raise ValueError("too large")
    return number


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


_VALUES: dict[type, Any] = {
    bool: _boolean,
    int: _integer,
    date: date.fromisoformat,
    datetime: _moment,
}
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    date: "a date such as 2026-03-01",
    datetime: "a time such as 2026-03-01T12:00:00Z",
    str: "text",
}

"""Pages of a list, newest first, cut by key: stable while rows are added."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

from hub.core.queries.filters import is_storable
from hub.sdk.errors import InvalidError

MAX_LIMIT = 200
DEFAULT_LIMIT = 50
_LARGEST = 2**62
Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows, and where the next page begins (None: this was the last)."""

    items: Sequence[Row]
    next_cursor: str | None


def page(
    session: Session,
    statement: Select[Any],
    key: Sequence[InstrumentedAttribute[Any]],
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Any]:
    """Cut one page of ORM rows, ordered descending by `key` (unique altogether).

    Raises InvalidError for a cursor that this list did not give out.
    """
    limit = max(1, min(limit, MAX_LIMIT))
    if cursor:
        statement = statement.where(_before(key, _decode(cursor, key)))
    ordered = statement.order_by(*(column.desc() for column in key)).limit(limit + 1)
    rows = session.scalars(ordered).unique().all()
    more = len(rows) > limit
    items = rows[:limit]
    return Page(items, _encode(items[-1], key) if more else None)


def _before(key: Sequence[InstrumentedAttribute[Any]], values: Sequence[Any]) -> Any:
    """`(a, b) < (x, y)`, written out: SQLite compares stored types, not rows."""
    alternatives = []
    for index, column in enumerate(key):
        equal = [
            earlier == value
            for earlier, value in zip(key[:index], values[:index], strict=True)
        ]
        alternatives.append(and_(*equal, column < values[index]))
    return or_(*alternatives)


def _encode(row: Any, key: Sequence[InstrumentedAttribute[Any]]) -> str:
    values = [getattr(row, column.key) for column in key]
    plain = [v.isoformat() if hasattr(v, "isoformat") else v for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _decode(cursor: str, key: Sequence[InstrumentedAttribute[Any]]) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        plain = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        if not isinstance(plain, list):
            raise ValueError("not a list")
        return [
            _read(value, column.type.python_type)
            for value, column in zip(plain, key, strict=True)
        ]
    except (
        ArithmeticError,
        ValueError,
        TypeError,
        binascii.Error,
        RecursionError,
    ) as error:
        raise InvalidError(
            "The cursor is not one that this list gave out; begin again without it."
        ) from error


def _read(value: Any, kind: type) -> Any:
    if hasattr(kind, "fromisoformat"):
        moment = kind.fromisoformat(value)
        if getattr(moment, "tzinfo", "") is None:
            raise ValueError("a time without a zone")
        return moment.astimezone(UTC) if isinstance(moment, datetime) else moment
    if type(value) is not kind:
        raise ValueError("of another type")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError("too large")
    if isinstance(value, str) and not is_storable(value):
        raise ValueError("no text")
    return value

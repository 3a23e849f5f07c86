"""Fields and schema parts that every resource of the API shares."""

from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any, Final

import marshmallow as ma
from marshmallow import fields

from hub.core.queries.filters import is_storable
from hub.core.queries.paging import DEFAULT_LIMIT, MAX_LIMIT
from hub.sdk.clock import iso
from hub.sdk.money import Money

# Of JSON that is kept as it comes: more would not come back out everywhere.
_DEEPEST: Final = 32
_LARGEST: Final = 2**63


class Minor(fields.String):
    """An amount of the row as a decimal string, from its column of minor units; null
    where the row has none (the share of a payment in a payout isn't told)."""

    def __init__(self, column: str, **options: Any) -> None:
        about = {"description": "decimal, in `currency`", "example": "120.00"}
        super().__init__(attribute=column, dump_only=True, metadata=about, **options)

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        known = value is not None and obj.currency
        return str(Money(value, obj.currency)) if known else None


class Exact(fields.String):
    """A decimal number: text or a JSON number coming in, text going out. The ledger
    checks its range and says what is wrong."""

    def __init__(self, **options: Any) -> None:
        about = {"type": ["string", "number"], "example": "50.00"}
        super().__init__(metadata=about, **options)

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return f"{value:f}" if isinstance(value, Decimal) else value

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise ma.ValidationError('Write a decimal number such as "12.50".')
        return value


class Moment(fields.AwareDateTime):
    """A time: with an offset coming in, UTC with `Z` going out."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else iso(value)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        moment = super()._deserialize(value, attr, data, **kwargs)
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise self.make_error(
                "invalid", input=value, obj_type=self.OBJ_TYPE
            ) from None


class Text(fields.String):
    """Text that a database can hold; `most` characters."""

    def __init__(self, most: int = 500, **options: Any) -> None:
        checks: list[Callable[[Any], Any]] = [ma.validate.Length(max=most), _storable]
        super().__init__(validate=checks, **options)


class Free(fields.Dict):
    """A JSON object of any shape, as JSON can be kept: it is not for money."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        given = super()._deserialize(  # type: ignore[no-untyped-call]
            value, attr, data, **kwargs
        )
        return _plain(given)


class Reference(ma.Schema):
    """Where a ledger object is found at a connection."""

    connection = fields.String()
    kind = fields.String()
    id = fields.String()
    url = fields.String()


class Shown(ma.Schema):
    """Base of what is shown of a ledger object."""

    id = fields.String(dump_only=True)
    created_at = Moment(dump_only=True)
    updated_at = Moment(dump_only=True)


class Referenced(Shown):
    """One with external references, which the view sets on the row."""

    external_refs = fields.List(fields.Nested(Reference), dump_only=True)


class OfConnection(ma.Schema):
    """One that belongs to a connection, or came from one; `connection` is its slug,
    which the view sets on the row."""

    connection_id = fields.String(allow_none=True, dump_only=True)
    connection = fields.String(allow_none=True, dump_only=True)


class Paging(ma.Schema):
    """The parameters of every list; filters are added per list."""

    cursor = fields.String(metadata={"description": "next_cursor of the page before"})
    limit = fields.Integer(
        load_default=DEFAULT_LIMIT, validate=ma.validate.Range(1, MAX_LIMIT)
    )


def _storable(value: str) -> None:
    if not is_storable(value):
        raise ma.ValidationError("Text can't hold NUL or half a character.")


def _plain(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise ma.ValidationError(f"At most {_DEEPEST} levels deep.")
    if isinstance(value, dict):
        return {_plain(name): _plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, depth + 1) for inner in value]
    if isinstance(value, str):
        _storable(value)
    if isinstance(value, Decimal | int) and not -_LARGEST < value < _LARGEST:
        raise ma.ValidationError("A number is too large.")
    return float(value) if isinstance(value, Decimal) else value

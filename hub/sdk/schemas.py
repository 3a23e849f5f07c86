"""What schemas of providers' objects are built from: fields that take only what a
database can hold, and a reader that never quotes a value.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from hub.sdk.errors import PayloadError

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def read(schema: type[Schema], data: Any, what: str) -> dict[str, Any]:
    """Load `data`, or raise PayloadError naming the fields, never their values.

    `what` begins the sentence: "Stripe's refund".
    """
    try:
        loaded: dict[str, Any] = _loader(schema).load(data)
    except ValidationError as error:
        wrong = ", ".join(_paths(error.messages))
        raise PayloadError(f"{what} is not as documented: {wrong}") from None
    return loaded


def optional(options: dict[str, Any]) -> dict[str, Any]:
    """Let a field be null or missing, unless it is required."""
    if options.get("required"):
        return options
    return {"load_default": None, "allow_none": True, **options}


class Text(fields.String):
    """Text that every database can hold and index: not endless, no NUL, no half of
    a surrogate pair."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> str:
        found: str = super()._deserialize(value, *args, **options)
        if len(found) > 500 or _UNSTORABLE.search(found):
            raise ValidationError("not plain text")
        return found


class OptionalText(Text):
    """Text that may be null or missing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**optional(options))


class Number(fields.Integer):
    """A whole number that a database can hold, neither text nor true."""

    def __init__(self, *, least: int | None = 0, **options: Any) -> None:
        bounds = validate.Range(min=least, max=10**15)
        super().__init__(strict=True, validate=bounds, **options)

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError("not a whole number")
        return value


@cache
def _loader(schema: type[Schema]) -> Schema:
    return schema()


def _paths(messages: object, path: str = "") -> list[str]:
    if not isinstance(messages, Mapping):
        return [path.lstrip(".") or "not an object"]
    return [
        found
        for name, inner in messages.items()
        for found in _paths(inner, path if name == "_schema" else f"{path}.{name}")
    ]

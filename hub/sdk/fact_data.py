"""Facts as plain JSON values, as they are kept, and back."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hub.sdk import clock
from hub.sdk.facts import (
    ActionTaken,
    ChargebackMade,
    CheckoutApproved,
    ConsentSaid,
    DisputeSeen,
    Fact,
    FeeCharged,
    MandateSeen,
    Match,
    MessageReceived,
    MessageStatus,
    PaymentCancelled,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    PayoutLine,
    PayoutMade,
    RefundMade,
    RefundTotal,
)
from hub.sdk.money import Money

FACT_KINDS: Mapping[str, type[Fact]] = {
    kind.__name__: kind
    for kind in (
        PaymentReceived,
        PaymentPending,
        PaymentFailed,
        PaymentCancelled,
        CheckoutApproved,
        RefundMade,
        RefundTotal,
        ChargebackMade,
        DisputeSeen,
        FeeCharged,
        PayoutMade,
        MandateSeen,
        MessageStatus,
        ConsentSaid,
        MessageReceived,
        ActionTaken,
    )
}


def to_data(fact: Fact) -> dict[str, Any]:
    """Write a fact as plain JSON values: `{"amount": "12.00", "currency": "EUR"}`
    for money, ISO 8601 in UTC for times, null for what is not known.
    """
    return {item.name: _plain(getattr(fact, item.name)) for item in fields(fact)}


def from_data(kind: str, data: Mapping[str, Any]) -> Fact:
    """Read what `to_data` wrote; `kind` is the class's name.

    Fields that are missing get their default and unknown ones are passed over, so
    that rows written by an older or newer hub stay readable. ValueError for an
    unknown kind, a missing field without default or a value of the wrong type.
    """
    if kind not in FACT_KINDS:
        raise ValueError(f"{kind!r} is not a kind of fact")
    return _build(FACT_KINDS[kind], data)  # type: ignore[no-any-return]


def _plain(value: object) -> Any:
    match value:
        case Money():
            return {"amount": str(value), "currency": value.currency}
        case Match() | PayoutLine():
            return {
                item.name: _plain(getattr(value, item.name)) for item in fields(value)
            }
        case datetime():
            return clock.iso(value)
        case tuple():
            return [_plain(item) for item in value]
    return value


def _build(kind: type[Any], data: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    values = {}
    for item in fields(kind):
        if item.name in data:
            values[item.name] = _typed(hints[item.name], data[item.name], item.name)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{kind.__name__} needs {item.name!r}")
    return kind(**values)


def _typed(hint: Any, value: Any, name: str) -> Any:  # noqa: PLR0911 - one per type
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else _typed(inner[0], value, name)
    if origin is Literal and value in inner:
        return value
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_typed(inner[0], item, name) for item in value)
    if hint is Money and isinstance(value, Mapping):
        return Money.parse(str(value.get("amount")), str(value.get("currency")))
    if hint in (Match, PayoutLine) and isinstance(value, Mapping):
        return _build(hint, value)
    if hint is datetime and isinstance(value, str):
        return clock.parse(value)
    if hint is str and isinstance(value, str):
        return value
    raise ValueError(f"{name!r} is not as a fact holds it")

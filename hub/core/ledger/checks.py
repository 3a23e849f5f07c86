"""Check values that come from outside, field by field.

A spec maps a field to a check, which returns the value to store or raises
ValueError with a sentence for the person; all wrong fields are told at once.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers

from hub.core.ledger.amounts import decimal_of
from hub.sdk.clock import parse
from hub.sdk.errors import InvalidError
from hub.sdk.money import exponent
from hub.sdk.phones import e164

Check = Callable[[Any], Any]
Spec = Mapping[str, Check]

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")


def checked(
    spec: Spec, values: Mapping[str, Any], *, needed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the values as they are stored; InvalidError names every wrong field.
    `needed` must be there; others that are left out stay left out."""
    errors: dict[str, object] = {
        name: ["There is no such field."] for name in values.keys() - spec.keys()
    }
    errors |= {name: ["It is needed."] for name in needed if values.get(name) is None}
    found = {}
    for name in values.keys() - errors.keys():
        try:
            found[name] = spec[name](values[name])
        except ValueError as error:
            errors[name] = [str(error)]
    if errors:
        names = ", ".join(sorted(errors))
        raise InvalidError(f"Some values can't be used: {names}.", errors)
    return found


def text(most: int = 200, *, needed: bool = False) -> Check:
    """A line or paragraph of text, stripped."""

    def check(value: Any) -> str:
        if value is not None and not isinstance(value, str):
            raise ValueError("Write text.")
        found = (value or "").strip()
        if needed and not found:
            raise ValueError("It can't be empty.")
        if len(found) > most:
            raise ValueError(f"At most {most} characters.")
        return found

    return check


def optional(check: Check) -> Check:
    """The same, or None for nothing given."""
    return lambda value: None if value in (None, "") else check(value)


def choice(*values: str) -> Check:
    """One of these words."""

    def check(value: Any) -> str:
        if value not in values:
            raise ValueError(f"It must be one of {', '.join(values)}.")
        return str(value)

    return check


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("It must be true or false.")
    return value


def email(value: Any) -> str:
    """An e-mail address."""
    found = str(value).strip()
    if len(found) > 254 or not _EMAIL.fullmatch(found):
        raise ValueError("It isn't an e-mail address.")
    return found


def phone(value: Any, country: str | None = None) -> str:
    """A phone number in the form +4930123456, from one with its country code, or as it
    is written in `country`."""
    return e164(str(value), country)


def currency(value: Any) -> str:
    """An ISO 4217 code."""
    try:
        exponent(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an ISO 4217 code such as EUR.") from None
    return str(value)


def country(value: Any) -> str:
    """A country as two letters."""
    if str(value) not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("Write the country as two letters, such as DE.")
    return str(value)


def time_zone(value: Any) -> str:
    """A time zone's name."""
    try:
        return ZoneInfo(str(value)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("Write a time zone such as Europe/Berlin.") from None


def number(least: int, most: int) -> Check:
    """A decimal number within these bounds."""

    def check(value: Any) -> Decimal:
        found = decimal_of(value, Decimal(most))
        if found < least:
            raise ValueError(f"It must be between {least} and {most}.")
        return found

    return check


def whole(least: int, most: int) -> Check:
    """A whole number within these bounds."""

    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("Write a whole number.")
        if not least <= value <= most:
            raise ValueError(f"It must be between {least} and {most}.")
        return value

    return check


def day(value: Any) -> date:
    """A date, or its ISO form."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError("Write a date such as 2026-03-31.") from None


def moment(value: Any) -> datetime:
    """A time with an offset, or its ISO form."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    try:
        return parse(str(value))
    except ValueError:
        raise ValueError("Write a time such as 2026-03-31T12:00:00Z.") from None

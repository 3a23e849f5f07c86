"""From lines to totals: exact, each line rounded half up, then summed.

Tax is rounded per line, as the books the hub talks to do it, so that their totals
and ours agree to the cent.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hub.sdk.errors import InvalidError
from hub.sdk.money import MAX_MINOR, Money, exponent

MAX_LINES = 1000
_MAX_DECIMALS = 6
_PLAIN = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
_FIELDS = frozenset(
    {"description", "quantity", "unit_price", "tax_rate", "product_code"}
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One priced line; `unit_price` in major units, `tax_rate` in percent."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    product_code: str | None
    net_minor: int
    tax_minor: int


@dataclass(frozen=True, kw_only=True)
class Priced:
    """Lines with their totals in minor units."""

    lines: tuple[Line, ...]
    net_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        """Net and tax."""
        return self.net_minor + self.tax_minor


def price(lines: Sequence[Mapping[str, Any]], currency: str) -> Priced:
    """Check and price lines given as `{description, quantity, unit_price, tax_rate,
    product_code?}`, numbers as text, integers or Decimal.

    A line may be negative (a discount), a total may not. InvalidError names each
    wrong field as `{"lines": {0: {"quantity": [...]}}}`.
    """
    check_currency(currency)
    if len(lines) > MAX_LINES:
        raise _invalid({"lines": [f"At most {MAX_LINES} lines fit on one document."]})
    read = [_Reader(line, currency) for line in lines]
    errors = {n: reader.errors for n, reader in enumerate(read) if reader.errors}
    if errors:
        raise _invalid({"lines": errors})
    return _total([reader.line() for reader in read])


def check_currency(currency: object) -> str:
    """Return the code; InvalidError unless ISO 4217 knows it."""
    try:
        exponent(str(currency))
    except ValueError:
        text = f"{currency!r} is not an ISO 4217 code such as EUR."
        raise _invalid({"currency": [text]}) from None
    return str(currency)


def amount_of(value: object, currency: str, field: str = "amount") -> Money:
    """Read a positive amount of money; InvalidError naming `field` else."""
    check_currency(currency)
    try:
        money = Money.parse(str(value), currency)
    except ValueError as error:
        raise _invalid({field: [f"Not an amount: {error}."]}) from None
    if money.minor <= 0:
        raise _invalid({field: ["It must be more than zero."]})
    return money


def _total(lines: Iterable[Line]) -> Priced:
    kept = tuple(lines)
    priced = Priced(
        lines=kept,
        net_minor=sum(line.net_minor for line in kept),
        tax_minor=sum(line.tax_minor for line in kept),
    )
    if priced.total_minor < 0:
        raise _invalid({"lines": ["The total is negative: write a credit note."]})
    sums = [priced.total_minor, *(abs(line.net_minor) for line in kept)]
    if max(sums) > MAX_MINOR:
        raise _invalid({"lines": ["The total is too large."]})
    return priced


class _Reader:
    """Reads one line and collects what is wrong with it."""

    def __init__(self, given: Mapping[str, Any], currency: str) -> None:
        self.currency = currency
        self.errors: dict[str, list[str]] = {
            name: ["There is no such field."] for name in set(given) - _FIELDS
        }
        self.description = self._text(given, "description", 1000, needed=True)
        self.product_code = self._text(given, "product_code", 100) or None
        self.quantity = self._number(given, "quantity", Decimal(10) ** 9)
        self.unit_price = self._number(given, "unit_price", Decimal(10) ** 12)
        self.tax_rate = self._number({"tax_rate": 0, **given}, "tax_rate", Decimal(100))
        if self.tax_rate < 0:
            self.errors["tax_rate"] = ["It is in percent, from 0 to 100."]

    def line(self) -> Line:
        net = Money.rounded(self.quantity * self.unit_price, self.currency)
        tax = Money.rounded(net.decimal * self.tax_rate / 100, self.currency)
        return Line(
            description=self.description,
            quantity=self.quantity,
            unit_price=self.unit_price,
            tax_rate=self.tax_rate,
            product_code=self.product_code,
            net_minor=net.minor,
            tax_minor=tax.minor,
        )

    def _text(
        self, given: Mapping[str, Any], name: str, most: int, *, needed: bool = False
    ) -> str:
        text = str(given.get(name) or "").strip()
        if needed and not text:
            self.errors[name] = ["Write what the line is for."]
        if len(text) > most:
            self.errors[name] = [f"At most {most} characters."]
        return text

    def _number(self, given: Mapping[str, Any], name: str, most: Decimal) -> Decimal:
        try:
            return decimal_of(given.get(name), most)
        except ValueError as error:
            self.errors[name] = [f"{error}"]
            return Decimal(0)


def decimal_of(value: object, most: Decimal) -> Decimal:
    """Read a plain decimal number; ValueError if it isn't one, has more than six
    decimals or is beyond ±`most`. A float is refused: it is not exact."""
    if isinstance(value, float | bool) or value is None:
        raise ValueError("Write a plain decimal number such as 1.5.")
    text = f"{value:f}" if isinstance(value, Decimal) else str(value).strip()
    if not _PLAIN.fullmatch(text):
        raise ValueError("Write a plain decimal number such as 1.5.")
    number = Decimal(text)
    if -int(number.as_tuple().exponent) > _MAX_DECIMALS:
        raise ValueError(f"At most {_MAX_DECIMALS} decimals.")
    if abs(number) > most:
        raise ValueError(f"It must be between -{most} and {most}.")
    return number


def _invalid(fields: Mapping[str, object]) -> InvalidError:
    names = ", ".join(sorted(fields))
    return InvalidError(f"Some values can't be used: {names}.", fields)

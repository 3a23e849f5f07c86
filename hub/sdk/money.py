"""Money as integer minor units with an ISO 4217 currency; never a float."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache

# Amounts beyond this are typing errors or attacks; the database holds 64 bits.
MAX_MINOR = 10**15
_PLAIN = re.compile(r"-?\d{1,20}(\.\d{1,12})?", re.ASCII)


@cache
def exponent(currency: str) -> int:
    """Return how many decimals `currency` has: JPY 0, EUR 2, BHD 3.

    Raises ValueError for a code that ISO 4217 doesn't know.
    """
    from iso4217 import raw_table

    row = raw_table.get(currency)
    digits = str(row["CcyMnrUnts"]) if row else ""
    if not digits.isdigit():
        raise ValueError(f"{currency!r} is not an ISO 4217 currency code")
    return int(digits)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount: `minor` units (cents, yen, fils) of `currency`."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str | Decimal | int, currency: str) -> "Money":
        """Read a plain decimal number such as "1200.00" exactly.

        Raises ValueError if it isn't one, has more decimals than the currency,
        or is absurdly large.
        """
        places = exponent(currency)
        if not _PLAIN.fullmatch(str(text)):
            raise ValueError("an amount is a plain decimal number such as 1200.00")
        try:
            scaled = Decimal(str(text)).scaleb(places)
        except InvalidOperation as error:
            raise ValueError("not a number") from error
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{currency} has {places} decimals")
        if abs(scaled) > MAX_MINOR:
            raise ValueError("the amount is too large")
        return cls(int(scaled), currency)

    @classmethod
    def rounded(cls, amount: Decimal, currency: str) -> "Money":
        """Round a computed amount half up to the currency's decimals."""
        scaled = amount.scaleb(exponent(currency))
        return cls(int(scaled.to_integral_value(ROUND_HALF_UP)), currency)

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, with all the currency's decimals."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        """The plain decimal string of the API: `1200.00`."""
        return f"{self.decimal:f}"

    def format(self) -> str:
        """For people: `1,200.00 EUR`."""
        return f"{self.decimal:,f} {self.currency}"

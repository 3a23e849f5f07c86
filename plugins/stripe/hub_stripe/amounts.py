"""Amounts as Stripe writes them: integers, in a unit that is not always ISO 4217's.

https://docs.stripe.com/currencies (read 2026-11).
"""

from decimal import Decimal
from typing import Final

from hub.sdk.errors import RejectedError
from hub.sdk.money import Money

# `500` is 500 of them. ISO 4217 gives some of them decimals all the same.
_WHOLE: Final = frozenset(
    (
        *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
        *("PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"),
    )
)
# The last of their three digits must be 0.
_THREE: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# All others have two; ISK and UGX, too, though nothing is paid in their fractions.
_USUAL: Final = 2


def decimals(currency: str) -> int:
    """Return how many decimals Stripe's unit of `currency` has."""
    if currency in _WHOLE:
        return 0
    return 3 if currency in _THREE else _USUAL


def read(number: int, currency: str) -> Money:
    """Read an amount; ValueError if it can't be one of this currency."""
    code = currency.upper()
    return Money.parse(f"{Decimal(number).scaleb(-decimals(code)):f}", code)


def wire(amount: Money) -> str:
    """Write an amount for a form field."""
    units = amount.decimal.scaleb(decimals(amount.currency))
    rough = amount.currency in _THREE and units % 10
    if rough or units != units.to_integral_value():
        raise RejectedError(
            f"Stripe can't take {amount.format()}: it takes {amount.currency} in"
            " coarser steps only. Change the amount."
        )
    return str(int(units))

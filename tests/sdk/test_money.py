"""Money is exact, and what is no money is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk.money import MAX_MINOR, Money, exponent


@pytest.mark.parametrize(
    ("text", "currency", "minor", "shown"),
    [
        ("1200.00", "EUR", 120000, "1,200.00 EUR"),
        ("1200.5", "USD", 120050, "1,200.50 USD"),
        ("-0.01", "GBP", -1, "-0.01 GBP"),
        ("1200", "JPY", 1200, "1,200 JPY"),
        (Decimal("1.234"), "BHD", 1234, "1.234 BHD"),
        (7, "EUR", 700, "7.00 EUR"),
    ],
)
def test_amount_is_read_with_the_currencys_own_decimals(
    text: str | Decimal | int, currency: str, minor: int, shown: str
) -> None:
    money = Money.parse(text, currency)

    assert (minor, currency, shown) == (money.minor, money.currency, money.format())


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("12.345", "EUR"),
        ("12.5", "JPY"),
        ("1e3", "EUR"),
        ("NaN", "EUR"),
        ("Infinity", "EUR"),
        ("١٢", "EUR"),
        ("1,200.00", "EUR"),
        (" 12", "EUR"),
        ("", "EUR"),
        (".5", "EUR"),
        ("9" * 21, "EUR"),
        ("99999999999999", "EUR"),
        ("12.00", "EURO"),
        ("12.00", "eur"),
        ("12.00", "XAU"),
        ("12.00", ""),
    ],
)
def test_what_is_no_amount_is_a_value_error(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Money.parse(text, currency)


@given(
    minor=st.integers(-MAX_MINOR, MAX_MINOR),
    currency=st.sampled_from(["EUR", "JPY", "BHD", "CLF"]),
)
def test_amount_is_written_as_it_is_read(minor: int, currency: str) -> None:
    money = Money(minor, currency)

    assert money == Money.parse(str(money), currency)
    assert money == Money.rounded(money.decimal, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("0.005", "EUR", 1),
        ("0.0049", "EUR", 0),
        ("-0.005", "EUR", -1),
        ("0.5", "JPY", 1),
    ],
)
def test_computed_amount_is_rounded_half_up(
    amount: str, currency: str, minor: int
) -> None:
    assert Money(minor, currency) == Money.rounded(Decimal(amount), currency)


def test_decimals_come_from_iso_4217() -> None:
    assert [0, 2, 3, 4] == [exponent(code) for code in ("JPY", "EUR", "BHD", "CLF")]

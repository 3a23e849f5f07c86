"""From lines to totals."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.ledger.amounts import MAX_LINES, amount_of, price
from hub.sdk.errors import InvalidError
from hub.sdk.money import Money


def line(**values):
    return {"description": "Support", "quantity": "1", "unit_price": "10.00", **values}


@pytest.mark.parametrize(
    ("given", "currency", "net", "tax"),
    [
        (line(), "EUR", 1000, 0),
        (line(quantity="2.5", unit_price="19.99"), "EUR", 4998, 0),
        (line(unit_price="0.005"), "EUR", 1, 0),
        (line(unit_price="0.0049"), "EUR", 0, 0),
        (line(unit_price="-0.005"), "EUR", -1, 0),
        (line(unit_price="10.05", tax_rate="10"), "EUR", 1005, 101),
        (line(unit_price="10.04", tax_rate="12.5"), "EUR", 1004, 126),
        (line(unit_price="1999.5"), "JPY", 2000, 0),
        (line(unit_price="1.2345"), "BHD", 1235, 0),
        (line(quantity=3, unit_price=Decimal("1.10")), "EUR", 330, 0),
    ],
)
def test_each_line_is_rounded_half_up(given, currency, net, tax) -> None:
    other = line(unit_price="100")
    priced = price([given, other], currency)

    assert (net, tax) == (priced.lines[0].net_minor, priced.lines[0].tax_minor)


def test_totals_are_the_sums_of_rounded_lines() -> None:
    priced = price([line(unit_price="0.335", tax_rate="19")] * 3, "EUR")

    assert (102, 18, 120) == (priced.net_minor, priced.tax_minor, priced.total_minor)


def test_discount_lowers_the_total() -> None:
    priced = price([line(), line(unit_price="-4.00")], "EUR")

    assert 600 == priced.total_minor


def test_no_lines_cost_nothing() -> None:
    assert 0 == price([], "EUR").total_minor


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"description": " "}, "description"),
        ({"description": "x" * 1001}, "description"),
        ({"quantity": "1e3"}, "quantity"),
        ({"quantity": 1.5}, "quantity"),
        ({"quantity": True}, "quantity"),
        ({"quantity": "1.1234567"}, "quantity"),
        ({"quantity": "1000000001"}, "quantity"),
        ({"unit_price": "ten"}, "unit_price"),
        ({"unit_price": None}, "unit_price"),
        ({"unit_price": Decimal("NaN")}, "unit_price"),
        ({"tax_rate": "-1"}, "tax_rate"),
        ({"tax_rate": "101"}, "tax_rate"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_field_of_a_line_is_named(wrong, field) -> None:
    with pytest.raises(InvalidError) as caught:
        price([line(), line(**wrong)], "EUR")

    lines = caught.value.fields["lines"]
    assert isinstance(lines, dict)
    assert {1: [field]} == {number: list(found) for number, found in lines.items()}


@pytest.mark.parametrize(
    "lines",
    [
        [line(unit_price="-1")],
        [line()] * (MAX_LINES + 1),
        [line(quantity="1000000000", unit_price="1000000000000")],
        [
            line(quantity="1000000000", unit_price="1000000000000"),
            line(quantity="-1000000000", unit_price="1000000000000"),
        ],
    ],
    ids=["negative total", "too many", "too large", "too large a line"],
)
def test_impossible_total_is_refused(lines) -> None:
    with pytest.raises(InvalidError) as caught:
        price(lines, "EUR")

    assert ["lines"] == list(caught.value.fields)


def test_unknown_currency_is_refused() -> None:
    with pytest.raises(InvalidError) as caught:
        price([line()], "EURO")

    assert ["currency"] == list(caught.value.fields)


@pytest.mark.parametrize("text", ["0", "-1", "1.001", "x", "", "1e2"])
def test_amount_must_be_positive_and_exact(text) -> None:
    with pytest.raises(InvalidError) as caught:
        amount_of(text, "EUR", "refund")

    assert ["refund"] == list(caught.value.fields)


def test_amount_is_read_exactly() -> None:
    assert Money(1999, "EUR") == amount_of("19.99", "EUR")


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "description": st.just("x"),
                "quantity": st.decimals(0, 10**4, places=3),
                "unit_price": st.decimals(0, 10**4, places=4),
                "tax_rate": st.decimals(0, 100, places=2),
            }
        ),
        max_size=5,
    ),
    st.sampled_from(["EUR", "JPY", "BHD"]),
)
def test_no_line_is_off_by_more_than_half_a_unit(lines, currency) -> None:
    priced = price(lines, currency)

    for line_, given_ in zip(priced.lines, lines, strict=True):
        exact = given_["quantity"] * given_["unit_price"]
        off = abs(Money(line_.net_minor, currency).decimal - exact)
        assert off <= Money(1, currency).decimal / 2
    assert priced.total_minor == sum(x.net_minor + x.tax_minor for x in priced.lines)

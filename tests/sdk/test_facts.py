"""Facts are kept as JSON and come back as they were."""

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk import facts
from hub.sdk.fact_data import FACT_KINDS, from_data, to_data
from hub.sdk.facts import Fact, Match
from hub.sdk.money import MAX_MINOR, Money

moments = st.datetimes(
    datetime(1980, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)
)
st.register_type_strategy(datetime, moments)
st.register_type_strategy(
    Money,
    st.builds(
        Money,
        st.integers(-MAX_MINOR, MAX_MINOR),
        st.sampled_from(["EUR", "JPY", "BHD", "USD", "CLF"]),
    ),
)


@pytest.mark.parametrize("kind", FACT_KINDS.values(), ids=FACT_KINDS)
@given(data=st.data())
def test_fact_comes_back_from_json_as_it_was(kind: type[Fact], data: Any) -> None:
    values = {item.name: st.from_type(_hint(kind, item.name)) for item in fields(kind)}
    fact = data.draw(st.builds(kind, **values))

    kept = json.loads(json.dumps(to_data(fact)))

    assert fact == from_data(kind.__name__, kept)


def _hint(kind: type[Fact], name: str) -> Any:
    from typing import get_type_hints

    return get_type_hints(kind)[name]


RECEIVED = {
    "id": "WH-1",
    "as_of": "2026-03-02T10:15:27Z",
    "reference": "2HM90421RU778244T",
    "amount": {"amount": "1248.60", "currency": "GBP"},
    "match": {"charge": "chg_1", "checkout": None, "invoice_number": "INV-1"},
    "method": "paypal",
    "payer": "",
    "url": "",
    "fee": {"amount": "36.51", "currency": "GBP"},
    "net": None,
}


def test_fact_is_written_in_plain_words() -> None:
    fact = facts.PaymentReceived(
        id="WH-1",
        as_of=datetime(2026, 3, 2, 11, 15, 27, tzinfo=timezone(timedelta(hours=1))),
        reference="2HM90421RU778244T",
        amount=Money(124860, "GBP"),
        match=Match(charge="chg_1", invoice_number="INV-1"),
        method="paypal",
        fee=Money(3651, "GBP"),
    )

    assert RECEIVED == to_data(fact)


def test_row_of_an_older_or_newer_hub_stays_readable() -> None:
    least = {name: RECEIVED[name] for name in ("id", "as_of", "reference", "amount")}
    newer = least | {"not_yet_known": {"x": 1}}

    assert from_data("PaymentReceived", least) == from_data("PaymentReceived", newer)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("PaymentLost", {}),
        ("PaymentReceived", {"amount": "12.00"}),
        ("PaymentReceived", {"amount": {"amount": 12.5, "currency": "JPY"}}),
        ("PaymentReceived", {"amount": {"amount": "12", "currency": "XYZ"}}),
        ("PaymentReceived", {"amount": {}}),
        ("PaymentReceived", {"as_of": "2026-03-02T10:15:27"}),
        ("PaymentReceived", {"as_of": 1}),
        ("PaymentReceived", {"reference": None}),
        ("PaymentReceived", {"match": []}),
        ("RefundMade", {"payment": "p", "state": "lost"}),
        ("RefundMade", {}),
        ("PayoutMade", {"state": "paid", "payments": [1]}),
        ("PayoutMade", {"state": "paid", "payments": "abc"}),
    ],
)
def test_what_is_no_fact_is_a_value_error(kind: str, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_data(kind, RECEIVED | change)

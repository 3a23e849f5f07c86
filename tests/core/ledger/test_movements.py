"""Facts folded into movements."""

from itertools import permutations

import pytest

from hub.core.ledger.movements import Heard, Key, fold, key_of, payments_of
from hub.core.ledger.states import RANKS
from hub.sdk.fact_data import FACT_KINDS
from hub.sdk.facts import (
    CheckoutApproved,
    ConversationFact,
    FeeCharged,
    MandateSeen,
    Match,
    PaymentCancelled,
    PayoutMade,
)
from tests.parts.ledger import (
    at,
    chargeback,
    dispute,
    eur,
    failed,
    pending,
    received,
    refund,
    refund_total,
)

FACTS = [
    received(),
    pending(),
    failed(),
    PaymentCancelled(id="x", as_of=at(0), reference="P-1", amount=eur("1.00")),
    CheckoutApproved(id="o", as_of=at(0), reference="O-1"),
    refund(),
    refund_total(),
    chargeback(),
    dispute(),
    FeeCharged(id="f", as_of=at(0), reference="F-1", payment="P-1", amount=eur("1.00")),
    PayoutMade(
        id="po",
        as_of=at(0),
        reference="PO-1",
        amount=eur("9.00"),
        state="paid",
        payments=("P-1", "P-2"),
    ),
    MandateSeen(id="m", as_of=at(0), reference="M-1", state="active"),
]


def folded(*facts):
    return fold([Heard(fact=fact, connection_id="c") for fact in facts])


def test_every_kind_of_fact_has_a_movement_and_ranked_states() -> None:
    """ROAD 3. What is said about messages moves no money."""
    money = {k for k in FACT_KINDS.values() if not issubclass(k, ConversationFact)}
    assert money == {type(fact) for fact in FACTS}
    for fact in FACTS:
        key = key_of("till", fact)
        assert folded(fact).state in RANKS[key.kind]


def test_money_is_named_by_provider_kind_and_id() -> None:
    """ROAD 2."""
    assert Key("till", "capture", "P-1") == key_of("till", pending())
    assert key_of("till", pending()) == key_of("till", received(5))
    assert Key("till", "refund_total", "P-1") == key_of("till", refund_total())


def test_key_survives_being_written_and_read() -> None:
    key = Key("till", "refund", "a|b|c")

    assert key == Key.parse(str(key))


def test_facts_name_the_payments_they_can_move() -> None:
    assert [
        ("P-1",),
        ("P-1",),
        ("P-1",),
        ("P-1",),
        (),
        ("P-1",),
        ("P-1",),
        ("P-1",),
        ("P-1",),
        ("P-1",),
        ("P-1", "P-2"),
        (),
    ] == [payments_of(fact) for fact in FACTS]


def test_newest_state_wins_whatever_came_last() -> None:
    """ROAD 3."""
    facts = [pending(1), failed(2, reason="no funds"), received(3), failed(4)]
    views = {folded(*order) for order in permutations(facts)}

    assert ["failed"] == [view.state for view in views]
    assert [at(4)] == [view.since for view in views]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ([pending(1), received(1)], "done"),
        ([pending(1), failed(1)], "failed"),
        ([refund(1, state="pending"), refund(1, state="done")], "done"),
        ([refund(1, state="done"), refund(1, state="failed")], "failed"),
        ([chargeback(1), chargeback(1, state="cancelled")], "cancelled"),
        ([dispute(1), dispute(1, state="won")], "won"),
    ],
)
def test_facts_of_one_instant_are_ordered_by_rank(facts, state) -> None:
    """ROAD 3."""
    assert state == folded(*facts).state
    assert state == folded(*reversed(facts)).state


def test_what_only_an_older_fact_tells_is_kept() -> None:
    first = received(1, fee=eur("3.00"), payer="Ann", match=Match(charge="chg_1"))
    later = received(2, match=Match(invoice_number="INV-7"), method="card")
    view = folded(later, first)

    assert (eur("3.00"), "Ann", "card") == (view.fee, view.payer, view.method)
    assert (later.match, first.match) == view.matches


def test_newest_amount_wins() -> None:
    assert eur("90.00") == folded(received(2, "90.00"), received(1, "95.00")).amount


def test_reason_belongs_to_the_state_it_explains() -> None:
    view = folded(pending(1, reason="waiting for the bank"), received(2))

    assert "" == view.reason


def test_since_is_the_earliest_time_of_the_present_state() -> None:
    view = folded(received(9), pending(1), received(4))

    assert (at(9), at(4)) == (view.as_of, view.since)


def test_larger_of_two_totals_told_at_once_is_the_newer() -> None:
    """ROAD 4."""
    view = folded(refund_total(1, "50.00"), refund_total(1, "20.00"))

    assert eur("50.00") == view.amount

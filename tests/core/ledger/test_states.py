"""States of payments and invoices, as pure functions of movements."""

from dataclasses import dataclass
from datetime import datetime

import pytest

from hub.core.ledger.states import Counted, invoice_view, payment_view
from tests.parts.ledger import START, at


@dataclass(frozen=True, kw_only=True)
class Move:
    kind: str
    reference: str = "X"
    amount_minor: int = 10000
    currency: str = "EUR"
    state: str = "done"
    as_of: datetime = START
    since: datetime = START
    reason: str = ""
    fee_minor: int | None = None
    net_minor: int | None = None


CAPTURE = Move(kind="capture")


def refund(amount: int, reference: str = "R", state: str = "done", minute: int = 1):
    return Move(
        kind="refund",
        amount_minor=amount,
        reference=reference,
        state=state,
        as_of=at(minute),
    )


def total(amount: int, minute: int = 1) -> Move:
    return Move(
        kind="refund_total", amount_minor=amount, state="told", as_of=at(minute)
    )


@pytest.mark.parametrize(
    ("movements", "expected"),
    [
        ([], "cancelled"),
        ([Move(kind="capture", state="pending")], "pending"),
        ([Move(kind="capture", state="failed")], "failed"),
        ([Move(kind="capture", state="cancelled")], "cancelled"),
        ([CAPTURE], "confirmed"),
        ([CAPTURE, refund(3000)], "confirmed"),
        ([CAPTURE, refund(10000)], "refunded"),
        ([CAPTURE, refund(4000), refund(6000, "R2")], "refunded"),
        ([CAPTURE, refund(10000, state="pending")], "confirmed"),
        ([CAPTURE, refund(10000, state="failed")], "confirmed"),
        ([CAPTURE, Move(kind="chargeback")], "charged_back"),
        ([CAPTURE, Move(kind="chargeback", state="cancelled")], "confirmed"),
        ([CAPTURE, Move(kind="chargeback", amount_minor=500)], "confirmed"),
        ([CAPTURE, refund(500), Move(kind="chargeback", amount_minor=9500)],
         "charged_back"),
        ([CAPTURE, Move(kind="payout", state="paid", currency="")], "paid_out"),
        ([CAPTURE, Move(kind="payout", state="failed", currency="")], "confirmed"),
        ([CAPTURE, Move(kind="payout", state="paid"), refund(10000)], "refunded"),
        ([CAPTURE, Move(kind="dispute", state="open")], "confirmed"),
        ([Move(kind="capture", state="failed"), Move(kind="payout", state="paid")],
         "failed"),
    ],
)  # fmt: skip
def test_payment_state_follows_from_its_movements(movements, expected) -> None:
    """ROAD 3."""
    assert expected == payment_view(movements).state
    assert expected == payment_view(reversed(movements)).state


@pytest.mark.parametrize(
    ("state", "expected"), [("done", (0, 3000)), ("cancelled", (0, 0))]
)
def test_money_listed_as_taken_back_and_as_refunded_counts_once(
    state, expected
) -> None:
    back = Move(kind="chargeback", reference="R", amount_minor=3000, state=state)
    view = payment_view([CAPTURE, refund(3000), back])

    assert expected == (view.refunded_minor, view.charged_back_minor)


@pytest.mark.parametrize(
    ("states", "disputed", "told"),
    [
        (["open"], True, {"D0"}),
        (["won"], False, set()),
        (["lost"], False, {"D0"}),
        (["closed", "open"], True, {"D1"}),
    ],
)
def test_dispute_flags_and_moves_no_money(states, disputed, told) -> None:
    cases = [
        Move(kind="dispute", reference=f"D{n}", state=state, currency="")
        for n, state in enumerate(states)
    ]
    view = payment_view([CAPTURE, *cases])

    assert (disputed, told) == (view.disputed, view.disputes)
    assert (0, 0) == (view.refunded_minor, view.charged_back_minor)


@pytest.mark.parametrize(
    ("movements", "refunded"),
    [
        ([total(5000)], 5000),
        ([total(5000), refund(5000)], 5000),
        ([total(5000), refund(3000)], 5000),
        ([total(5000), refund(3000), refund(2000, "R2")], 5000),
        ([total(5000), refund(3000), refund(2000, "R2"), refund(100, "R3")], 5100),
        ([total(3000), refund(5000)], 5000),
        ([total(5000), refund(5000, state="failed", minute=2)], 0),
        ([total(5000, minute=3), refund(5000, state="failed", minute=2)], 5000),
        ([total(5000), refund(5000, state="pending", minute=2)], 5000),
    ],
)
def test_running_total_books_only_what_is_not_known_by_id(movements, refunded) -> None:
    """ROAD 4: max(0, total - known); it vanishes as refunds become known."""
    assert refunded == payment_view([CAPTURE, *movements]).refunded_minor


@pytest.mark.parametrize(
    ("capture", "extra", "fee", "net"),
    [
        (CAPTURE, [], None, None),
        (Move(kind="capture", fee_minor=290), [], 290, 9710),
        (Move(kind="capture", fee_minor=290, net_minor=9700), [], 290, 9700),
        (CAPTURE, [150], 150, 9850),
        (Move(kind="capture", fee_minor=290, net_minor=9710), [150, 50], 490, 9510),
    ],
)
def test_fees_add_up(capture, extra, fee, net) -> None:
    fees = [
        Move(kind="fee", reference=f"F{n}", amount_minor=amount)
        for n, amount in enumerate(extra)
    ]
    view = payment_view([capture, *fees])

    assert (fee, net) == (view.fee_minor, view.net_minor)


def test_refund_in_another_currency_is_not_counted_but_seen() -> None:
    other = Move(kind="refund", currency="USD", amount_minor=500)
    view = payment_view([CAPTURE, other])

    assert (0, True) == (view.refunded_minor, view.mixed)


def counted(minor: int, id: str = "A", currency: str = "EUR", minute: int = 0):
    return Counted(id=id, minor=minor, currency=currency, order=(at(minute), "p", id))


@pytest.mark.parametrize(
    ("payments", "due", "expected"),
    [
        ([], 10000, ("open", 0, 10000)),
        ([counted(4000)], 10000, ("partially_paid", 4000, 6000)),
        ([counted(10000)], 10000, ("paid", 10000, 0)),
        ([counted(4000), counted(6000, "B")], 10000, ("paid", 10000, 0)),
        ([counted(0)], 10000, ("open", 0, 10000)),
        ([], 0, ("paid", 0, 0)),
        ([counted(6000)], 6000, ("paid", 6000, 0)),
    ],
)
def test_invoice_follows_from_its_payments(payments, due, expected) -> None:
    """ROAD 3."""
    view = invoice_view(payments, due_minor=due, currency="EUR")

    assert expected == (view.state, view.paid_minor, view.open_minor)
    assert {} == view.attention


def test_money_too_much_is_kept_on_the_later_payment() -> None:
    payments = [counted(10000, "late", minute=5), counted(10000, "early", minute=1)]
    view = invoice_view(payments, due_minor=10000, currency="EUR")

    assert ("paid", 10000, 0) == (view.state, view.paid_minor, view.open_minor)
    assert {"late": "overpaid"} == view.attention


def test_money_of_another_currency_pays_nothing() -> None:
    view = invoice_view([counted(10000, currency="USD")], due_minor=1, currency="EUR")

    assert ("open", 0) == (view.state, view.paid_minor)
    assert {"A": "wrong_currency"} == view.attention


def test_money_for_a_void_invoice_pays_nothing() -> None:
    view = invoice_view([counted(10000)], due_minor=10000, currency="EUR", voided=True)

    assert ("void", 0, 0) == (view.state, view.paid_minor, view.open_minor)
    assert {"A": "void_invoice"} == view.attention


def test_draft_stays_a_draft_though_money_came() -> None:
    view = invoice_view([counted(4000)], due_minor=10000, currency="EUR", issued=False)

    assert ("draft", 4000, 6000) == (view.state, view.paid_minor, view.open_minor)


@pytest.mark.parametrize("state", ["done", "cancelled"])
def test_money_taken_back_and_listed_as_a_refund_too_counts_once(state: str) -> None:
    """PayPal lists a reversal among an order's refunds, by the same id."""
    taken = Move(kind="chargeback", reference="R", amount_minor=4000, state=state)

    view = payment_view([CAPTURE, taken, refund(4000, "R")])

    expected = 4000 if state == "done" else 0
    assert (0, expected) == (view.refunded_minor, view.charged_back_minor)

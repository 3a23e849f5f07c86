"""There and back: order, approval, capture, refund."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from hub.sdk import clock
from hub.sdk.errors import RejectedError, UnavailableError, UnexpectedResponseError
from hub.sdk.facts import (
    PaymentCancelled,
    PaymentFact,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    RefundMade,
)
from hub.sdk.ledger import Charge, Company, Invoice, Payment
from hub.sdk.money import Money
from hub_paypal import checkout

ORDER = "https://api-m.sandbox.paypal.com/v2/checkout/orders"
PAID = Money(124860, "GBP")


@pytest.fixture
def charge():
    company = Company(
        id="com_1", name="Harbour", currency="GBP", country="GB", email="", phone=""
    )
    invoice = Invoice(
        id="inv_1",
        number="INV-2026-0117",
        company=company,
        issue_date=date(2026, 3, 1),
        due_date=date(2026, 3, 31),
        total=PAID,
        open_amount=PAID,
        lines=(),
    )
    return Charge(
        id="chg_01JQ5Z7M9K",
        invoice=invoice,
        amount=PAID,
        reference=None,
        return_url="https://hub.example/pay/x/paypal/return",
        cancel_url="https://hub.example/pay/x/paypal/cancel",
        created_at=clock.now(),
    )


def started(charge, ctx):
    made = checkout.start(charge, ctx)
    return replace(charge, reference=made.reference), made


def test_the_order_is_built_for_the_charge(charge):
    assert checkout.order_for(charge) == {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "description": "Invoice INV-2026-0117",
                "custom_id": "chg_01JQ5Z7M9K",
                "invoice_id": "INV-2026-0117-5Z7M9K",
                "amount": {"currency_code": "GBP", "value": "1248.60"},
            }
        ],
        "payment_source": {
            "paypal": {
                "experience_context": {
                    "user_action": "PAY_NOW",
                    "shipping_preference": "NO_SHIPPING",
                    "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
                    "return_url": "https://hub.example/pay/x/paypal/return",
                    "cancel_url": "https://hub.example/pay/x/paypal/cancel",
                }
            }
        },
    }


@pytest.mark.parametrize(
    ("minor", "currency", "value"),
    [
        (124860, "GBP", "1248.60"),
        (52000, "JPY", "52000"),
        (5200000, "HUF", "52000"),
        (5200000, "TWD", "52000"),
        (5, "EUR", "0.05"),
    ],
)
def test_amounts_have_the_decimals_paypal_takes(minor, currency, value):
    found = checkout.wire(Money(minor, currency))
    assert found == {"currency_code": currency, "value": value}


def test_a_fraction_paypal_can_not_take_is_not_rounded_away():
    with pytest.raises(RejectedError, match="whole units"):
        checkout.wire(Money(5200050, "HUF"))


def test_starting_twice_gives_the_same_checkout(sim, connected, charge):
    first, second = (checkout.start(charge, connected) for _ in range(2))
    assert first == second
    assert first.url == f"{sim.address}/checkoutnow?token={first.reference}"
    assert len(sim.orders) == 1


def test_the_older_approval_link_is_taken_too(requests_mock, make_ctx, charge):
    page = "https://www.sandbox.paypal.com/checkoutnow?token=7GX"
    links = [{"rel": "self", "href": ORDER}, {"rel": "approve", "href": page}]
    ctx = make_ctx()
    ctx.state.set("token:sandbox:AeA1QIZXiflr1", "A21AA")
    requests_mock.post(ORDER, json={"id": "7GX", "status": "CREATED", "links": links})
    assert checkout.start(charge, ctx).url == page


@pytest.mark.parametrize(
    "answer",
    [{}, [], {"id": "7GX"}, {"id": "7GX", "links": []}, {"id": 7, "links": []}],
)
def test_an_order_without_a_page_for_the_payer_is_drift(
    answer, requests_mock, make_ctx, charge
):
    ctx = make_ctx()
    ctx.state.set("token:sandbox:AeA1QIZXiflr1", "A21AA")
    requests_mock.post(ORDER, json=answer)
    with pytest.raises(UnexpectedResponseError):
        checkout.start(charge, ctx)


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        ("approve", PaymentReceived),
        ("leave", PaymentReceived),
        ("pending", PaymentPending),
        ("decline", PaymentFailed),
    ],
)
def test_the_captures_own_status_is_what_counts(choice, kind, sim, connected, charge):
    charge, _ = started(charge, connected)
    sim.choose({"id": charge.reference}, choice)
    (fact,) = checkout.settle(charge, connected)
    assert type(fact) is kind
    assert isinstance(fact, PaymentFact)
    assert (fact.amount, fact.match.charge, fact.match.checkout) == (
        PAID,
        charge.id,
        charge.reference,
    )
    assert fact.match.invoice_number == "INV-2026-0117"
    assert [fact.reference] == list(sim.captures)


def test_settling_twice_captures_once_and_says_the_same(sim, connected, charge):
    """ROAD 2: return page, webhook and janitor may all settle one payment."""
    charge, _ = started(charge, connected)
    sim.choose({"id": charge.reference}, "approve")
    first, second = (checkout.settle(charge, connected) for _ in range(2))
    assert first == second
    assert len(sim.captures) == 1


def test_another_worker_may_have_captured_it_in_between(
    sim, connected, charge, requests_mock
):
    requests_mock.real_http = True
    charge, _ = started(charge, connected)
    sim.choose({"id": charge.reference}, "approve")
    paid = checkout.settle(charge, connected)
    read = f"{sim.address}/v2/checkout/orders/{charge.reference}"
    done = sim.orders[charge.reference]
    requests_mock.get(read, [{"json": done | {"status": "APPROVED"}}, {"json": done}])
    requests_mock.post(
        f"{read}/capture",
        status_code=422,
        json={"details": [{"issue": "ORDER_ALREADY_CAPTURED"}]},
    )
    assert checkout.settle(charge, connected) == paid


def test_an_order_nobody_approved_stays_open(connected, charge):
    charge, _ = started(charge, connected)
    assert checkout.settle(charge, connected) == []


def test_a_charge_without_an_order_has_nothing_to_say(make_ctx, charge):
    assert checkout.settle(charge, make_ctx()) == []


def mocked(issue, sim, ctx, charge, requests_mock):
    requests_mock.real_http = True
    charge, _ = started(charge, ctx)
    sim.choose({"id": charge.reference}, "approve")
    requests_mock.post(
        f"{sim.address}/v2/checkout/orders/{charge.reference}/capture",
        status_code=422,
        json={"details": [{"issue": issue}]},
    )
    return checkout.settle(charge, ctx)


@pytest.mark.parametrize("issue", sorted(checkout._GOES_ON))
def test_what_the_payer_can_mend_leaves_the_order_open(
    issue, sim, connected, charge, requests_mock
):
    assert mocked(issue, sim, connected, charge, requests_mock) == []


@pytest.mark.parametrize(
    "issue",
    [*sorted(checkout._ENDED), "PAYER_ACCOUNT_RESTRICTED", "PAYEE_BLOCKED_TRANSACTION"],
)
def test_what_nobody_can_mend_ends_it(issue, sim, connected, charge, requests_mock):
    (fact,) = mocked(issue, sim, connected, charge, requests_mock)
    assert isinstance(fact, PaymentFailed)
    assert (fact.reason, fact.match.charge) == (issue, charge.id)


def test_an_unknown_refusal_is_shown_to_a_person(sim, connected, charge, requests_mock):
    with pytest.raises(RejectedError, match="DUPLICATE_INVOICE_ID"):
        mocked("DUPLICATE_INVOICE_ID", sim, connected, charge, requests_mock)


def test_an_expired_order_is_cancelled(sim, connected, charge):
    charge, _ = started(charge, connected)
    sim.drive("reset")
    with pytest.raises(RejectedError):
        checkout.settle(charge, connected)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=7), tick=True):
        (fact,) = checkout.settle(charge, connected)
    assert isinstance(fact, PaymentCancelled)
    assert fact.match.charge == charge.id


def test_an_order_of_another_payment_is_never_captured(sim, connected, charge):
    other, _ = started(replace(charge, id="chg_other"), connected)
    sim.choose({"id": other.reference}, "approve")
    with pytest.raises(UnexpectedResponseError, match="another payment"):
        checkout.settle(replace(charge, reference=other.reference), connected)
    assert sim.captures == {}


def test_a_time_out_after_success_is_settled_by_asking_again(sim, connected, charge):
    charge, _ = started(charge, connected)
    sim.choose({"id": charge.reference}, "approve")
    path = f"/v2/checkout/orders/{charge.reference}/capture"
    sim.drive("faults", kind="timeout_after", path=path, seconds=0)
    with pytest.raises(UnavailableError) as caught:
        checkout.settle(charge, connected)
    assert caught.value.outcome_unknown
    (fact,) = checkout.settle(charge, connected)
    assert isinstance(fact, PaymentReceived)
    assert len(sim.captures) == 1


def payment_of(fact):
    return Payment(
        id="pay_1",
        reference=fact.reference,
        amount=fact.amount,
        refunded=Money(0, "GBP"),
    )


@pytest.fixture
def received(sim, connected, charge):
    charge, _ = started(charge, connected)
    sim.choose({"id": charge.reference}, "approve")
    (fact,) = checkout.settle(charge, connected)
    return charge, fact


def test_a_refund_asked_for_twice_is_made_once(sim, connected, received):
    part = Money(24860, "GBP")
    first, second = (
        checkout.refund(payment_of(received[1]), part, connected) for _ in range(2)
    )
    assert first == second
    (fact,) = first
    assert isinstance(fact, RefundMade)
    assert (fact.payment, fact.amount) == (received[1].reference, part)
    assert len(sim.refunds) == 1


def test_two_equal_refunds_are_two(sim, connected, received):
    part = Money(10000, "GBP")
    checkout.refund(payment_of(received[1]), part, connected)
    second = replace(connected, delivery="rfr_2")
    checkout.refund(payment_of(received[1]), part, second)
    assert len(sim.refunds) == 2


def test_a_refunds_key_is_that_of_its_request(sim, connected, received):
    checkout.refund(payment_of(received[1]), Money(100, "GBP"), connected)
    sent = [r for r in sim.seen if r.path.endswith("/refund")]
    assert [r.headers["Paypal-Request-Id"] for r in sent] == [
        connected.idempotency_key("refund")
    ]


def test_refunds_made_at_paypal_are_seen_when_asking(sim, connected, received):
    charge, fact = received
    sim.drive("event", capture_id=fact.reference, event="refunded")
    facts = checkout.settle(charge, connected)
    assert [type(fact) for fact in facts] == [PaymentReceived, RefundMade]


@pytest.mark.parametrize(
    "payments",
    [
        {"captures": "none"},
        {"captures": [{"id": "x"}]},
        {"refunds": [{"id": "x"}]},
        {"captures": [7]},
    ],
)
def test_an_order_that_can_not_be_read_is_drift(
    payments, requests_mock, make_ctx, charge
):
    unit = {"custom_id": charge.id, "payments": payments}
    requests_mock.get(
        f"{ORDER}/7GX", json={"status": "COMPLETED", "purchase_units": [unit]}
    )
    ctx = make_ctx()
    ctx.state.set("token:sandbox:AeA1QIZXiflr1", "A21AA")
    with pytest.raises(UnexpectedResponseError):
        checkout.settle(replace(charge, reference="7GX"), ctx)


def test_a_voided_order_is_cancelled(requests_mock, make_ctx, charge):
    unit = {"custom_id": charge.id}
    requests_mock.get(
        f"{ORDER}/7GX", json={"status": "VOIDED", "purchase_units": [unit]}
    )
    ctx = make_ctx()
    ctx.state.set("token:sandbox:AeA1QIZXiflr1", "A21AA")
    (fact,) = checkout.settle(replace(charge, reference="7GX"), ctx)
    assert isinstance(fact, PaymentCancelled)


@pytest.mark.parametrize("choice", [None, "approve"])
def test_an_order_left_for_another_way_to_pay_is_never_captured(
    choice, sim, connected, charge
):
    """ROAD 7."""
    charge, _ = started(charge, connected)
    if choice:
        sim.choose({"id": charge.reference}, choice)

    assert [] == checkout.cancel(charge, connected)
    assert {} == sim.captures


def test_an_order_that_was_captured_says_so_when_it_is_to_be_closed(
    sim, connected, charge
):
    charge, _ = started(charge, connected)
    sim.choose({"id": charge.reference}, "approve")
    (paid,) = checkout.settle(charge, connected)

    (found,) = checkout.cancel(charge, connected)
    assert isinstance(paid, PaymentReceived)
    assert isinstance(found, PaymentReceived)
    assert paid.reference == found.reference


def test_a_charge_without_an_order_has_nothing_to_close(sim, connected, charge):
    assert [] == checkout.cancel(charge, connected)

"""Stripe's events: who signed them, and what they become."""

import json
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk import clock
from hub.sdk.errors import HubError, PayloadError, SignatureError
from hub.sdk.facts import (
    ChargebackMade,
    DisputeSeen,
    PaymentCancelled,
    PaymentFailed,
    PaymentReceived,
    RefundMade,
    RefundTotal,
)
from hub.sdk.money import Money
from hub.sdk.webhooks import Heard, Unheard
from hub_stripe import amounts, webhooks

INTENT = "pi_3TqLm82eZvKYlo2C0x7Yw4Qd"


def judge(case, request_with):
    config = case["config"]
    settings = {"webhook_secret": ", ".join(config["secrets"])}
    request = request_with(case["headers"], case["body"].encode())
    with time_machine.travel(config["now"], tick=False):
        return webhooks.verify(request, settings, now=clock.now())


def test_every_signature_case_is_judged_right(any_vector, request_with):
    if any_vector["expected"] == "valid":
        event_id = json.loads(any_vector["body"])["id"]
        assert event_id == judge(any_vector, request_with).dedupe_key
        return
    with pytest.raises(HubError) as caught:
        judge(any_vector, request_with)
    empty = any_vector["name"] == "empty_body_signed"
    assert type(caught.value) is (PayloadError if empty else SignatureError)


def test_stripes_own_library_agrees_on_every_case(any_vector):
    import stripe

    config = any_vector["config"]

    def accepted(secret):
        try:
            with time_machine.travel(config["now"], tick=False):
                stripe.WebhookSignature.verify_header(
                    any_vector["body"],
                    any_vector["headers"].get("Stripe-Signature", ""),
                    secret,
                    config["tolerance"],
                )
        except stripe.SignatureVerificationError:
            return False
        return bool(any_vector["body"])

    agreed = any(accepted(secret) for secret in config["secrets"])
    assert (any_vector["expected"] == "valid") == agreed


def heard(event, kept, ctx):
    result = webhooks.parse(kept(event), ctx)
    assert isinstance(result, Heard), result
    return result.facts


@pytest.fixture
def listening(make_ctx):
    """A connection without a key: it can't ask."""
    return make_ctx(api_key="")


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("checkout.session.completed", INTENT),
        ("checkout.session.async_payment_succeeded", INTENT),
        ("payment_intent.succeeded", INTENT),
        ("invoice.paid.legacy-2023-08-16", INTENT),
    ],
)
def test_whatever_tells_of_a_payment_names_its_intent(
    name, reference, sample, kept, listening
):
    """ROAD 2: however many event types report it, it is one payment."""
    (fact,) = heard(sample(name), kept, listening)
    assert isinstance(fact, PaymentReceived)
    assert (reference, Money(124860, "GBP")) == (fact.reference, fact.amount)


def test_a_declined_try_of_our_own_checkout_is_not_the_end(sample, kept, listening):
    event = sample("payment_intent.payment_failed")
    assert () == heard(event, kept, listening)
    event["data"]["object"]["metadata"] = {}
    (fact,) = heard(event, kept, listening)
    assert isinstance(fact, PaymentFailed)
    assert "insufficient_funds" == fact.reason


def test_a_running_total_books_only_where_refunds_cannot_be_listed(
    sample, kept, listening, make_ctx, requests_mock
):
    """ROAD 4: the refunds are listed by id, all pages of them."""
    event = sample("charge.refunded")
    (total,) = heard(event, kept, listening)
    assert isinstance(total, RefundTotal)
    assert (INTENT, Money(24860, "GBP")) == (total.payment, total.total)

    first = sample("refund.created")["data"]["object"]
    second = first | {"id": "re_second", "amount": 100, "status": "pending"}
    url = "https://api.stripe.com/v1/refunds"
    pages = [([first], True), ([second], False)]
    requests_mock.get(
        url, [{"json": {"data": data, "has_more": more}} for data, more in pages]
    )
    facts = heard(event, kept, make_ctx())
    assert [("done", 24860), ("pending", 100)] == [
        (fact.state, fact.amount.minor)
        for fact in facts
        if isinstance(fact, RefundMade)
    ]
    assert [first["id"]] == requests_mock.last_request.qs["starting_after"] or [
        first["id"].lower()
    ] == requests_mock.last_request.qs["starting_after"]


def test_what_cannot_be_fetched_is_tried_again(sample, kept, make_ctx, requests_mock):
    requests_mock.get("https://api.stripe.com/v1/refunds", status_code=503)
    result = webhooks.parse(kept(sample("charge.refunded")), make_ctx())
    assert isinstance(result, Unheard)


def test_an_invoice_paid_elsewhere_is_no_money_of_stripes(sample, kept, listening):
    event = sample("invoice.paid.legacy-2023-08-16")
    event["data"]["object"]["paid_out_of_band"] = True
    assert () == heard(event, kept, listening)


def test_a_subscriptions_session_leaves_the_money_to_its_invoice(
    sample, kept, listening
):
    event = sample("checkout.session.completed")
    event["data"]["object"] |= {"mode": "subscription", "payment_intent": None}
    assert () == heard(event, kept, listening)


def test_an_expired_session_stands_for_the_money_that_never_came(
    sample, kept, listening
):
    (fact,) = heard(sample("checkout.session.expired"), kept, listening)
    assert isinstance(fact, PaymentCancelled)
    assert fact.reference.startswith("cs_test_")


@pytest.mark.parametrize(
    ("status", "state", "money"),
    [
        ("lost", "lost", "done"),
        ("won", "won", "cancelled"),
        ("warning_closed", "closed", None),
        ("appeal_under_review", "open", None),
    ],
)
def test_a_dispute_says_who_won_and_where_the_money_is(
    status, state, money, sample, kept, listening
):
    event = sample("charge.dispute.closed")
    event["data"]["object"]["status"] = status
    seen, *moved = heard(event, kept, listening)
    assert isinstance(seen, DisputeSeen)
    assert state == seen.state
    assert ([money] if money else []) == [fact.state for fact in moved]


@pytest.mark.parametrize(
    ("end", "state"), [("funds_withdrawn", "done"), ("funds_reinstated", "cancelled")]
)
def test_disputed_money_goes_and_comes_back(end, state, sample, kept, listening):
    event = sample("charge.dispute.created") | {"type": f"charge.dispute.{end}"}
    (fact,) = heard(event, kept, listening)
    assert isinstance(fact, ChargebackMade)
    assert (INTENT, state) == (fact.payment, fact.state)


def test_test_money_never_reaches_a_live_connection(sample, kept, make_ctx):
    event = sample("payment_intent.succeeded")
    result = webhooks.parse(kept(event), make_ctx(api_key="sk_live_x"))
    assert isinstance(result, Unheard)
    assert isinstance(result.error, PayloadError)


@pytest.mark.parametrize(
    ("units", "currency", "minor"),
    [
        (500, "jpy", 500),
        (500, "gbp", 500),
        (5120, "kwd", 5120),
        (50000, "isk", 500),
        (50000, "ugx", 500),
        (500, "mga", 50000),
        (124800, "huf", 124800),
        (124800, "twd", 124800),
    ],
)
def test_amounts_are_in_stripes_own_units(units, currency, minor):
    money = amounts.read(units, currency)
    assert Money(minor, currency.upper()) == money
    assert str(units) == amounts.wire(money)


@pytest.mark.parametrize(("minor", "currency"), [(5121, "KWD"), (550, "MGA")])
def test_what_stripe_cannot_take_is_not_rounded_away(minor, currency):
    with pytest.raises(HubError, match="coarser"):
        amounts.wire(Money(minor, currency))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(kind=st.sampled_from(sorted(webhooks.READERS)), data=JSON)
def test_junk_in_an_event_is_never_more_than_unreadable(kind, data, kept):
    event = {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "created": 1,
        "data": {"object": data},
    }
    result = webhooks.parse(kept(event), _NO_CTX)
    assert isinstance(result, Unheard) or not result.facts


class _Listening:
    settings: dict[str, str] = {}  # noqa: RUF012 - never changed


_NO_CTX: Any = _Listening()

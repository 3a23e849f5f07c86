"""What PayPal's events become."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk import clock
from hub.sdk.errors import PayloadError
from hub.sdk.facts import (
    ChargebackMade,
    CheckoutApproved,
    DisputeSeen,
    Match,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    RefundMade,
)
from hub.sdk.money import Money
from hub.sdk.text import clean
from hub.sdk.webhooks import Heard, Unheard
from hub_paypal import resources, webhooks

LIVE = {"environment": "live"}
CAPTURED_AT = datetime(2026, 3, 2, 10, 15, 27, tzinfo=UTC)
MATCH = Match(
    charge="hub-pay-5c1f0f0e",
    checkout="7GX41283LP556081K",
    invoice_number="INV-2026-0117",
)


def heard(event, kept):
    return webhooks.parse(kept(event), LIVE)


def only(event, kept):
    result = heard(event, kept)
    assert isinstance(result, Heard), result
    (fact,) = result.facts
    return fact


def test_a_capture_is_money_received_with_fee_and_net(sample, kept):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    assert only(event, kept) == PaymentReceived(
        id="WH-58D221873R6540932-2JX11834PB0527146",
        as_of=CAPTURED_AT,
        reference="2HM90421RU778244T",
        amount=Money(124860, "GBP"),
        match=MATCH,
        method="paypal",
        url="https://www.paypal.com/activity/payment/2HM90421RU778244T",
        fee=Money(3651, "GBP"),
        net=Money(121209, "GBP"),
    )


def test_yen_have_no_decimals(sample, kept):
    fact = only(sample("PAYMENT.CAPTURE.COMPLETED.JPY"), kept)
    assert (fact.amount, fact.fee) == (Money(52000, "JPY"), Money(1912, "JPY"))


@pytest.mark.parametrize(
    ("currency", "minor"), [("HUF", 5200000), ("TWD", 5200000), ("JPY", 52000)]
)
def test_currencies_paypal_writes_without_decimals_are_read_right(
    currency, minor, sample, kept
):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    event["resource"]["amount"] = {"currency_code": currency, "value": "52000"}
    assert only(event, kept).amount == Money(minor, currency)


def test_a_pending_capture_tells_why(sample, kept):
    fact = only(sample("PAYMENT.CAPTURE.PENDING"), kept)
    assert isinstance(fact, PaymentPending)
    assert (fact.reason, fact.as_of, fact.match) == ("ECHECK", CAPTURED_AT, MATCH)


@pytest.mark.parametrize("name", ["PAYMENT.CAPTURE.DENIED", "PAYMENT.CAPTURE.DECLINED"])
def test_denied_and_declined_are_the_same_failure(name, sample, kept):
    fact = only(sample(name), kept)
    assert isinstance(fact, PaymentFailed)
    assert (fact.reference, fact.reason) == ("2HM90421RU778244T", "DECLINED")
    assert fact.as_of == datetime(2026, 3, 9, 7, 44, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("PARTIALLY_REFUNDED", PaymentReceived),
        ("REFUNDED", PaymentReceived),
        ("PENDING", PaymentPending),
        ("DECLINED", PaymentFailed),
        ("FAILED", PaymentFailed),
    ],
)
def test_the_captures_own_status_decides_not_the_events_name(
    status, kind, sample, kept
):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    event["resource"]["status"] = status
    assert type(only(event, kept)) is kind


def test_a_refund_names_its_own_id_and_its_capture(sample, kept):
    """ROAD 4: the running total beside it is not booked."""
    assert only(sample("PAYMENT.CAPTURE.REFUNDED"), kept) == RefundMade(
        id="WH-2E417736L0093584C-9TS26015QA4470821",
        as_of=datetime(2026, 3, 6, 9, 2, 11, tzinfo=UTC),
        reference="61B37105EK3391823",
        payment="2HM90421RU778244T",
        amount=Money(24860, "GBP"),
        state="done",
        reason="Two endpoints removed from the March support bundle",
        url="https://www.paypal.com/activity/payment/61B37105EK3391823",
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [("PENDING", "pending"), ("FAILED", "failed"), ("CANCELLED", "cancelled")],
)
def test_a_refund_may_not_be_done_yet_or_ever(status, state, sample, kept):
    event = sample("PAYMENT.CAPTURE.REFUNDED")
    event["resource"]["status"] = status
    assert only(event, kept).state == state


@pytest.mark.parametrize(
    "href",
    [
        "https://api.paypal.com/v2/checkout/orders/7GX41283LP556081K",
        "https://api.paypal.com/v2/payments/captures/",
        "https://api.paypal.com/v2/payments/captures/2HM/refund",
        "https://api.paypal.com/v2/payments/captures/../x",
        "https://api.paypal.com/x/v2/payments/captures/2HM90421RU778244T",
        "https://[broken/v2/payments/captures/2HM90421RU778244T",
        "",
    ],
)
@pytest.mark.parametrize(
    "name", ["PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED"]
)
def test_a_link_that_names_no_capture_is_not_guessed_at(href, name, sample, kept):
    event = sample(name)
    event["resource"]["links"][1]["href"] = href
    result = heard(event, kept)
    assert isinstance(result, Unheard)
    assert isinstance(result.error, PayloadError)


def test_a_reversal_is_a_chargeback(sample, kept):
    assert only(sample("PAYMENT.CAPTURE.REVERSED"), kept) == ChargebackMade(
        id="WH-74N680021S5519347D-8DV93381FE1176402",
        as_of=datetime(2026, 4, 11, 16, 40, 3, tzinfo=UTC),
        reference="9KD18830VB1127045",
        payment="2HM90421RU778244T",
        amount=Money(124860, "GBP"),
        url="https://www.paypal.com/activity/payment/2HM90421RU778244T",
    )


def test_a_reversal_may_show_the_capture_itself(sample, kept):
    event = sample("PAYMENT.CAPTURE.REVERSED")
    capture = sample("PAYMENT.CAPTURE.COMPLETED")["resource"]
    event["resource"] = capture | {"status": "REVERSED"}
    fact = only(event, kept)
    assert (fact.reference, fact.payment) == ("2HM90421RU778244T",) * 2


def test_a_new_dispute_is_open_until_a_date(sample, kept):
    assert only(sample("CUSTOMER.DISPUTE.CREATED"), kept) == DisputeSeen(
        id="WH-8R314465K7790126H-0FP52294DY6638714",
        as_of=datetime(2026, 4, 9, 8, 21, 51, tzinfo=UTC),
        reference="PP-D-24817",
        payment="2HM90421RU778244T",
        amount=Money(124860, "GBP"),
        state="open",
        reason="MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        respond_by=datetime(2026, 4, 19, 8, 21, 44, tzinfo=UTC),
        url="https://www.paypal.com/resolutioncenter/view/PP-D-24817",
    )


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("RESOLVED_BUYER_FAVOUR", "lost"),
        ("RESOLVED_SELLER_FAVOUR", "won"),
        ("RESOLVED_WITH_PAYOUT", "closed"),
        ("CANCELED_BY_BUYER", "closed"),
        ("ACCEPTED", "lost"),
        ("DENIED", "won"),
        ("NONE", "closed"),
        ("SOMETHING_NEW", "closed"),
    ],
)
def test_the_outcome_says_who_won(outcome, state, sample, kept):
    event = sample("CUSTOMER.DISPUTE.RESOLVED")
    event["resource"]["dispute_outcome"]["outcome_code"] = outcome
    assert only(event, kept).state == state


def test_an_update_keeps_the_dispute_open(sample, kept):
    event = sample("CUSTOMER.DISPUTE.CREATED")
    event["event_type"] = "CUSTOMER.DISPUTE.UPDATED"
    event["resource"]["status"] = "UNDER_REVIEW"
    assert only(event, kept).state == "open"


def test_each_disputed_transaction_is_flagged_by_itself(sample, kept):
    event = sample("CUSTOMER.DISPUTE.CREATED")
    first = event["resource"]["disputed_transactions"][0]
    event["resource"]["disputed_transactions"].append(
        first | {"seller_transaction_id": "4NT65538XC912703J"}
    )
    facts = heard(event, kept).facts
    assert [(fact.reference, fact.payment) for fact in facts] == [
        ("PP-D-24817", "2HM90421RU778244T"),
        ("PP-D-24817:4NT65538XC912703J", "4NT65538XC912703J"),
    ]
    assert len({fact.id for fact in facts}) == 2


def test_an_approved_order_moves_no_money(sample, kept):
    assert only(sample("CHECKOUT.ORDER.APPROVED"), kept) == CheckoutApproved(
        id="WH-1H258049P6632091E-3QZ74460BT9983157",
        as_of=datetime(2026, 3, 2, 10, 15, 20, 15000, tzinfo=UTC),
        reference="7GX41283LP556081K",
        match=MATCH,
    )


def test_a_completed_order_is_information_only(sample, kept):
    """The order is completed even where its only capture was declined."""
    result = heard(sample("CHECKOUT.ORDER.COMPLETED"), kept)
    assert isinstance(result, Heard)
    assert result.facts == ()


@pytest.mark.parametrize(
    "event_type", ["CHECKOUT.PAYMENT-APPROVAL.REVERSED", "BILLING.PLAN.CREATED"]
)
def test_events_that_mean_nothing_to_us_are_ignored(event_type, kept):
    result = heard({"id": "WH-1", "event_type": event_type}, kept)
    assert result == Heard(event_id="WH-1", event_type=event_type)


def test_every_sample_is_understood_and_the_same_each_time(sample_name, sample, kept):
    event = sample(sample_name)
    result = heard(event, kept)
    assert isinstance(result, Heard)
    assert result == heard(event, kept)


def test_the_mark_of_the_attempt_is_taken_off_the_invoice_number(sample, kept):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    charge = event["resource"]["custom_id"]
    marked = resources.invoice_reference("INV-2026-0117", charge)
    event["resource"]["invoice_id"] = marked
    assert marked != "INV-2026-0117"
    assert only(event, kept).match == MATCH


def test_somebody_elses_payment_matches_by_what_it_has(sample, kept):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    for name in ("custom_id", "supplementary_data", "seller_receivable_breakdown"):
        del event["resource"][name]
    fact = only(event, kept)
    assert fact.match == Match(invoice_number="INV-2026-0117")
    assert (fact.fee, fact.net) == (None, None)


def test_without_an_update_time_the_events_own_time_counts(sample, kept):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    del event["resource"]["update_time"]
    assert only(event, kept).as_of == clock.parse("2026-03-02T10:15:31.502Z")


def test_fields_unknown_to_us_are_passed_over(sample, kept):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    plain = only(event, kept)
    event["resource"]["supplementary_data"]["new"] = {"a": [1]}
    event["resource"]["amount"]["new"] = event["new"] = 1.5
    assert only(event, kept) == plain


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "Infinity",
        "1e9",
        "-5.00",
        "0",
        "0.00",
        "1.234",
        "1,000.00",
        " 5",
        "5\n",
        "\u0665",
        "",
        "9" * 400,
        "9" * 20,
        5,
        5.0,
        None,
        True,
        [],
        {},
    ],
)
@pytest.mark.parametrize(
    "name", ["PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.REFUNDED"]
)
def test_an_amount_that_is_none_is_refused_whole(value, name, sample, kept):
    event = sample(name)
    event["resource"]["amount"]["value"] = value
    result = heard(event, kept)
    assert isinstance(result, Unheard)
    assert isinstance(result.error, PayloadError)
    assert result.event_type == name
    assert "amount" in str(result.error)


@pytest.mark.parametrize("currency", ["", "gbp", "XXXX", "XTS", None, 826, ["GBP"]])
def test_an_unknown_currency_is_refused(currency, sample, kept):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    event["resource"]["amount"]["currency_code"] = currency
    assert isinstance(heard(event, kept), Unheard)


def test_the_contract_allows_an_amount_without_a_whole_part(sample, kept):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    event["resource"]["amount"]["value"] = ".50"
    assert only(event, kept).amount == Money(50, "GBP")


MISSING = [
    ("PAYMENT.CAPTURE.COMPLETED", ["id", "status", "amount"]),
    ("PAYMENT.CAPTURE.REFUNDED", ["id", "amount", "links"]),
    ("PAYMENT.CAPTURE.REVERSED", ["id", "amount", "links"]),
    ("CUSTOMER.DISPUTE.CREATED", ["dispute_id", "status", "disputed_transactions"]),
    ("CHECKOUT.ORDER.APPROVED", ["id", "purchase_units"]),
]


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, all in MISSING for field in all]
)
@pytest.mark.parametrize("change", ["missing", None, 7, "", [], {"a": "b"}, [None]])
def test_a_missing_or_wrong_field_is_named(name, field, change, sample, kept):
    event = sample(name)
    del event["resource"][field]
    if change != "missing":
        event["resource"][field] = change
    result = heard(event, kept)
    assert isinstance(result, Unheard)
    assert isinstance(result.error, PayloadError)
    assert result.event_id == event["id"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[1]",
        b"{",
        b'{"id": "WH-1"}',
        b'{"id": "WH-1", "event_type": 5}',
        b'{"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED"}',
        b'{"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": []}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_no_event_is_a_payload_error(body, kept):
    result = webhooks.parse(kept(body), LIVE)
    assert isinstance(result, Unheard)
    assert isinstance(result.error, PayloadError)


def test_absurdly_long_text_is_refused(sample, kept):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    event["resource"]["custom_id"] = "x" * 501
    assert isinstance(heard(event, kept), Unheard)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_no_database_can_hold_stops_no_payment(text, sample, kept):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    event["resource"]["custom_id"] = text
    [fact] = heard(event, kept).facts
    assert clean(text) == fact.match.charge


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(junk=JUNK, name=st.sampled_from(sorted(webhooks.READERS)), data=st.data())
def test_whatever_stands_in_a_field_no_other_error_comes_out(
    junk, name, data, sample, kept
):
    source = {
        "PAYMENT.CAPTURE.DECLINED": "PAYMENT.CAPTURE.DENIED",
        "CUSTOMER.DISPUTE.UPDATED": "CUSTOMER.DISPUTE.CREATED",
    }.get(name, name)
    event = sample(source) | {"event_type": name}
    place = event["resource"]
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if (
            not isinstance(place[key], dict)
            or not place[key]
            or data.draw(st.booleans())
        ):
            break
        place = place[key]
    place[key] = junk
    assert isinstance(heard(event, kept), Heard | Unheard)

"""Signatures, certificate addresses, and what the events become."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk import clock
from hub.sdk.errors import HubError, PayloadError, SignatureError, UnavailableError
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
from hub.sdk.webhooks import Heard, Unheard, read_json
from hub_paypal import resources, webhooks

LIVE = {"environment": "live"}
CAPTURED_AT = datetime(2026, 3, 2, 10, 15, 27, tzinfo=UTC)
MATCH = Match(
    charge="hub-pay-5c1f0f0e",
    checkout="7GX41283LP556081K",
    invoice_number="INV-2026-0117",
)


def judge(case, request_with, settings_of):
    """Do what the hub does with a request; return the error, if there is one."""
    settings, config = settings_of(case), case["config"]
    body, fetched = case["body"].encode(), []
    try:
        url = webhooks.key_url(request_with(case["headers"], body), settings)
        fetched.append(url)
        key = config["cert_responses"][url]["body"].encode()
        webhooks.verify(
            request_with(case["headers"], body, key),
            settings,
            now=clock.parse(config["now"]),
        )
    except HubError as error:
        return error, fetched
    return None, fetched


def test_every_signature_case_is_judged_right(any_vector, request_with, settings_of):
    error, fetched = judge(any_vector, request_with, settings_of)

    assert (error is None) == (any_vector["expected"] == "valid")
    assert not (any_vector.get("must_not_fetch") and fetched)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("empty_body_signed", PayloadError),
        ("cert_url_answers_html", UnavailableError),
        ("tampered_body", SignatureError),
        ("expired_certificate", SignatureError),
        ("untrusted_ca", SignatureError),
        ("signature_not_base64", SignatureError),
        ("sha1_downgrade", SignatureError),
    ],
)
def test_a_refusal_says_what_kind_it_is(name, kind, vector, request_with, settings_of):
    error, _ = judge(vector(name), request_with, settings_of)
    assert type(error) is kind


def genuine(vector, request_with, settings_of, **changes):
    case = vector("valid_leaf_and_intermediate_served")
    pem = next(iter(case["config"]["cert_responses"].values()))["body"].encode()
    request = request_with(
        case["headers"], case["body"].encode(), changes.get("key", pem)
    )
    settings = settings_of(case) | changes.get("settings", {})
    now = clock.parse(case["config"]["now"])
    return webhooks.verify(request, settings, now=now)


def test_the_dedupe_key_is_the_events_id(vector, request_with, settings_of):
    """ROAD 9: from signed content only, not the transmission id."""
    verified = genuine(vector, request_with, settings_of)
    assert verified.dedupe_key == "WH-58D221873R6540932-2JX11834PB0527146"


@pytest.mark.parametrize("key", [None, b"", b"<html>busy</html>", b"\xff\x00"])
def test_without_a_readable_certificate_paypal_is_asked_to_come_again(
    key, vector, request_with, settings_of
):
    with pytest.raises(UnavailableError):
        genuine(vector, request_with, settings_of, key=key)


@pytest.mark.parametrize("webhook_id", ["", None, "WEBHOOK_ID", " WEBHOOK_ID "])
def test_no_webhook_id_and_the_mock_one_let_nobody_in(
    webhook_id, vector, request_with, settings_of
):
    with pytest.raises(SignatureError, match="webhook id"):
        genuine(vector, request_with, settings_of, settings={"webhook_id": webhook_id})


def test_a_live_certificate_does_not_sign_for_the_sandbox(
    vector, request_with, settings_of
):
    with pytest.raises(SignatureError, match="from messageverificationcerts"):
        genuine(vector, request_with, settings_of, settings={"environment": "sandbox"})


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"id": 7}', b'{"id": ""}', b'{"id": "a\\u0000"}', b"{"]
)
def test_an_authentic_event_without_a_readable_id_is_a_bad_payload(body):
    with pytest.raises(PayloadError):
        webhooks._event_id(read_json(body))


GOOD_URL = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-7f1e2d3c"


def key_url(url, request_with, **settings):
    headers = dict.fromkeys(webhooks._HEADERS, "x") | {
        "paypal-cert-url": url,
        "paypal-auth-algo": "SHA256withRSA",
    }
    return webhooks.key_url(
        request_with(headers, b"{}"), LIVE | {"webhook_id": "2K74"} | settings
    )


@pytest.mark.parametrize(
    "url",
    [
        GOOD_URL,
        GOOD_URL.replace("api.", "api-m."),
        GOOD_URL.replace(".com", ".com:443"),
        GOOD_URL + "?v=2",
    ],
)
def test_paypals_own_addresses_are_fetched(url, request_with):
    assert key_url(url, request_with) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://user@api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://xapi.paypal.com/v1/notifications/certs/CERT-1",
        "https://www.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com./v1/notifications/certs/CERT-1",
        "https://api.paypal.com\\@evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/",
        "https://api.paypal.com/v1/notifications/certs",
        "https://api.paypal.com/v1/notifications/certsX/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../webhooks",
        "https://api.paypal.com/v1/notifications/certs/%2e%2e/webhooks",
        "https://api.paypal.com/v1/notifications/certs/..%2fwebhooks",
        "https://api.paypal.com/v1/notifications/certs//CERT-1",
        "https://api.paypal.com/v1/notifications/certs/./CERT-1",
        "https://api.paypal.com/v1/notifications/certs/CERT-1#x",
        "https://api.paypal.com/v1/notifications/certs/CERT 1",
        "//api.paypal.com/v1/notifications/certs/CERT-1",
        "https:/api.paypal.com/v1/notifications/certs/CERT-1",
        "file:///v1/notifications/certs/CERT-1",
        "https://[::1]/v1/notifications/certs/CERT-1",
        "https://аpi.paypal.com/v1/notifications/certs/CERT-1",  # noqa: RUF001
    ],
)
@pytest.mark.parametrize("base", [None, "http://localhost:9000/paypal"])
def test_no_other_address_is_ever_fetched(url, base, request_with):
    with pytest.raises(SignatureError):
        key_url(url, request_with, webhook_cert_base_url=base)


@pytest.mark.parametrize(
    "base", ["http://localhost:9000/paypal", "http://localhost:9000/paypal/"]
)
def test_a_simulator_serves_the_certificate_of_a_checked_address(base, request_with):
    found = key_url(GOOD_URL + "?v=2", request_with, webhook_cert_base_url=base)
    path = "/v1/notifications/certs/CERT-360caa42-7f1e2d3c?v=2"
    assert found == "http://localhost:9000/paypal" + path


@pytest.mark.parametrize("header", webhooks._HEADERS)
@pytest.mark.parametrize("value", ["", "  "])
def test_each_header_is_needed_before_anything_is_fetched(header, value, request_with):
    headers = dict.fromkeys(webhooks._HEADERS, "x") | {
        "paypal-cert-url": GOOD_URL,
        "paypal-auth-algo": "SHA256withRSA",
        header: value,
    }
    with pytest.raises(SignatureError, match=header):
        webhooks.key_url(request_with(headers, b"{}"), LIVE | {"webhook_id": "2K74"})


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


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 501])
def test_text_no_database_can_hold_is_refused(text, sample, kept):
    event = sample("PAYMENT.CAPTURE.COMPLETED")
    event["resource"]["custom_id"] = text
    assert isinstance(heard(event, kept), Unheard)


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

"""GoCardless's webhooks: who signed, and what the events in them become."""

import hashlib
import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.sdk.errors import (
    CredentialsError,
    HubError,
    PayloadError,
    RateLimitError,
    RejectedError,
    SignatureError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub.sdk.facts import (
    ChargebackMade,
    FeeCharged,
    MandateSeen,
    PaymentCancelled,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    PayoutMade,
)
from hub.sdk.money import Money
from hub.sdk.webhooks import Heard, Unheard
from hub_gocardless import webhooks

API = "https://api-sandbox.gocardless.com"
PAYMENT = {
    "id": "PM1",
    "created_at": "2026-03-02T09:00:04.000Z",
    "charge_date": "2026-03-09",
    "amount": 124860,
    "currency": "GBP",
    "status": "confirmed",
    "metadata": {"hub_payment": "chg_1", "hub_invoice": "INV-1"},
}
MANDATE = {
    "id": "MD1",
    "created_at": "2026-03-02T09:00:04.000Z",
    "status": "active",
    "scheme": "bacs",
    "next_possible_charge_date": "2026-03-09",
    "metadata": {},
}


def event(number, kind, action, **links):
    return {
        "id": f"EV{number}",
        "created_at": f"2026-03-09T16:20:{number:02d}.731Z",
        "resource_type": kind,
        "action": action,
        "links": links,
        "details": {"cause": f"because_{action}"},
    }


def judge(case, request_with):
    secrets = {"webhook_secret": ", ".join(case["config"]["secrets"])}
    request = request_with(case["headers"], case["body"].encode())
    return webhooks.verify(request, secrets)


def test_every_signature_case_is_judged_right(any_vector, request_with):
    if any_vector["expected"] == "valid":
        digest = hashlib.sha256(any_vector["body"].encode()).hexdigest()
        assert digest == judge(any_vector, request_with).dedupe_key
        return
    with pytest.raises(HubError) as caught:
        judge(any_vector, request_with)
    empty = any_vector["name"] == "empty_body_signed"
    assert type(caught.value) is (PayloadError if empty else SignatureError)


def test_gocardless_own_library_agrees_on_every_case(any_vector):
    from gocardless_pro import errors
    from gocardless_pro import webhooks as official

    body = any_vector["body"]
    headers = {name.lower(): text for name, text in any_vector["headers"].items()}

    def accepted(secret):
        try:
            official.parse(body, secret, headers.get("webhook-signature", ""))
        except errors.InvalidSignatureError:
            return False
        except ValueError:
            return bool(body)
        return True

    agreed = any(accepted(secret) for secret in any_vector["config"]["secrets"])
    assert (any_vector["expected"] == "valid") == agreed


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"events": {}}', b"null", b"\xff"])
def test_a_signed_body_without_events_is_unreadable(body, kept, make_ctx):
    with pytest.raises(PayloadError):
        list(webhooks.parse(kept(body), make_ctx()))


@pytest.fixture
def told(kept, make_ctx):
    """Understand a webhook of these events."""
    return lambda *events: list(webhooks.parse(kept(list(events)), make_ctx()))


@pytest.fixture
def facts(told):
    """Understand events that all can be."""

    def understood(*events):
        results = told(*events)
        assert all(isinstance(result, Heard) for result in results), results
        return [fact for result in results for fact in result.facts]

    return understood


@pytest.fixture
def money(requests_mock):
    """Say how the payment stands."""

    def stands(status, **changes):
        payment = PAYMENT | {"status": status} | changes
        return requests_mock.get(f"{API}/payments/PM1", json={"payments": payment})

    return stands


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("created", "pending_submission", PaymentPending),
        ("submitted", "submitted", PaymentPending),
        ("resubmission_requested", "pending_submission", PaymentPending),
        ("confirmed", "confirmed", PaymentReceived),
        ("paid_out", "paid_out", PaymentReceived),
        ("failed", "failed", PaymentFailed),
        ("cancelled", "cancelled", PaymentCancelled),
        ("customer_approval_denied", "customer_approval_denied", PaymentFailed),
        # What is told of the way is never taken for the money.
        ("submitted", "confirmed", PaymentPending),
        # What is no longer so is not believed: the present state decides.
        ("confirmed", "failed", PaymentFailed),
        ("failed", "submitted", PaymentPending),
        ("failed", "confirmed", PaymentReceived),
    ],
)
def test_a_payment_is_what_it_is_now_since_its_event(
    action, status, kind, facts, money
):
    money(status)
    (fact,) = facts(event(1, "payments", action, payment="PM1"))
    assert type(fact) is kind
    assert ("EV1", "PM1", "chg_1") == (fact.id, fact.reference, fact.match.charge)
    assert (Money(124860, "GBP"), 1) == (fact.amount, fact.as_of.second)


def test_a_failure_that_gocardless_tries_again_keeps_the_invoice_waiting(facts, money):
    """Else the client could be charged twice for it."""
    money("failed")
    failed = event(1, "payments", "failed", payment="PM1")
    failed["details"]["will_attempt_retry"] = True
    (fact,) = facts(failed)
    assert isinstance(fact, PaymentPending)
    assert "because_failed, will be tried again" == fact.reason


@pytest.mark.parametrize("action", ["late_failure_settled", "chargeback_settled"])
def test_what_settles_bad_news_is_no_second_reversal(action, told, requests_mock):
    (result,) = told(event(1, "payments", action, payment="PM1"))
    assert isinstance(result, Heard)
    assert ((), 0) == (result.facts, requests_mock.call_count)


@pytest.mark.parametrize(
    ("status", "state"), [("charged_back", "done"), ("paid_out", "cancelled")]
)
def test_a_chargeback_takes_money_that_was_received(status, state, facts, money):
    money(status)
    action = "charged_back" if state == "done" else "chargeback_cancelled"
    received, back = facts(event(1, "payments", action, payment="PM1"))
    assert isinstance(received, PaymentReceived)
    assert isinstance(back, ChargebackMade)
    assert ("PM1", "PM1", state) == (back.reference, back.payment, back.state)


def test_each_thing_is_fetched_once_however_many_events_point_to_it(told, money):
    """ROAD 10."""
    fetched = money("confirmed")
    results = told(
        *(event(n, "payments", "confirmed", payment="PM1") for n in range(1, 6))
    )
    assert (5, 1) == (len(results), fetched.call_count)


def test_one_failed_fetch_loses_nothing_of_the_others(told, money, requests_mock):
    """ROAD 10."""
    money("confirmed")
    requests_mock.get(f"{API}/payments/PM2", status_code=503)
    requests_mock.get(f"{API}/payments/PM3", json={"payments": {"id": 7}})
    requests_mock.get(f"{API}/payments/PM4", status_code=404, json={"error": {}})
    results = told(
        event(2, "payments", "confirmed", payment="PM2"),
        event(3, "payments", "confirmed", payment="PM3"),
        event(4, "payments", "confirmed", payment="PM4"),
        event(5, "payments", "confirmed"),
        {"id": "EV6"},
        "no event at all",
        event(1, "payments", "confirmed", payment="PM1"),
    )
    wrong = [type(r.error) for r in results if isinstance(r, Unheard)]
    assert [
        UnavailableError,
        UnexpectedResponseError,
        RejectedError,
        UnexpectedResponseError,
        PayloadError,
        PayloadError,
    ] == wrong
    assert isinstance(results[-1], Heard)
    assert 7 == len({result.event_id for result in results})


@pytest.mark.parametrize(
    ("status", "kind"), [(429, RateLimitError), (401, CredentialsError)]
)
def test_nobody_goes_on_asking_who_was_told_to_wait(
    status, kind, told, money, requests_mock
):
    requests_mock.get(f"{API}/payments/PM1", status_code=status, json={"error": {}})
    results = told(
        event(1, "payments", "confirmed", payment="PM1"),
        event(2, "payments", "confirmed", payment="PM2"),
    )
    assert [kind, kind] == [type(result.error) for result in results]
    assert 1 == requests_mock.call_count


def test_an_event_told_twice_in_one_body_counts_once(told, money):
    money("confirmed")
    one = event(1, "payments", "confirmed", payment="PM1")
    assert 1 == len(told(one, one))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending_customer_approval", "pending"),
        ("suspended_by_payer", "pending"),
        ("pending_submission", "active"),
        ("submitted", "active"),
        ("active", "active"),
        ("failed", "failed"),
        ("blocked", "failed"),
        ("cancelled", "cancelled"),
        ("expired", "expired"),
        ("consumed", "expired"),
        ("yet_to_be_invented", "pending"),
    ],
)
def test_a_mandate_is_active_once_it_can_be_collected_by(
    status, state, facts, requests_mock
):
    mandate = MANDATE | {"status": status}
    requests_mock.get(f"{API}/mandates/MD1", json={"mandates": mandate})
    (fact,) = facts(event(1, "mandates", "active", mandate="MD1"))
    assert isinstance(fact, MandateSeen)
    assert (state, "GBP", "bacs") == (fact.state, fact.currency, fact.scheme)
    living = state in ("pending", "active")
    assert ("2026-03-09" if living else "") == fact.next_charge_date
    assert ("" if living else "because_active") == fact.reason


def test_a_replaced_mandate_names_the_one_that_took_its_place(facts, requests_mock):
    old = MANDATE | {"status": "cancelled"}
    requests_mock.get(f"{API}/mandates/MD1", json={"mandates": old})
    new = MANDATE | {"id": "MD2"}
    requests_mock.get(f"{API}/mandates/MD2", json={"mandates": new})
    seen = facts(event(1, "mandates", "replaced", mandate="MD1", new_mandate="MD2"))
    assert [("MD1", "replaced", "MD2"), ("MD2", "active", None)] == [
        (fact.reference, fact.state, fact.replaced_by) for fact in seen
    ]


def test_a_mandate_of_a_page_names_the_request_it_came_of(facts, requests_mock):
    requests_mock.get(f"{API}/mandates/MD1", json={"mandates": MANDATE})
    found = {
        "id": "BRQ1",
        "created_at": "2026-03-02T09:00:04.000Z",
        "status": "fulfilled",
        "metadata": {"hub_request": "mrq_1"},
        "links": {"mandate_request_mandate": "MD1"},
    }
    requests_mock.get(f"{API}/billing_requests/BRQ1", json={"billing_requests": found})
    (fact,) = facts(event(1, "billing_requests", "fulfilled", billing_request="BRQ1"))
    assert ("MD1", "mrq_1", "BRQ1") == (fact.reference, fact.request, fact.checkout)


@pytest.mark.parametrize("action", ["flow_exited", "bank_authorisation_denied"])
def test_who_left_the_page_may_come_back(action, told, requests_mock):
    asked = event(1, "billing_requests", action, billing_request="BRQ1")
    (result,) = told(asked)
    assert ((), 0) == (result.facts, requests_mock.call_count)


# Payouts


def item(kind, amount, payment=None):
    links = {"payment": payment} if payment else {}
    return {"type": kind, "amount": amount, "links": links}


@pytest.fixture
def paid(facts, requests_mock):
    """Understand a payout of these items, a page of them at a time."""

    def understood(amount, *pages, status="paid", refused=None):
        payout = {
            "id": "PO1",
            "amount": amount,
            "deducted_fees": 99,
            "currency": "GBP",
            "status": status,
            "arrival_date": "2026-03-16",
        }
        requests_mock.get(f"{API}/payouts/PO1", json={"payouts": payout})
        answers = [
            {
                "json": {
                    "payout_items": items,
                    "meta": {"cursors": {"after": f"C{n}" if n < len(pages) else None}},
                }
            }
            for n, items in enumerate(pages, 1)
        ]
        items = f"{API}/payout_items"
        requests_mock.get(items, refused or answers)
        return facts(event(1, "payouts", "paid", payout="PO1"))

    return understood


def test_a_payout_has_lines_that_make_up_what_arrives(paid):
    payout, *fees = paid(
        8966,
        [
            item("payment_paid_out", "5000.0", "PM1"),
            item("gocardless_fee", "-20.5", "PM1"),
        ],
        [
            item("payment_paid_out", "5000.0", "PM2"),
            item("gocardless_fee", "-13.5", "PM2"),
            item("payment_charged_back", "-1000.0", "PM3"),
        ],
    )
    assert isinstance(payout, PayoutMade)
    assert 8966 == sum(line.amount.minor for line in payout.lines)
    assert (("PM1", "PM2"), "paid") == (payout.payments, payout.state)
    assert all(isinstance(fee, FeeCharged) for fee in fees)
    assert {"PM1": 20, "PM2": 14} == {fee.payment: fee.amount.minor for fee in fees}


@given(
    st.lists(
        st.decimals(min_value=-(10**6), max_value=10**6, places=1),
        min_size=1,
        max_size=30,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_lines_add_up_whatever_the_fractions(amounts):
    """Items are summed and then rounded: no half penny is lost or made."""
    from hub.sdk import clock
    from hub_gocardless import payouts
    from hub_gocardless.provider import SITES
    from hub_gocardless.resources import Told

    total = Money.rounded(sum(amounts, Decimal(0)).scaleb(-2), "GBP")
    payout = {"id": "PO1", "amount": total.minor, "currency": "GBP", "status": "paid"}
    items = [item("gocardless_fee", str(each), "PM1") for each in amounts]
    told = Told(at=clock.now(), site=SITES["sandbox"], id="EV1")
    made, *_ = payouts.payout(payout, items, told)
    assert isinstance(made, PayoutMade)
    assert total.minor == sum(line.amount.minor for line in made.lines)
    assert {"gocardless_fee"} == {line.kind for line in made.lines}


def test_a_payout_that_differs_from_its_items_says_by_how_much(paid):
    payout, *_ = paid(4999, [item("payment_paid_out", "5000.0", "PM1")])
    assert ("rounding", -1) == (payout.lines[-1].kind, payout.lines[-1].amount.minor)


def test_an_old_payout_has_no_lines_any_more(paid):
    gone = [{"status_code": 410, "json": {"error": {"type": "invalid_api_usage"}}}]
    (payout,) = paid(4999, refused=gone)
    assert ((), ()) == (payout.lines, payout.payments)


def test_a_payout_that_bounced_failed(paid):
    payout, *_ = paid(
        5000, [item("payment_paid_out", "5000.0", "PM1")], status="bounced"
    )
    assert "failed" == payout.state


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(kind=st.sampled_from(["payments", "mandates", "refunds", "payouts"]), data=JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_junk_in_an_event_is_never_more_than_unreadable(kind, data, kept, make_ctx):
    body = {"events": [{"id": "EV1", "resource_type": kind, "links": data}, data]}
    raw = json.dumps(body).encode()
    for result in webhooks.parse(kept(raw), make_ctx()):
        assert isinstance(result, Unheard) or not result.facts


@given(kind=st.sampled_from(["payments", "mandates", "refunds", "payouts"]), data=JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_junk_in_an_answer_is_drift(kind, data, kept, make_ctx, requests_mock):
    one = kind.removesuffix("s")
    requests_mock.get(f"{API}/{kind}/X1", json={kind: data})
    requests_mock.get(f"{API}/payout_items", json={"payout_items": [], "meta": data})
    told = [event(1, kind, "failed", **{one: "X1"})]
    (result,) = webhooks.parse(kept(told), make_ctx())
    assert isinstance(result, Unheard)
    assert isinstance(result.error, UnexpectedResponseError)

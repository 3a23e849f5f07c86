"""The simulator before its judge: GoCardless's own library, with nothing changed but
the base URL. GoCardless publishes no schema of its API."""

from collections.abc import Iterator
from typing import Any

import gocardless_pro
import pytest
import requests
from gocardless_pro import errors, webhooks

from hub.sdk.serving import serve
from hub_gocardless.simulator import Simulator
from hub_gocardless.simulator_site import DEFAULT_SECRET, DEFAULT_TOKEN

BACK = {"redirect_uri": "https://hub.example/r", "exit_uri": "https://hub.example/e"}


class Rooted(Simulator):
    """Knows where it is served: the library takes no base URL with a path."""

    address = ""

    def drive(self, action: str, /, **given: Any) -> Any:
        answer = requests.post(f"{self.address}/_sim/{action}", json=given, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def sim() -> Iterator[Rooted]:
    app = Rooted()
    with serve(app) as served:
        app.address = served.url
        yield app


@pytest.fixture
def sdk(sim: Rooted) -> Any:
    return gocardless_pro.Client(access_token=DEFAULT_TOKEN, base_url=sim.address)


@pytest.fixture
def mandate(sim: Rooted, sdk: Any) -> Any:
    """A mandate that a client gave on the page."""
    request = sdk.billing_requests.create(
        params={
            "mandate_request": {"currency": "GBP", "metadata": {"hub_request": "m1"}},
            "metadata": {"hub_request": "m1"},
        },
        headers={"Idempotency-Key": "m1-request"},
    )
    assert ("pending", "bacs") == (request.status, request.mandate_request.scheme)
    flow = sdk.billing_request_flows.create(
        params=BACK | {"links": {"billing_request": request.id}}
    )
    assert "https://pay-sandbox.gocardless.com" in flow.authorisation_url
    requests.post(
        f"{sim.address}/billing/static/flow",
        data={"id": flow.id, "choice": "approve"},
        allow_redirects=False,
        timeout=10,
    )
    done = sdk.billing_requests.get(request.id)
    assert "fulfilled" == done.status
    return sdk.mandates.get(done.links.mandate_request_mandate)


def payment(sdk: Any, mandate: Any, amount: int = 12000) -> Any:
    given = {
        "amount": amount,
        "currency": "GBP",
        "metadata": {"hub_payment": "chg_1"},
        "links": {"mandate": mandate.id},
    }
    return sdk.payments.create(params=given, headers={"Idempotency-Key": "chg_1"})


def run(sdk: Any, name: str, id: str) -> None:
    sdk.scenario_simulators.run(name, params={"links": {"resource": id}})


def test_a_mandate_is_given_and_cancelled(sdk, mandate):
    assert ("pending_submission", "bacs") == (mandate.status, mandate.scheme)
    assert {"hub_request": "m1"} == mandate.metadata
    run(sdk, "mandate_activated", mandate.id)
    listed = sdk.mandates.list(params={"customer": mandate.links.customer})
    assert [(mandate.id, "active")] == [(m.id, m.status) for m in listed.records]
    assert "cancelled" == sdk.mandates.cancel(mandate.id).status
    with pytest.raises(errors.InvalidStateError) as caught:
        sdk.mandates.cancel(mandate.id)
    assert "cancellation_failed" == caught.value.errors[0]["reason"]
    assert "active" == sdk.mandates.reinstate(mandate.id).status


def test_an_instant_payment_is_asked_for_and_called_off(sdk):
    asked = {"amount": 500, "currency": "GBP", "description": "Invoice INV-1"}
    request = sdk.billing_requests.create(params={"payment_request": asked})
    assert 500 == request.payment_request.amount
    assert "cancelled" == sdk.billing_requests.cancel(request.id).status
    with pytest.raises(errors.InvalidStateError):
        sdk.billing_request_flows.create(
            params=BACK | {"links": {"billing_request": request.id}}
        )


def test_a_payment_is_made_once_however_often_it_is_asked_for(sim, sdk, mandate):
    """The library fetches what the conflict names."""
    first, second = (payment(sdk, mandate) for _ in range(2))
    assert (first.id, 1) == (second.id, len(sim.payments))
    strict = gocardless_pro.Client(
        access_token=DEFAULT_TOKEN,
        base_url=sim.address,
        raise_on_idempotency_conflict=True,
    )
    with pytest.raises(errors.IdempotentCreationConflictError) as caught:
        payment(strict, mandate)
    assert first.id == caught.value.conflicting_resource_id


def test_a_payment_lives_refunds_and_is_paid_out(sdk, mandate):
    made = payment(sdk, mandate)
    assert ("pending_submission", 12000) == (made.status, made.amount)
    run(sdk, "payment_submitted", made.id)
    run(sdk, "payment_confirmed", made.id)
    given = {
        "amount": 2000,
        "total_amount_confirmation": 2000,
        "links": {"payment": made.id},
    }
    refund = sdk.refunds.create(params=given)
    assert ("created", made.id) == (refund.status, refund.links.payment)
    with pytest.raises(errors.InvalidStateError) as caught:
        sdk.refunds.create(params=given)
    reason = caught.value.errors[0]["reason"]
    assert "total_amount_confirmation_invalid" == reason
    run(sdk, "refund_paid", refund.id)
    assert "paid" == sdk.refunds.get(refund.id).status
    assert 2000 == sdk.payments.get(made.id).amount_refunded


def test_a_payout_is_made_of_items(sim, sdk, mandate):
    made = payment(sdk, mandate)
    run(sdk, "payment_paid_out", made.id)
    paid = sdk.payments.get(made.id)
    payout = sdk.payouts.get(paid.links.payout)
    assert ("paid_out", "paid") == (paid.status, payout.status)
    items = sdk.payout_items.all(params={"payout": payout.id})
    sums = {item.type: float(item.amount) for item in items}
    assert {"payment_paid_out", "gocardless_fee"} == set(sums)
    assert payout.amount == sum(sums.values())
    assert -payout.deducted_fees == sums["gocardless_fee"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": True}, "amount"),
        ({"currency": "EUR"}, "currency"),
        ({"charge_date": "2020-01-01"}, "charge_date"),
        ({"charge_date": "soon"}, "charge_date"),
        ({"metadata": dict.fromkeys("abcd", "x")}, "metadata"),
    ],
)
def test_what_gocardless_would_refuse_is_refused(given, field, sdk, mandate):
    asked = {"amount": 1, "currency": "GBP", "links": {"mandate": mandate.id}}
    with pytest.raises(errors.ValidationFailedError) as caught:
        sdk.payments.create(params=asked | given)
    assert field == caught.value.errors[0]["field"]


def test_events_are_listed_and_page(sdk, mandate):
    made = payment(sdk, mandate)
    run(sdk, "payment_confirmed", made.id)
    listed = sdk.events.list(params={"payment": made.id})
    assert ["confirmed", "created"] == [event.action for event in listed.records]
    walked = [event.id for event in sdk.events.all(params={"limit": 2})]
    assert len(set(walked)) == len(walked) >= 5


def test_errors_and_limits_are_as_the_library_knows_them(sim, sdk, mandate):
    client = sdk._api_client
    client.get("/creditors")
    assert (1000, 999) == (client.rate_limit.limit, client.rate_limit.remaining)
    assert client.rate_limit.reset.endswith("GMT")
    with pytest.raises(errors.InvalidApiUsageError):
        sdk.payments.get("PM404")
    sim.drive("faults", kind="429", path="/payments")
    with pytest.raises(errors.RateLimitError):
        sdk.payments.get("PM404")
    sim.drive("faults", kind="500", path="/payments")
    with pytest.raises(errors.GoCardlessInternalError):
        sdk.payments.get("PM404")
    sim.drive("config", access_token="another")
    with pytest.raises(errors.AuthenticationError):
        sdk.payments.get("PM404")


def test_a_call_without_a_version_is_refused(sim):
    headers = {"Authorization": f"Bearer {DEFAULT_TOKEN}"}
    answer = requests.get(f"{sim.address}/creditors", headers=headers, timeout=10)
    assert 400 == answer.status_code


def test_the_library_takes_what_the_simulator_signs(sim):
    sim.drive("pay", amount={"value": "5.00", "currency_code": "EUR"}, event="paid_out")
    for sent in sim.webhooks.sent:
        signature = sim.sign(sent)["Webhook-Signature"]
        parsed = webhooks.parse_with_meta(sent.body, DEFAULT_SECRET, signature)
        assert sent.id == parsed.webhook_id
        assert all(event.id.startswith("EV") for event in parsed.events)
        with pytest.raises(errors.InvalidSignatureError):
            webhooks.parse(sent.body + b" ", DEFAULT_SECRET, signature)
    last = [(event.resource_type, event.action) for event in parsed.events]
    assert [("payments", "paid_out"), ("payouts", "paid")] == last

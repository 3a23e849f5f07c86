"""Stripe before the suites that every plugin passes."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests_mock
import time_machine

import hub_stripe
from hub.sdk.facts import Match, PaymentCancelled, PaymentReceived, RefundMade
from hub.sdk.ledger import Charge, Checkout, Company, Invoice, Payment
from hub.sdk.money import Money
from hub.sdk.testing import (
    Action,
    ActionSuite,
    ProviderSuite,
    SimulatorSuite,
    Stage,
    WebhookSuite,
)

SAMPLES = Path(__file__).parent / "samples"
NOW = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
SESSION = "cs_test_b1Gk4uXq9TnW2sYc7ZrE0vHj8LmP5aDf3KiQo6Bx1RtUyNzSwMeVhJgCd"
INTENT = "pi_3TqLm82eZvKYlo2C0x7Yw4Qd"
KEYS = {"api_key": "sk_test_made-up-key-of-tests"}
SECRET = "whsec_made-up-secret-of-tests"


def charge() -> Charge:
    company = Company(
        id="com_1", name="Harbour", currency="GBP", country="GB", email="", phone=""
    )
    total = Money(124860, "GBP")
    invoice = Invoice(
        id="inv_1",
        number="INV-2026-0117",
        company=company,
        issue_date=date(2026, 3, 1),
        due_date=date(2026, 3, 31),
        total=total,
        open_amount=total,
        lines=(),
    )
    return Charge(
        id="chg_01JQ5Z7M9K",
        invoice=invoice,
        amount=total,
        reference=None,
        return_url="https://hub.example/pay/x/stripe/return",
        cancel_url="https://hub.example/pay/x/stripe/cancel",
        created_at=NOW,
    )


def started() -> Charge:
    known = {name: getattr(charge(), name) for name in charge().__dataclass_fields__}
    return Charge(**(known | {"reference": SESSION}))


RECEIVED = PaymentReceived(
    id=f"payment_intent:{INTENT}:succeeded:txn_3TqLm82eZvKYlo2C0mR7uK1e",
    as_of=NOW,
    reference=INTENT,
    amount=Money(124860, "GBP"),
    match=Match(
        charge="chg_01JQ5Z7M9K", checkout=SESSION, invoice_number="INV-2026-0117"
    ),
    method="stripe",
    url=f"https://dashboard.stripe.com/test/payments/{INTENT}",
    fee=Money(1893, "GBP"),
    net=Money(122967, "GBP"),
)
EXPIRED = PaymentCancelled(
    id=f"session:{SESSION}:expired",
    as_of=NOW,
    reference=SESSION,
    amount=Money(124860, "GBP"),
    match=Match(
        charge="chg_01JQ5Z7M9K", checkout=SESSION, invoice_number="INV-2026-0117"
    ),
    method="stripe",
)
REFUNDED = RefundMade(
    id="refund:re_3TqLm82eZvKYlo2C0aHt5MyJ:succeeded",
    as_of=NOW,
    reference="re_3TqLm82eZvKYlo2C0aHt5MyJ",
    payment=INTENT,
    amount=Money(24860, "GBP"),
    url=f"https://dashboard.stripe.com/test/payments/{INTENT}",
)


class TestProvider(ProviderSuite):
    """What Stripe says of itself."""

    plugin = hub_stripe
    settings: ClassVar[Mapping[str, Any]] = KEYS
    readme = Path(__file__).parents[1] / "README.md"


class TestWebhooks(WebhookSuite):
    """Events of today's shape and of older endpoints."""

    plugin = hub_stripe
    samples = SAMPLES / "webhooks"
    settings: ClassVar[Mapping[str, Any]] = {**KEYS, "webhook_secret": SECRET}
    signature_headers = ("Stripe-Signature",)
    now = NOW
    tolerance = hub_stripe.webhooks.TOLERANCE
    rotating: ClassVar[Mapping[str, Any]] = {
        "webhook_secret": f"whsec_the-one-that-comes, {SECRET}"
    }
    unknown_event = (
        b'{"id":"evt_1","object":"event","created":1772446531,"livemode":false,'
        b'"type":"customer.created","data":{"object":{"id":"cus_1"}}}'
    )

    def mock(self, mocker: requests_mock.Mocker) -> None:
        for path in sorted((SAMPLES / "fetched").glob("*.json")):
            kind = path.stem
            answer = json.loads(path.read_bytes())
            mocker.get(f"https://api.stripe.com/v1/{kind}", json=answer)
            mocker.get(
                f"https://api.stripe.com/v1/{kind}/{answer.get('id')}", json=answer
            )


class TestCalls(ActionSuite):
    """Calls that change nothing."""

    plugin = hub_stripe
    samples = SAMPLES / "api"
    settings: ClassVar[Mapping[str, Any]] = KEYS
    test_idempotency_key_is_sent_and_stays = None  # type: ignore[assignment]
    actions = (
        Action(
            hook="test_connection",
            file="test.json",
            returns="Stripe accepted the key (test).",
        ),
        Action(
            hook="check_payment",
            file="settle.json",
            arguments={"attempt": started()},
            returns=[RECEIVED],
        ),
        Action(
            hook="finish_checkout",
            file="settle.json",
            arguments={"charge": started(), "params": {"session_id": "cs_forged"}},
            returns=[RECEIVED],
        ),
    )

    @pytest.fixture(autouse=True)
    def _stopped_clock(self) -> Iterator[None]:
        with time_machine.travel(NOW, tick=False):
            yield


class TestMoney(ActionSuite):
    """Calls that move money or prepare it: Stripe remembers their keys."""

    plugin = hub_stripe
    samples = SAMPLES / "api"
    settings: ClassVar[Mapping[str, Any]] = KEYS
    key_header = "Idempotency-Key"
    actions = (
        Action(
            hook="start_checkout",
            file="start_checkout.json",
            arguments={"charge": charge()},
        ),
        Action(
            hook="cancel_checkout",
            file="cancel_checkout.json",
            arguments={"charge": started()},
            returns=[EXPIRED],
        ),
        Action(
            hook="refund_payment",
            file="refund_payment.json",
            arguments={
                "payment": Payment(
                    id="pay_1",
                    reference=INTENT,
                    amount=Money(124860, "GBP"),
                    refunded=Money(0, "GBP"),
                ),
                "amount": Money(24860, "GBP"),
            },
            returns=[REFUNDED],
        ),
    )

    @pytest.fixture(autouse=True)
    def _stopped_clock(self) -> Iterator[None]:
        with time_machine.travel(NOW, tick=False):
            yield

    def test_payer_is_sent_to_stripes_page(self) -> None:
        wanted = Checkout(
            reference=SESSION, url=f"https://checkout.stripe.com/c/pay/{SESSION}"
        )
        assert wanted == self.run(self.actions[0]).returned


class TestSimulator(SimulatorSuite):
    """The stand-in for Stripe."""

    plugin = hub_stripe

    def happen(self, stage: Stage) -> None:
        amount = {"value": "12.00", "currency_code": "EUR"}
        stage.post("/_sim/pay", amount=amount, invoice_id="INV-1")

"""PayPal before the suites that every plugin passes."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
import time_machine

import hub_paypal
from hub.sdk.facts import Match, PaymentReceived, RefundMade
from hub.sdk.ledger import (
    Charge,
    Checkout,
    Company,
    Invoice,
    Payment,
    Registration,
)
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
ORDER = "7GX41283LP556081K"
CREDENTIALS = {
    "client_id": "AeA1QIZXiflr1",
    "client_secret": "EC-made-up-secret-of-tests",
}


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
        reference=ORDER,
        return_url="https://hub.example/pay/x/paypal/return",
        cancel_url="https://hub.example/pay/x/paypal/cancel",
        created_at=NOW,
    )


RECEIVED = PaymentReceived(
    id="capture:2HM90421RU778244T:COMPLETED:2026-03-02T10:15:27Z",
    as_of=datetime(2026, 3, 2, 10, 15, 27, tzinfo=UTC),
    reference="2HM90421RU778244T",
    amount=Money(124860, "GBP"),
    match=Match(
        charge="chg_01JQ5Z7M9K", checkout=ORDER, invoice_number="INV-2026-0117"
    ),
    method="paypal",
    url="https://www.sandbox.paypal.com/activity/payment/2HM90421RU778244T",
    fee=Money(3651, "GBP"),
    net=Money(121209, "GBP"),
)
REFUNDED = RefundMade(
    id="refund:61B37105EK3391823:COMPLETED:2026-03-06T09:02:11Z",
    as_of=datetime(2026, 3, 6, 9, 2, 11, tzinfo=UTC),
    reference="61B37105EK3391823",
    payment="2HM90421RU778244T",
    amount=Money(24860, "GBP"),
    url="https://www.sandbox.paypal.com/activity/payment/61B37105EK3391823",
)


class TestProvider(ProviderSuite):
    """What PayPal says of itself."""

    plugin = hub_paypal
    settings: ClassVar[Mapping[str, Any]] = CREDENTIALS
    readme = Path(__file__).parents[1] / "README.md"


class TestWebhooks(WebhookSuite):
    """Events from PayPal, signed by an authority made for these samples."""

    plugin = hub_paypal
    samples = SAMPLES / "webhooks"
    settings: ClassVar[Mapping[str, Any]] = {
        "webhook_id": "2K7411960N3356127",
        "webhook_trust_roots": (SAMPLES / "authority" / "root.pem").read_text(),
    }
    secret_setting = "webhook_id"
    signature_headers = (
        "PAYPAL-TRANSMISSION-ID",
        "PAYPAL-TRANSMISSION-TIME",
        "PAYPAL-TRANSMISSION-SIG",
        "PAYPAL-CERT-URL",
        "PAYPAL-AUTH-ALGO",
    )
    now = NOW
    unknown_event = b'{"id":"WH-1","event_type":"BILLING.PLAN.CREATED","resource":{}}'

    def fetch_key(self, url: str) -> bytes:
        assert url.startswith("https://api.sandbox.paypal.com/v1/notifications/certs/")
        return (SAMPLES / "authority" / "leaf.pem").read_bytes()


class TestCalls(ActionSuite):
    """Calls that PayPal takes no key for."""

    plugin = hub_paypal
    samples = SAMPLES / "api"
    settings: ClassVar[Mapping[str, Any]] = CREDENTIALS
    test_idempotency_key_is_sent_and_stays = None  # type: ignore[assignment]
    actions = (
        Action(
            hook="test_connection",
            file="test.json",
            returns="PayPal accepted the credentials (sandbox).",
        ),
        Action(
            hook="register_webhook",
            file="register_webhook.json",
            returns=Registration(
                reference="2K7411960N3356127",
                settings={"webhook_id": "2K7411960N3356127"},
            ),
        ),
        Action(
            hook="check_payment",
            file="check_payment.json",
            arguments={"attempt": charge()},
            returns=[RECEIVED],
        ),
    )

    @pytest.fixture(autouse=True)
    def _stopped_clock(self) -> Iterator[None]:
        with time_machine.travel(NOW, tick=False):
            yield


class TestMoney(ActionSuite):
    """Calls that move money or prepare it: PayPal remembers their keys."""

    plugin = hub_paypal
    samples = SAMPLES / "api"
    settings: ClassVar[Mapping[str, Any]] = CREDENTIALS
    key_header = "PayPal-Request-Id"
    actions = (
        Action(
            hook="start_checkout",
            file="start_checkout.json",
            arguments={"charge": charge()},
        ),
        Action(
            hook="finish_checkout",
            file="finish_checkout.json",
            arguments={"charge": charge(), "params": {"token": ORDER}},
            returns=[RECEIVED],
        ),
        Action(
            hook="refund_payment",
            file="refund_payment.json",
            arguments={
                "payment": Payment(
                    id="pay_1",
                    reference="2HM90421RU778244T",
                    amount=Money(124860, "GBP"),
                    refunded=Money(0, "GBP"),
                ),
                "amount": Money(24860, "GBP"),
            },
            returns=[REFUNDED],
        ),
    )

    def test_payer_is_sent_to_paypals_page(self) -> None:
        page = f"https://www.sandbox.paypal.com/checkoutnow?token={ORDER}"
        wanted = Checkout(reference=ORDER, url=page)
        assert wanted == self.run(self.actions[0]).returned


class TestSimulator(SimulatorSuite):
    """The stand-in for PayPal."""

    plugin = hub_paypal

    def happen(self, stage: Stage) -> None:
        amount = {"value": "12.00", "currency_code": "EUR"}
        stage.post("/_sim/pay", amount=amount, invoice_id="INV-1")

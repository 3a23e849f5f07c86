"""GoCardless before the suites that every plugin passes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests_mock
import time_machine

import hub_gocardless
from hub.sdk.facts import (
    MandateSeen,
    Match,
    PaymentCancelled,
    PaymentPending,
    PaymentReceived,
    RefundMade,
)
from hub.sdk.ledger import (
    Charge,
    Checkout,
    Company,
    Invoice,
    Mandate,
    MandateRequest,
    Payment,
)
from hub.sdk.money import Money
from hub.sdk.samples import Sample
from hub.sdk.testing import (
    Action,
    ActionSuite,
    ProviderSuite,
    SimulatorSuite,
    Stage,
    SyncSuite,
    WebhookSuite,
)
from hub.sdk.webhooks import Result

SAMPLES = Path(__file__).parent / "samples"
NOW = datetime(2026, 3, 9, 17, 0, tzinfo=UTC)
API = "https://api-sandbox.gocardless.com"
DASHBOARD = "https://manage-sandbox.gocardless.com"
PAYMENT, REQUEST, MANDATE = "PM00A7K2M9QX4T", "BRQ000ZK3HD52NP", "MD000XB71CT8WZ"
TOKEN = {"access_token": "sandbox_made-up-token-of-tests"}
SECRET = "made-up-endpoint-secret-of-tests"
TOTAL = Money(124860, "GBP")
BACK = "https://hub.example/pay/x/gocardless"
COMPANY = Company(
    id="com_1",
    name="Harbour Dental Ltd",
    currency="GBP",
    country="GB",
    email="accounts@harbourdental.example",
    phone="",
)
INVOICE = Invoice(
    id="inv_1",
    number="INV-2026-0117",
    company=COMPANY,
    issue_date=date(2026, 3, 1),
    due_date=date(2026, 3, 31),
    total=TOTAL,
    open_amount=TOTAL,
    lines=(),
)
CHARGE = Charge(
    id="chg_01JQ5Z7M9K",
    invoice=INVOICE,
    amount=TOTAL,
    reference=None,
    return_url=f"{BACK}/return?charge=chg_01JQ5Z7M9K",
    cancel_url=f"{BACK}/cancel?charge=chg_01JQ5Z7M9K",
    created_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
)
DEBIT, PAGE = replace(CHARGE, reference=PAYMENT), replace(CHARGE, reference=REQUEST)
ASKED = MandateRequest(
    id="mrq_01JQ5Z7M9K",
    company=COMPANY,
    currency="GBP",
    reference=None,
    return_url=f"{BACK}/return?request=mrq_01JQ5Z7M9K",
    cancel_url=f"{BACK}/cancel?request=mrq_01JQ5Z7M9K",
    created_at=NOW,
)
GIVEN = Mandate(id="mdt_1", company=COMPANY, reference=MANDATE, state="active")
MATCH = Match(charge=CHARGE.id, invoice_number="INV-2026-0117")
ABOUT: Mapping[str, Any] = {
    "reference": PAYMENT,
    "amount": TOTAL,
    "method": "gocardless",
    "url": f"{DASHBOARD}/payments/{PAYMENT}",
}
CREATED = datetime(2026, 3, 2, 9, 0, 4, tzinfo=UTC)
RECEIVED = PaymentReceived(
    id="EV01JZ5F2M0W8N",
    as_of=datetime(2026, 3, 9, 16, 20, 8, 731000, tzinfo=UTC),
    match=MATCH,
    **ABOUT,
)
PENDING = PaymentPending(
    id="EV01JZ1C8G4T7D",
    as_of=datetime(2026, 3, 2, 9, 0, 4, 100000, tzinfo=UTC),
    match=MATCH,
    reason="created, charge date 2026-03-31",
    **ABOUT,
)
COLLECTING = PaymentPending(
    id=f"payment:{PAYMENT}:pending_submission:2026-03-31",
    as_of=CREATED,
    match=MATCH,
    reason="pending_submission, charge date 2026-03-31",
    **ABOUT,
)
SEEN = MandateSeen(
    id=f"mandate:{MANDATE}:pending_submission:2026-03-05",
    as_of=datetime(2026, 2, 26, 14, 2, 50, tzinfo=UTC),
    reference=MANDATE,
    state="active",
    request="mrq_01JQ5Z7M9K",
    checkout=REQUEST,
    scheme="bacs",
    currency="GBP",
    next_charge_date="2026-03-05",
    url=f"{DASHBOARD}/mandates/{MANDATE}",
)
CANCELLED = PaymentCancelled(
    id=f"billing_request:{REQUEST}:cancelled",
    as_of=NOW,
    reference=REQUEST,
    amount=TOTAL,
    match=Match(charge=CHARGE.id, checkout=REQUEST, invoice_number="INV-2026-0117"),
    method="gocardless",
)
ENDED = replace(
    SEEN,
    id=f"mandate:{MANDATE}:cancelled:",
    as_of=NOW,
    state="cancelled",
    checkout=None,
    next_charge_date="",
)
REFUNDED = RefundMade(
    id="refund:RF00019ZP3KXJ4:created",
    as_of=datetime(2026, 3, 9, 17, 0, 1, tzinfo=UTC),
    reference="RF00019ZP3KXJ4",
    payment=PAYMENT,
    amount=Money(24860, "GBP"),
    state="pending",
    url=f"{DASHBOARD}/payments/{PAYMENT}",
)
# How things stood when the sample was recorded, where it isn't as in samples/fetched.
STOOD: Mapping[str, Mapping[str, Any]] = {
    "payments.cancelled": {PAYMENT: {"status": "cancelled"}},
    "payments.charged_back": {PAYMENT: {"status": "charged_back"}},
    "payments.created": {PAYMENT: {"status": "pending_submission"}},
    "payments.failed": {PAYMENT: {"status": "failed"}},
    "payments.failed.will_retry": {PAYMENT: {"status": "failed"}},
    "payments.late_failure_settled": {PAYMENT: {"status": "failed"}},
    "payments.paid_out": {PAYMENT: {"status": "paid_out"}},
    "payments.resubmission_requested": {PAYMENT: {"status": "pending_submission"}},
    "payments.submitted": {PAYMENT: {"status": "submitted"}},
    "billing_requests.cancelled": {
        REQUEST: {
            "status": "cancelled",
            "mandate_request": None,
            "payment_request": {"amount": 124860, "currency": "GBP"},
            "metadata": {"hub_payment": "chg_1"},
            "links": {},
        }
    },
    "multi_event": {PAYMENT: {"status": "failed"}},
    "mandates.created": {MANDATE: {"status": "pending_submission"}},
    "mandates.failed": {MANDATE: {"status": "failed"}},
    "mandates.cancelled": {MANDATE: {"status": "cancelled"}},
    "mandates.expired": {MANDATE: {"status": "expired"}},
    "mandates.replaced": {MANDATE: {"status": "cancelled"}},
}


class TestProvider(ProviderSuite):
    """What GoCardless says of itself."""

    plugin = hub_gocardless
    settings: ClassVar[Mapping[str, Any]] = TOKEN
    readme = Path(__file__).parents[1] / "README.md"


class TestWebhooks(WebhookSuite):
    """All kinds of events; what they point to lies in samples/fetched."""

    plugin = hub_gocardless
    samples = SAMPLES / "webhooks"
    settings: ClassVar[Mapping[str, Any]] = {**TOKEN, "webhook_secret": SECRET}
    signature_headers = ("Webhook-Signature",)
    now = NOW
    rotating: ClassVar[Mapping[str, Any]] = {
        "webhook_secret": f"the-one-that-comes, {SECRET}"
    }
    unknown_event = (
        b'{"events":[{"id":"EV1","created_at":"2026-03-09T16:20:08.731Z",'
        b'"resource_type":"teapots","action":"boiled","links":{"teapot":"TP01"}}]}'
    )
    _name = ""

    def handle(self, sample: Sample) -> list[Result]:
        self._name = sample.name
        return super().handle(sample)

    def mock(self, mocker: requests_mock.Mocker) -> None:
        for path in sorted((SAMPLES / "fetched").glob("*.json")):
            answer = json.loads(path.read_bytes())
            kind, _, id = path.stem.partition(".")
            if kind == "payout_items":
                mocker.get(f"{API}/{kind}?payout={id}", json=answer)
                continue
            answer[kind] |= STOOD.get(self._name, {}).get(id, {})
            mocker.get(f"{API}/{kind}/{id}", json=answer)


class TestSync(SyncSuite):
    """Webhooks that got lost."""

    plugin = hub_gocardless
    samples = SAMPLES / "sync"
    settings: ClassVar[Mapping[str, Any]] = TOKEN

    @pytest.fixture(autouse=True)
    def _stopped_clock(self) -> Iterator[None]:
        with time_machine.travel(NOW, tick=False):
            yield


class Stopped(ActionSuite):
    """Hooks that are called at one moment."""

    plugin = hub_gocardless
    samples = SAMPLES / "api"
    settings: ClassVar[Mapping[str, Any]] = TOKEN
    key_header = "Idempotency-Key"

    @pytest.fixture(autouse=True)
    def _stopped_clock(self) -> Iterator[None]:
        with time_machine.travel(NOW, tick=False):
            yield


class TestCalls(Stopped):
    """Calls that may be made again as they are."""

    test_idempotency_key_is_sent_and_stays = None  # type: ignore[assignment]
    actions = (
        Action(
            hook="test_connection",
            file="test.json",
            returns="GoCardless knows us as Northgate MSP (sandbox).",
        ),
        Action(
            hook="check_payment",
            file="check_debit.json",
            arguments={"attempt": DEBIT},
            returns=[PENDING, RECEIVED],
        ),
        Action(
            hook="check_payment",
            file="find_debit.json",
            arguments={"attempt": CHARGE},
            returns=[PENDING, RECEIVED],
        ),
        Action(
            hook="finish_checkout",
            file="finish_checkout.json",
            arguments={"charge": PAGE, "params": {"id": "forged"}},
            returns=[
                replace(fact, match=replace(MATCH, checkout=REQUEST))
                for fact in (PENDING, RECEIVED)
            ],
        ),
        Action(
            hook="cancel_checkout",
            file="cancel_checkout.json",
            arguments={"charge": PAGE},
            returns=[CANCELLED],
        ),
        Action(
            hook="finish_mandate",
            file="finish_mandate.json",
            arguments={"request": replace(ASKED, reference=REQUEST), "params": {}},
            returns=[SEEN],
        ),
        Action(
            hook="cancel_mandate",
            file="cancel_mandate.json",
            arguments={"mandate": GIVEN},
            returns=[ENDED],
        ),
    )


class TestMoney(Stopped):
    """Calls that make something: their keys are remembered."""

    actions = (
        Action(
            hook="start_checkout",
            file="start_checkout.json",
            arguments={"charge": CHARGE},
            returns=Checkout(
                reference=REQUEST,
                url="https://pay-sandbox.gocardless.com/billing/static/flow?id=BRF1",
            ),
        ),
        Action(
            hook="start_mandate",
            file="start_mandate.json",
            arguments={"company": COMPANY, "request": ASKED},
            returns=Checkout(
                reference=REQUEST,
                url="https://pay-sandbox.gocardless.com/billing/static/flow?id=BRF1",
            ),
        ),
        Action(
            hook="collect_payment",
            file="collect_payment.json",
            arguments={"invoice": INVOICE, "charge": CHARGE, "mandate": GIVEN},
            returns=[COLLECTING],
        ),
        Action(
            hook="refund_payment",
            file="refund_payment.json",
            arguments={
                "payment": Payment(
                    id="pay_1",
                    reference=PAYMENT,
                    amount=TOTAL,
                    refunded=Money(0, "GBP"),
                ),
                "amount": Money(24860, "GBP"),
            },
            returns=[REFUNDED],
        ),
    )


class TestSimulator(SimulatorSuite):
    """The stand-in for GoCardless."""

    plugin = hub_gocardless

    def happen(self, stage: Stage) -> None:
        amount = {"value": "12.00", "currency_code": "EUR"}
        stage.post("/_sim/pay", amount=amount, invoice_id="INV-1")

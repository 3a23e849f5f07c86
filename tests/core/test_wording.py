"""Events in plain words."""

import pytest

from hub.core.wording import wording
from hub.sdk.events import EVENT_TYPES

COMPANY = {"id": "com_1", "name": "Northgate"}
PAYMENT = {
    "company": COMPANY,
    "payer": "Ann",
    "amount": "1200.00",
    "currency": "EUR",
    "invoice_number": "INV-7",
    "open_amount": "0.00",
}
INVOICE = {
    "company": COMPANY,
    "number": "INV-7",
    "currency": "EUR",
    "total": "90.00",
    "open_amount": "60.00",
}
QUOTE = {
    "company": COMPANY,
    "number": "QUO-7",
    "title": "Firewall",
    "total": "500.00",
    "currency": "EUR",
}
CONNECTION = {"company": None, "title": "Slack", "problem": "It does not answer."}
DISPUTE = {"state": "open", "respond_by": "2026-03-09T00:00:00Z"}


@pytest.mark.parametrize(
    ("type", "data", "title", "body"),
    [
        (
            "payment.received",
            PAYMENT,
            "1,200.00 EUR received from Northgate",
            "For invoice INV-7.",
        ),
        (
            "payment.received",
            {**PAYMENT, "open_amount": "0.50"},
            "1,200.00 EUR received from Northgate",
            "For invoice INV-7. Still open: 0.50 EUR.",
        ),
        (
            "payment.received",
            {**PAYMENT, "amount": "5000", "open_amount": "0", "currency": "JPY"},
            "5,000 JPY received from Northgate",
            "For invoice INV-7.",
        ),
        (
            "payment.failed",
            {**PAYMENT, "reason": "no funds"},
            "Payment of 1,200.00 EUR by Northgate failed",
            "Invoice INV-7. Reason given: no funds.",
        ),
        (
            "payment.failed",
            {**PAYMENT, "company": None, "invoice_number": None, "reason": ""},
            "Payment of 1,200.00 EUR by Ann failed",
            "",
        ),
        (
            "payment.failed",
            {**PAYMENT, "company": None, "payer": "", "reason": ""},
            "Payment of 1,200.00 EUR by an unknown payer failed",
            "Invoice INV-7.",
        ),
        (
            "payment.refunded",
            {**PAYMENT, "refund_amount": "200.00"},
            "200.00 EUR refunded to Northgate",
            "Invoice INV-7. The payment was 1,200.00 EUR.",
        ),
        (
            "payment.disputed",
            {**PAYMENT, "reason": "not received", "dispute": DISPUTE},
            "Northgate disputes the payment of 1,200.00 EUR",
            "Invoice INV-7. Reason given: not received. Answer by 2026-03-09.",
        ),
        (
            "payment.disputed",
            {**PAYMENT, "dispute": {"state": "charged_back"}},
            "1,200.00 EUR from Northgate was charged back",
            "Invoice INV-7.",
        ),
        (
            "invoice.overdue",
            {**INVOICE, "days_overdue": 1},
            "Invoice INV-7 is 1 day overdue",
            "Northgate owes 60.00 EUR.",
        ),
        (
            "invoice.anomaly",
            {**INVOICE, "reason": "Twice as much."},
            "Invoice INV-7 looks unusual",
            "Twice as much.",
        ),
        (
            "quote.accepted",
            QUOTE,
            "Northgate accepted quote QUO-7",
            "Firewall. Total: 500.00 EUR.",
        ),
        (
            "quote.declined",
            {**QUOTE, "title": ""},
            "Northgate declined quote QUO-7",
            "Total: 500.00 EUR.",
        ),
        ("connection.failing", CONNECTION, "Slack is failing", "It does not answer."),
        ("connection.recovered", CONNECTION, "Slack works again", ""),
        ("alert.raised", {"title": "Disk full", "message": "C:"}, "Disk full", "C:"),
        ("alert.raised", {}, "An alert was raised", ""),
        ("alert.resolved", {"message": "Disk"}, "Resolved: Disk", ""),
        (
            "mandate.changed",
            {"company": COMPANY, "state": "active"},
            "The mandate of Northgate is active",
            "",
        ),
    ],
)
def test_event_is_told_in_plain_words(type, data, title, body) -> None:
    words = wording(type, data)

    assert words is not None
    assert (title, body) == (words.title, words.body)


def test_every_kind_is_told_or_left_out_on_purpose() -> None:
    silent = {
        "invoice.created",
        "invoice.updated",
        "invoice.sent",
        "invoice.paid",
        "company.changed",
        "device_count.changed",
    }

    assert silent == {type for type in EVENT_TYPES if _is_silent(type)}


def _is_silent(type: str) -> bool:
    everything = {**QUOTE, **INVOICE, **PAYMENT, **CONNECTION, "dispute": DISPUTE}
    extra = {"reason": "x", "days_overdue": 2, "refund_amount": "1.00"}
    return wording(type, {**everything, **extra}) is None

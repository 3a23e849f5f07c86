"""What cards say, whatever the channel: every text can be filled, nothing leaks in."""

from datetime import UTC, datetime
from string import Formatter
from typing import Any

import pytest

from hub.sdk.cards import LOOKS, Look, Voice, facts, spoken, words
from hub.sdk.events import EVENT_TYPES, Event

HUB = "https://hub.example.com"
COMPANY = {"id": "com_1", "name": "Smith & Sons"}
VOICE = Voice(
    escape=lambda text, limit: f"<{text[:limit]}>",
    link=lambda url, label: f"({label} → {url})" if label else "",
    moment=lambda time: time.strftime("%d.%m.%Y"),
    strong="__",
)


def event(type: str, **data: Any) -> Event:
    return Event(
        id="1",
        type=type,
        subject="payment:pay_1",
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        data={"company": COMPANY, **data},
        url=f"{HUB}/payments/pay_1",
    )


def test_looks_are_for_events_there_are() -> None:
    assert set() == set(LOOKS) - set(EVENT_TYPES)


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
def test_texts_are_plain_words_in_braces(look: Look) -> None:
    for text in (look.summary, look.sentence):
        named = [name for _, name, *_ in Formatter().parse(text) if name is not None]
        assert all(name.isidentifier() for name in named), named
        assert 0 == text.count("*") % 2


def test_every_value_goes_through_the_channel_s_escaping() -> None:
    said = words(event("payment.failed", reason="x" * 2000, payer="*"), HUB, VOICE)

    assert "<" + "x" * 1000 + ">" == said["reason"]
    assert "<Smith & Sons>" == said["payer"]
    assert "" == said["no_such_word"]


def test_channel_s_own_links_times_and_marks_are_used() -> None:
    given = event(
        "payment.disputed",
        invoice_id="7",
        invoice_number="INV-7",
        amount="1200.00",
        currency="EUR",
        dispute={"respond_by": "2026-01-11T00:00:00Z", "state": "open"},
    )
    look = LOOKS[given.type]

    said = words(given, HUB, VOICE)

    expected = (
        "__<Smith & Sons>__ disputes the payment for invoice"
        f" (<INV-7> → {HUB}/invoices/7). Answer it at the provider."
    )
    assert expected == VOICE.fill(look.sentence, said)
    assert facts(look, said) == {
        "Amount": "<1,200.00 EUR>",
        "State": "<open>",
        "Answer by": "11.01.2026",
    }


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        ({"title": "Disk full"}, "Alert: <Disk full> at <Smith & Sons>"),
        ({"company": None}, "Alert: An alert"),
    ],
)
def test_alert_is_told_with_what_is_known(data: dict[str, Any], summary: str) -> None:
    given = event("alert.raised", **data)

    said = words(given, HUB, VOICE)

    assert summary == VOICE.fill(LOOKS[given.type].summary, said)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("days_overdue", "Days overdue"),
        ("payment.received", "Payment received"),
        ("open_amount", "Balance due"),
    ],
)
def test_names_are_spoken(name: str, label: str) -> None:
    assert label == spoken(name)

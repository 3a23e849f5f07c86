"""Cards and free messages: as the samples, within the limits, harmless."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk.events import Event, Message
from hub_slack import messages, mrkdwn
from hub_slack.cards import CARDS

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
HUB = "https://hub.example.com"
TOKEN = re.compile(r"<[^<>]*>")
OWN_TOKEN = re.compile(
    r"<https://hub\.example\.com/[\w/]+\|[^<>|]+>"
    r"|<!date\^\d+\^\{date_short_pretty\} \{time\}\|[^<>|]+>"
)
HOSTILE = [
    "<!channel>",
    "<@U0ADMIN001>",
    "<!subteam^S123|@all>",
    "<https://evil.example|Smith & Sons>",
    "a|b>c",
    "*bold* _it_ ~no~ `code`\n> quote",
    "&amp; &lt;!here&gt;",
    "\u202e\u2066reversed",
    "שלום & Söhne",
    "👨‍👩‍👧‍👦" * 50,
    "\x00\x07\ud800",
    "&" * 5000,
    "<>" * 2500,
    "{amount} {0} {client.__class__}",
]
names = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=40),
    st.text(alphabet="<>&|!@#U^ab*_\n", max_size=5000),
)


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text of a message with the key it stands under."""
    if isinstance(value, dict):
        for name, held in value.items():
            yield from texts(held, name)
    elif isinstance(value, list):
        for held in value:
            yield from texts(held, key)
    elif isinstance(value, str):
        yield key, value


def blocks_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    [attachment] = body["attachments"]
    found: list[dict[str, Any]] = attachment["blocks"]
    return found


def without_verbatim(value: Any) -> Any:
    """The samples leave out that Slack shall not look for mentions by itself."""
    if isinstance(value, dict):
        return {k: without_verbatim(v) for k, v in value.items() if k != "verbatim"}
    if isinstance(value, list):
        return [without_verbatim(item) for item in value]
    return value


def shape(body: dict[str, Any]) -> Any:
    """What a card is made of: keys, block types, colour; not its words."""
    return {
        "keys": sorted(body),
        "attachment": sorted(body["attachments"][0]),
        "colour": body["attachments"][0]["color"],
        "blocks": [(b["type"], sorted(b)) for b in blocks_of(body)],
    }


def test_payment_received_is_the_sample(
    event_of: Callable[..., Event], sample: Callable[[str], Any]
) -> None:
    url = f"{HUB}/invoices/1042"
    event = replace(event_of("payment.received"), subject="invoice:1042", url=url)

    body = messages.card(event, HUB)

    assert sample("cards/payment-received.json") == without_verbatim(body)


@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        ("quote.accepted", "quote-accepted"),
        ("invoice.overdue", "invoice-overdue"),
        ("invoice.anomaly", "usage-anomaly"),
    ],
)
def test_card_has_the_sample_s_shape(
    event_type: str,
    name: str,
    event_of: Callable[..., Event],
    sample: Callable[[str], Any],
) -> None:
    body = messages.card(event_of(event_type))

    assert shape(sample(f"cards/{name}.json")) == shape(body)


@pytest.mark.parametrize(
    ("event_type", "text"),
    [
        (
            "invoice.overdue",
            "Invoice INV-0977 is 14 days overdue: Northwind Legal, 640.00 USD",
        ),
        ("quote.accepted", "Quote Q-2044 accepted by Acme Dental (4,980.00 USD)"),
        (
            "invoice.anomaly",
            "Invoice anomaly: Northwind Legal, INV-0977, 640.00 USD:"
            " 4 times the usual total",
        ),
        (
            "payment.failed",
            "Payment failed: 1,250.00 USD from Smith &amp; Sons for INV-1042: Declined",
        ),
        (
            "payment.refunded",
            "Payment refunded: 50.00 USD to Smith &amp; Sons for INV-1042",
        ),
        (
            "payment.disputed",
            "Payment disputed: 1,250.00 USD from Smith &amp; Sons for INV-1042",
        ),
        (
            "connection.failing",
            "Connection failing: Xero: The credentials are refused.",
        ),
        ("connection.recovered", "Connection recovered: Xero"),
        (
            "mandate.changed",
            "Mandate cancelled: Smith &amp; Sons: bank_account_closed",
        ),
    ],
)
def test_text_says_it_all_for_notifications(
    event_type: str, text: str, event_of: Callable[..., Event]
) -> None:
    body = messages.card(event_of(event_type))

    assert [text, text] == [body["text"], body["attachments"][0]["fallback"]]


@pytest.mark.parametrize(
    ("event_type", "colour"),
    [
        ("payment.received", "#2EB67D"),
        ("quote.accepted", "#36C5F0"),
        ("invoice.anomaly", "#ECB22E"),
        ("invoice.overdue", "#E01E5A"),
        ("connection.failing", "#E01E5A"),
        ("mandate.changed", "#ECB22E"),
        ("connection.recovered", "#2EB67D"),
    ],
)
def test_colour_bar(
    event_type: str, colour: str, event_of: Callable[..., Event]
) -> None:
    body = messages.card(event_of(event_type))

    assert colour == body["attachments"][0]["color"]


def test_card_leads_to_the_detail(
    any_type: str, event_of: Callable[..., Event]
) -> None:
    event = event_of(any_type)

    actions = next(b for b in blocks_of(messages.card(event)) if b["type"] == "actions")

    assert [event.url] == [element["url"] for element in actions["elements"]]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"open_amount": "0.00"}, "paid invoice {} in full."),
        ({"open_amount": "0", "currency": "JPY"}, "paid invoice {} in full."),
        ({"open_amount": "10.00"}, "paid invoice {}."),
        ({"open_amount": None}, "paid invoice {}."),
    ],
)
def test_payment_says_whether_the_invoice_is_paid(
    data: dict[str, Any], sentence: str, event_of: Callable[..., Event]
) -> None:
    body = messages.card(event_of("payment.received", **data), HUB)

    link = "<https://hub.example.com/invoices/1042|INV-1042>"
    expected = f"*Smith &amp; Sons* {sentence.format(link)}"
    assert expected == blocks_of(body)[1]["text"]["text"]


def test_payment_without_invoice_asks_to_be_assigned(
    event_of: Callable[..., Event],
) -> None:
    body = messages.card(
        event_of(
            "payment.received",
            invoice_id=None,
            invoice_number=None,
            company=None,
            open_amount=None,
        )
    )

    assert blocks_of(body)[1]["text"]["text"] == (
        "*ap@smith.example* paid, but no invoice matches:"
        " <https://hub.example.com/payments/pay_1|assign the payment>."
    )
    labels = [field["text"].split("\n")[0] for field in blocks_of(body)[2]["fields"]]
    assert ["*Amount*", "*Method*"] == labels


def test_one_day_is_not_one_days(event_of: Callable[..., Event]) -> None:
    body = messages.card(event_of("invoice.overdue", days_overdue=1))

    assert "is 1 day overdue" in body["text"]


def test_amount_follows_the_currency_s_decimals(
    event_of: Callable[..., Event],
) -> None:
    body = messages.card(
        event_of("payment.received", amount="120000", currency="JPY", open_amount="0")
    )

    assert "120,000 JPY" in body["text"]


def test_amount_that_is_none_is_shown_as_it_came(
    event_of: Callable[..., Event],
) -> None:
    body = messages.card(event_of("payment.received", amount="<1>", currency="EURO"))

    assert "&lt;1&gt; EURO" in body["text"]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("open", "disputes the payment for invoice {}. Answer it at the provider."),
        ("charged_back", "charged back the payment for invoice {}."),
    ],
)
def test_dispute_asks_for_an_answer_while_there_is_one_to_give(
    state: str, sentence: str, event_of: Callable[..., Event]
) -> None:
    body = messages.card(event_of("payment.disputed", dispute={"state": state}), HUB)

    link = "<https://hub.example.com/invoices/1042|INV-1042>"
    expected = f"*Smith &amp; Sons* {sentence.format(link)}"
    assert expected == blocks_of(body)[1]["text"]["text"]


def test_dispute_tells_until_when_to_answer(event_of: Callable[..., Event]) -> None:
    body = messages.card(event_of("payment.disputed"))

    fields = [field["text"] for field in blocks_of(body)[2]["fields"]]
    assert fields == [
        "*Amount*\n1,250.00 USD",
        "*Disputed*\n1,250.00 USD",
        "*State*\nopen",
        "*Answer by*\n<!date^1768089600^{date_short_pretty} {time}"
        "|2026-01-11 00:00 UTC>",
        "*Reason*\nNot received",
    ]


def test_card_without_any_data_still_stands(
    any_type: str, event_of: Callable[..., Event]
) -> None:
    event = event_of(any_type)
    bare = Event(
        id="1",
        type=any_type,
        subject=event.subject,
        occurred_at=WHEN,
        data={},
        url="",
    )

    kinds = [block["type"] for block in blocks_of(messages.card(bare))]

    assert ["header", "section", "context"] == kinds


@given(name=names, reason=names, number=names, url=st.text(max_size=200))
def test_hostile_values_ping_nobody_and_stay_within_limits(
    name: str, reason: str, number: str, url: str
) -> None:
    for event_type in CARDS:
        event = Event(
            id="1",
            type=event_type,
            subject=f"invoice:{number}",
            occurred_at=WHEN,
            data={
                "company": {"id": "1", "name": name},
                "number": number,
                "invoice_number": number,
                "amount": name,
                "currency": reason,
                "reason": reason,
                "problem": reason,
                "title": name,
                "method": name,
                "decided_by": name,
                "open_amount": number,
                "total": number,
                "connection": name,
                "due_date": name,
                "since": name,
                "dispute": {"reason": reason, "state": name, "respond_by": number},
            },
            url=url if len(name) % 2 else "https://hub.example.com/invoices/1",
        )
        check_body(messages.card(event))


@given(text=names, to=names)
def test_hostile_free_text_pings_nobody(text: str, to: str) -> None:
    body = messages.free(Message(text=text, to=to))

    assert [] == TOKEN.findall(body["text"])
    assert 0 < len(body["text"]) <= 4000


def check_body(body: dict[str, Any]) -> None:
    blocks = blocks_of(body)
    assert len(blocks) <= 50
    assert len(body["text"]) <= 4000
    assert sum(len(text) for key, text in texts(blocks) if key == "text") <= 13_000
    for key, text in texts(body):
        assert text, key
        if key in {"text", "fallback"}:
            check_harmless(text)
    for block in blocks:
        check_block(block)
    json.dumps(body).encode()


def check_harmless(text: str) -> None:
    """Only our own tokens are left, and no entity is cut in two."""
    rest = OWN_TOKEN.sub("", text)
    assert set() == {"<", ">"} & set(re.sub(r"<https?://[^<>|\s]+\|[^<>|]+>", "", rest))
    assert [] == re.findall(r"&(?!amp;|lt;|gt;)", rest)


def check_block(block: dict[str, Any]) -> None:
    match block:
        case {"type": "header", "text": text}:
            assert text["type"] == "plain_text"
            assert len(text["text"]) <= 150
        case {"type": "section", "fields": found}:
            assert 1 <= len(found) <= 10
            assert max(len(field["text"]) for field in found) <= 2000
        case {"type": "section", "text": text}:
            assert len(text["text"]) <= 3000
        case {"type": "actions", "block_id": block_id, "elements": [button]}:
            assert len(block_id) <= 255
            assert len(button["action_id"]) <= 255
            assert len(button["url"]) <= 3000
            assert len(button["text"]["text"]) <= 75
        case _:
            assert block["type"] == "context"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 5, "short"),
        ("shorter", 5, "shor…"),
        ("ab&amp;cd", 6, "ab…"),
        ("ab&amp;cd", 8, "ab&amp;…"),
        ("ab <https://x.example|label> cd", 20, "ab…"),
        ("👍👍👍", 2, "👍…"),
    ],
)
def test_cut_never_splits_an_entity_or_a_token(
    text: str, limit: int, expected: str
) -> None:
    assert expected == mrkdwn.fit(text, limit)


@given(text=names, limit=st.integers(min_value=1, max_value=60))
def test_cut_text_is_a_beginning_of_whole_pieces(text: str, limit: int) -> None:
    escaped = mrkdwn.escape(text)

    cut = mrkdwn.fit(escaped, limit)

    assert len(cut) <= limit
    assert cut == escaped or cut.endswith("…")
    assert escaped.startswith(cut.removesuffix("…"))
    check_harmless(cut)


@pytest.mark.parametrize(
    ("url", "label", "expected"),
    [
        ("https://x.example/1", "A", "<https://x.example/1|A>"),
        ("https://x.example/?a=1&b=2", "A", "<https://x.example/?a=1&amp;b=2|A>"),
        ("https://x.example/a|b<c>", "A", "<https://x.example/a%7Cb%3Cc%3E|A>"),
        ("https://x.example/ü 1", "A", "<https://x.example/%C3%BC%201|A>"),
        ("https://x.example/%20", "A", "<https://x.example/%20|A>"),
        ("https://x.example/1", "a|b&gt;c", "<https://x.example/1|abc>"),
        ("https://x.example/1", "|", ""),
        ("javascript:alert(1)", "A", "A"),
        ("https://[broken", "A", "A"),
        ("/invoices/1", "A", "A"),
        ("https://x.example/" + "a" * 3000, "A", "A"),
    ],
)
def test_link(url: str, label: str, expected: str) -> None:
    assert expected == mrkdwn.link(url, label)


def test_free_message_is_plain_text() -> None:
    body = messages.free(Message(text="5 < 6 & *so* <!channel>\n"))

    expected = {
        "text": "5 &lt; 6 &amp; *so* &lt;!channel&gt;",
        "unfurl_links": False,
    }
    assert expected == body


def test_free_message_carries_blocks_as_they_are() -> None:
    blocks = ({"type": "divider"},)

    body = messages.free(Message(text="", blocks=blocks))

    assert [{"type": "divider"}] == body["blocks"]
    assert "A message from the billing hub" == body["text"]


def test_test_card_names_the_connection() -> None:
    body = messages.test_card("slack-<two>", WHEN)

    assert "Test card: the connection slack-&lt;two&gt; works" == body["text"]
    check_body(body)

"""Cards and free messages: as the samples, within schema and size, harmless."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft6Validator

from hub.sdk.cards import LOOKS
from hub.sdk.errors import RejectedError
from hub.sdk.events import Event, Message
from hub_teams import markdown, messages, size
from hub_teams.simulator.rules import problem

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
HUB = "https://hub.example.com"
HOSTILE = [
    "<at>everyone</at>",
    "<a<at>t>x</at>",
    "[Smith & Sons](https://evil.example)",
    "_x_ **y** `z` ![i](https://evil.example/i.png)",
    "<b>bold</b> <https://evil.example> &amp; &lt;",
    "\\[a](b) \\\\*x*",
    "- list",
    "1. list",
    "# heading",
    "> quote",
    "---",
    "{{DATE(2026-01-01T00:00:00Z, SHORT)}}",
    "\u202e\u2066reversed",
    "שלום & שלום",
    "👨‍👩‍👧‍👦" * 700,
    "\x00\x07\ud800",
    "*" * 5000,
    "\\" * 5000,
    '"' * 5000,
    "ش" * 5000,
    "{amount} {0} {client.__class__}",
]
names = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=40),
    st.text(alphabet='<>at/*_[]()`\\{"}ש👍-#1. \n', max_size=5000),
)
UNESCAPED = re.compile(r"(?<!\\)(?:\\\\)*[*_\[\]`]")
OWN_LINK = re.compile(r"(?<!\\)\[((?:\\.|[^\[\]\\])+)\]\(https?://[^()\s]+\)")


def content(body: dict[str, Any]) -> dict[str, Any]:
    [attachment] = body["attachments"]
    found: dict[str, Any] = attachment["content"]
    return found


def shape(element: Any) -> Any:
    """What an element is made of; not its words."""
    if isinstance(element, list):
        return [shape(item) for item in element]
    if not isinstance(element, dict):
        return None
    looks = ("type", "style", "color", "weight", "size", "bleed", "wrap", "spacing")
    own = {key: element[key] for key in looks if key in element}
    held = {"items": shape(element["items"])} if "items" in element else {}
    return {"keys": sorted(element), **own, **held}


def of_type(body: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [part for part in content(body)["body"] if part["type"] == kind]


@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        ("payment.received", "payment-received"),
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
    wanted, body = sample(f"cards/{name}.json"), messages.card(event_of(event_type))

    assert sorted(wanted) == sorted(body)
    assert sorted(wanted["attachments"][0]) == sorted(body["attachments"][0])
    assert sorted(content(wanted)) == sorted(content(body))
    # The hub tells the time below.
    assert shape(content(wanted)["body"]) == shape(content(body)["body"][:3])
    for key in ("$schema", "type", "version", "msteams"):
        assert content(wanted)[key] == content(body)[key]


def test_card_keeps_to_the_schema(
    any_type: str, event_of: Callable[..., Event], contract: dict[str, Any]
) -> None:
    card = content(messages.card(event_of(any_type), HUB))
    del card["msteams"]  # unknown to the schema

    Draft6Validator(contract).validate(card)


def newer(contract: dict[str, Any]) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the types, and the properties of types, that are marked 1.5 or later."""
    definitions = contract["definitions"]
    kinds = {
        name for name, held in definitions.items() if held.get("version", "") > "1.4"
    }
    marked = set()
    for name, held in definitions.items():
        for key, described in held.get("properties", {}).items():
            by_ref = any(f'"#/definitions/{k}"' in json.dumps(described) for k in kinds)
            if described.get("version", "") > "1.4" or by_ref:
                marked.add((name, key.rstrip("?")))
    return kinds, marked


def test_nothing_newer_than_1_4_is_used(
    any_type: str, event_of: Callable[..., Event], contract: dict[str, Any]
) -> None:
    kinds, marked = newer(contract)
    assert "Table" in kinds
    assert {("AdaptiveCard", "rtl"), ("TextBlock", "style")} <= marked
    assert ("Extendable.Action", "tooltip") in marked

    for element in elements(content(messages.card(event_of(any_type), HUB))):
        kind = element.get("type", "Fact")
        assert kind not in kinds
        owners = {kind, "Extendable.Action"} if "Action." in kind else {kind}
        assert not {(o, key) for o in owners for key in element} & marked


def elements(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for held in value.values():
            yield from elements(held)
    elif isinstance(value, list):
        for held in value:
            yield from elements(held)


@pytest.mark.parametrize(
    ("event_type", "text"),
    [
        (
            "invoice.overdue",
            "Invoice INV-0977 is 14 days overdue: Northwind Legal, 640.00 USD",
        ),
        ("invoice.sent", "Invoice INV-0977 sent to Northwind Legal: 640.00 USD"),
        ("invoice.paid", "Invoice INV-0977 of Northwind Legal is paid: 640.00 USD"),
        ("alert.raised", "Alert: Disk almost full at Smith & Sons"),
        ("alert.resolved", "Alert resolved: Disk almost full at Smith & Sons"),
        (
            "mandate.changed",
            "Mandate cancelled: Smith & Sons: bank_account_closed",
        ),
    ],
)
def test_notification_is_plain_text_and_says_it_all(
    event_type: str, text: str, event_of: Callable[..., Event]
) -> None:
    body = messages.card(event_of(event_type))

    card = content(body)
    assert [text] * 3 == [body["summary"], card["fallbackText"], card["speak"]]


@pytest.mark.parametrize(
    ("event_type", "style"),
    [
        ("payment.received", "good"),
        ("invoice.sent", "accent"),
        ("quote.accepted", "accent"),
        ("invoice.anomaly", "warning"),
        ("invoice.overdue", "attention"),
        ("alert.raised", "attention"),
        ("connection.recovered", "good"),
    ],
)
def test_colour_is_a_container_s_style(
    event_type: str, style: str, event_of: Callable[..., Event]
) -> None:
    [header] = of_type(messages.card(event_of(event_type)), "Container")

    assert style == header["style"]


def test_card_leads_to_the_detail(
    any_type: str, event_of: Callable[..., Event]
) -> None:
    event = event_of(any_type)

    [action] = content(messages.card(event))["actions"]

    noun = event.subject.partition(":")[0]
    expected = {"type": "Action.OpenUrl", "title": f"View {noun}", "url": event.url}
    assert expected == action


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "/invoices/1"])
def test_card_without_a_web_address_has_no_button(
    url: str, any_type: str, event_of: Callable[..., Event]
) -> None:
    held = event_of(any_type)
    event = Event(**{**vars(held), "url": url, "data": {}})

    card = content(messages.card(event))

    assert "actions" not in card
    assert not [part for part in card["body"] if part["type"] == "FactSet"]


def hostile_event(event_type: str, name: str, reason: str, url: str) -> Event:
    return Event(
        id="1",
        type=event_type,
        subject=f"invoice:{name}",
        occurred_at=WHEN,
        data={
            "company": {"id": "1", "name": name},
            "number": name,
            "invoice_number": name,
            "amount": name,
            "currency": reason,
            "reason": reason,
            "problem": reason,
            "message": reason,
            "title": name,
            "method": name,
            "device": name,
            "severity": name,
            "state": name,
            "decided_by": name,
            "open_amount": name,
            "total": name,
            "connection": name,
            "due_date": name,
            "since": name,
            "dispute": {"reason": reason, "state": name, "respond_by": name},
        },
        url=url,
    )


@given(name=names, reason=names, long=st.booleans())
def test_hostile_values_stay_text_and_cards_stay_small(
    name: str, reason: str, long: bool
) -> None:
    url = "https://hub.example.com/" + "a" * (2900 if long else 1)
    for event_type in LOOKS:
        check_body(messages.card(hostile_event(event_type, name, reason, url)))


@given(text=names)
def test_hostile_free_text_stays_text_and_small(text: str) -> None:
    check_body(messages.free(Message(text=text + "x")))


@given(piece=st.text(alphabet='👍\\*"\nש ', min_size=1, max_size=20))
def test_endless_free_text_is_shortened_and_says_so(piece: str) -> None:
    body = messages.free(Message(text="x" + piece * 30_000 + "x"))

    check_body(body)
    last = content(body)["body"][-1]["text"]
    assert re.fullmatch(r"… and [\d,]+ more characters", last)


def check_body(body: dict[str, Any]) -> None:
    assert size.length(body) <= 25_000
    assert "" == problem(body)
    raw = size.encoded(body)
    assert b"<at" not in raw.lower()
    assert json.loads(raw) == body
    for element in elements(content(body)):
        for key in ("text", "title", "value"):
            if key in element:
                assert element[key]
                check_text(element[key])


def check_text(text: str) -> None:
    """Only our own bold and links are left of the marks."""
    rest = OWN_LINK.sub(r"\1", text)
    bare = rest.replace("\\\\", "")
    assert set() == set(re.findall(r"(?<!\\)[_\[\]`]", bare))
    assert "" == re.sub(r"[^*]", "", re.sub(r"\\\*", "", bare)).replace("**", "")
    assert not re.match(r"[-+] |#{1,6} |>|\d{1,9}[.)] ", text)
    assert not re.search(r"<[A-Za-z/!]|\{\{", text)


def test_facts_give_way_first_where_a_card_is_too_large() -> None:
    facts = [{"title": str(n), "value": "ש" * 1000} for n in range(20)]
    message = messages.card(hostile_event("invoice.sent", "x", "x", HUB))
    [held] = of_type(message, "FactSet")
    held["facts"] = facts

    size.fitted(message)

    assert size.length(message) <= 25_000
    assert 12 == len(held["facts"])
    assert {"title": "…", "value": "and 9 more"} == held["facts"][-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Smith & Sons", "Smith & Sons"),
        ("0.00 USD", "0.00 USD"),
        ("a_b*c", "a\\_b\\*c"),
        ("[a](http://evil)", "\\[a\\](http://evil)"),
        ("<at>Ada</at> B", "Ada B"),
        ("<a<at>t>Ada", "Ada"),
        ("- a", "\u200b- a"),
        ("12. a", "\u200b12. a"),
        ("<b>x", "<\u200bb>x"),
        ("{{DATE(x)}}", "{\u200b{DATE(x)}}"),
        (" a\nb ", "a b"),
    ],
)
def test_value_is_shown_as_it_stands(text: str, expected: str) -> None:
    assert expected == markdown.short(text, 200)


def test_free_text_has_a_block_per_line() -> None:
    body = messages.free(Message(text="One & two\n\n*three*\n"))

    texts = [block["text"] for block in content(body)["body"]]
    assert ["One & two", "\\*three\\*"] == texts
    assert "One & two *three*" == body["summary"]


def test_whole_card_is_sent_as_it_is() -> None:
    card = {"type": "AdaptiveCard", "version": "1.2", "body": []}

    body = messages.free(Message(text="Look", blocks=(card,)))

    assert card == content(body)
    assert "Look" == body["summary"]


def test_elements_stand_below_the_text() -> None:
    block = {"type": "TextBlock", "text": "**b**"}

    body = messages.free(Message(text="", blocks=(block,)))

    assert [block] == content(body)["body"]


CARD = {"type": "AdaptiveCard", "version": "1.4", "body": []}


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ((CARD, CARD), "one whole card"),
        (({**CARD, "version": "1.5"},), "version 1.0 to 1.4"),
        (({"type": "AdaptiveCard"},), "version 1.0 to 1.4"),
        (({**CARD, "body": ["ש" * 13_000]},), "larger than Teams takes"),
        (({"type": "TextBlock", "text": "x" * 25_000},), "larger than Teams takes"),
    ],
)
def test_own_card_that_teams_would_not_show_is_refused(
    blocks: tuple[dict[str, Any], ...], words: str
) -> None:
    with pytest.raises(RejectedError, match=words):
        messages.free(Message(text="", blocks=blocks))

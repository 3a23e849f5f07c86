"""Text from outside is made fit to be stored."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hub.core.models import Company
from hub.db import Database
from hub.sdk.replies import Reply
from hub.sdk.text import clean, clean_all, one_line, web_address
from hub.sdk.webhooks import read_json


@given(st.text(st.characters(categories=["Cs", "L", "Cc", "So"])))
def test_clean_text_can_be_written_anywhere(text: str) -> None:
    cleaned = clean(text)

    assert "\0" not in cleaned
    assert cleaned == cleaned.encode().decode()
    assert len(text) >= len(cleaned)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_whole_text_stays_as_it_is(text: str) -> None:
    assert text == clean(text)


def test_json_is_cleaned_all_the_way_down() -> None:
    body = rb'{"a\ud83d": ["x\u0000", {"b": "\ud83d\ude00 \udc00"}]}'
    expected = {"a\ufffd": ["x\ufffd", {"b": "\U0001f600 \ufffd"}]}

    assert expected == read_json(body)
    assert expected == Reply(200, content=body).json()
    assert expected == clean_all(json.loads(body))


@pytest.mark.parametrize("text", ["cut \ud83d", "nul \0", "\ud83d\0"])
def test_any_text_can_be_stored(database: Database, text: str) -> None:
    with database.write() as session:
        session.add(Company(name=text, currency="EUR"))

    with database.read() as session:
        assert clean(text) == session.scalar(select(Company.name))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" a\n\tb ", "a b"),
        ("a\x00b", "a b"),
        ("\u202eabc", "abc"),
        ("\u200b\u200d", ""),
        ("", ""),
        ("👩‍🔧", "👩‍🔧"),
    ],
)
def test_value_is_put_on_one_line(text: str, expected: str) -> None:
    assert expected == one_line(text)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://x.example/?a=1&b=2", "https://x.example/?a=1&b=2"),
        ("https://x.example/ü 1<", "https://x.example/%C3%BC%201%3C"),
        ("https://x.example/\u202e1", "https://x.example/1"),
        ("javascript:alert(1)", ""),
        ("https://[broken", ""),
        ("/invoices/1", ""),
        ("https://x.example/" + "a" * 3000, ""),
    ],
)
def test_only_web_addresses_are_linked_to(url: str, expected: str) -> None:
    assert expected == web_address(url)

"""Segments of text messages, counted as carriers do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk.segments import Segments, is_gsm, segments

GSM = st.text(st.sampled_from("aZ09 @£éñ\n€{}[]~|^\\"), max_size=700)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=500)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments(0, "GSM-7", 0, 160)),
        ("a", Segments(1, "GSM-7", 1, 159)),
        ("a" * 160, Segments(1, "GSM-7", 160, 0)),
        ("a" * 161, Segments(2, "GSM-7", 161, 145)),
        ("a" * 306, Segments(2, "GSM-7", 306, 0)),
        ("a" * 307, Segments(3, "GSM-7", 307, 152)),
        ("€" * 80, Segments(1, "GSM-7", 160, 0)),
        ("я" * 70, Segments(1, "UCS-2", 70, 0)),
        ("я" * 71, Segments(2, "UCS-2", 71, 63)),
        ("я" * 134, Segments(2, "UCS-2", 134, 0)),
        ("😀" * 35, Segments(1, "UCS-2", 70, 0)),
    ],
)
def test_segments_are_counted(text: str, expected: Segments) -> None:
    assert expected == segments(text)


def test_an_escape_pair_is_not_split_over_two_segments() -> None:
    # 152 units, then a pair: the last septet of the first segment stays empty.
    assert Segments(2, "GSM-7", 161, 144) == segments("a" * 152 + "€" + "a" * 7)


def test_a_surrogate_pair_is_not_split_over_two_segments() -> None:
    assert Segments(2, "UCS-2", 71, 62) == segments("я" * 66 + "😀" + "я" * 3)


@pytest.mark.parametrize("character", list("ç`\u201c\u2019\u2013\u00a0\t\u2026я"))
def test_one_foreign_character_turns_the_whole_text(character: str) -> None:
    assert segments("a" * 80 + character).encoding == "UCS-2"
    assert not is_gsm(character)


@given(GSM)
def test_gsm_text_takes_as_many_segments_as_its_units_need(text: str) -> None:
    found = segments(text)

    assert found.encoding == "GSM-7"
    assert found.units == len(text) + sum(text.count(c) for c in "€{}[]~|^\\")
    # A pair that isn't split may waste a septet in each segment but the last.
    assert -(-found.units // 160) <= found.count <= max(1, -(-found.units // 152))


@given(ANY)
def test_what_is_left_fits_and_one_more_does_not(text: str) -> None:
    found = segments(text)
    filler = "a" if found.encoding == "GSM-7" else "я"

    full = segments(text + filler * found.left)

    assert (max(found.count, 1), 0) == (full.count, full.left) or not text
    assert segments(text + filler * (found.left + 1)).count > found.count


@given(ANY)
def test_units_are_those_of_the_encoding(text: str) -> None:
    found = segments(text)

    if found.encoding == "UCS-2":
        assert found.units == len(text.encode("utf-16-le")) // 2
    assert (found.encoding == "GSM-7") == is_gsm(text)

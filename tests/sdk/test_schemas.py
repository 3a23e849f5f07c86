"""Fields of providers' objects take only what a database can hold."""

from typing import Any

import pytest
from marshmallow import EXCLUDE, Schema, ValidationError, fields

from hub.sdk.errors import PayloadError
from hub.sdk.schemas import Number, OptionalText, Text, read


class Inner(Schema):
    name = Text(required=True)


class Outer(Schema):
    class Meta:
        unknown = EXCLUDE

    count = Number(least=None)
    note = OptionalText()
    inner = fields.Nested(Inner)


def test_what_is_documented_is_read_and_the_rest_passed_over() -> None:
    found = read(Outer, {"count": -3, "inner": {"name": "x"}, "new": 1}, "A thing")

    assert {"count": -3, "note": None, "inner": {"name": "x"}} == found


def test_error_names_the_fields_and_no_value() -> None:
    wrong = {"count": "canary", "note": 7, "inner": {"name": "canary\0"}}

    with pytest.raises(PayloadError) as raised:
        read(Outer, wrong, "The till's thing")

    said = str(raised.value)
    assert said.startswith("The till's thing is not as documented: ")
    assert {"count", "note", "inner.name"} == set(said.partition(": ")[2].split(", "))
    assert "canary" not in said


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_what_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(PayloadError, match="documented: not an object"):
        read(Outer, data, "A thing")


@pytest.mark.parametrize("text", ["x" * 501, "a\0b", "half \ud83d", 7, None])
def test_text_that_no_database_holds_is_refused(text: Any) -> None:
    with pytest.raises(ValidationError):
        Text(required=True).deserialize(text)


@pytest.mark.parametrize("number", [True, "1", 1.0, 10**15 + 1, -1])
def test_what_is_no_whole_number_is_refused(number: Any) -> None:
    with pytest.raises(ValidationError):
        Number().deserialize(number)

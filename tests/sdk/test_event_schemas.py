"""The table of what events carry agrees with the page and with the ledger."""

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from hub.sdk.event_schemas import CUSTOM, FIELDS, MESSAGE, TYPES, payload_schema
from hub.sdk.events import EVENT_TYPES

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text()


def told(event_type: str) -> str:
    """What the page says of a type: its own part and what heads its chapter."""
    own = PAGE.partition(f"\n### {event_type}\n")[2]
    before = PAGE.partition(f"\n### {event_type}\n")[0]
    chapter = before.rpartition("\n## ")[2].partition("\n### ")[0]
    return chapter + re.split(r"\n##", own)[0]


def test_each_type_has_its_fields() -> None:
    assert (*EVENT_TYPES, MESSAGE, CUSTOM) == TYPES
    assert set(TYPES) == set(FIELDS)


@pytest.mark.parametrize("event_type", TYPES)
def test_each_schema_is_one(event_type: str) -> None:
    schema = payload_schema(event_type)
    Draft202012Validator.check_schema(schema)
    assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_each_field_is_on_the_page(event_type: str) -> None:
    named = set(re.findall(r"`(\w+)`|\"(\w+)\"", told(event_type)))
    words = {a or b for a, b in named} | {"company"}
    assert not set(FIELDS[event_type]) - words


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_payload_without_data_is_refused(event_type: str) -> None:
    payload = {"type": event_type, "id": "1", "version": 1, "data": {}}
    found = Draft202012Validator(payload_schema(event_type)).iter_errors(payload)
    missing = {e.validator for e in found}
    assert "required" in missing

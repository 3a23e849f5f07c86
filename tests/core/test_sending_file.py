"""Rules and texts in the configuration file: out, in, and back to the default."""

from typing import Any

import pytest

from hub.boot import Hub
from hub.core import config_file
from hub.core.policy import rules, templates
from hub.sdk.errors import InvalidError
from tests.core.policy.plugins import cast, connected

TEXT = "Dear {{ contact.name }}, {{ link }}"


def exported(hub: Hub) -> dict[str, Any]:
    with hub.read() as session:
        return config_file.export(session)


def load(hub: Hub, data: Any) -> None:
    with hub.write() as session:
        config_file.load(session, data)


@pytest.fixture
def decided(hub: Hub) -> Hub:
    cast(hub)
    (chat,) = connected(hub, "chat")
    with hub.write() as session:
        rules.set_policy(session, quiet_from="21:30", quiet_until="07:00")
        rules.set_rule(
            session,
            chat.id,
            "invoice.overdue",
            "channel",
            when="daily",
            targets=["#money"],
        )
        templates.set(session, "email", "invoice.sent", subject="Hello", body=TEXT)
    return hub


def test_what_was_decided_is_exported(decided: Hub) -> None:
    assert {
        "quiet_from": "21:30",
        "quiet_until": "07:00",
        "rules": [
            {
                "connection": "chat",
                "event_type": "invoice.overdue",
                "audience": "channel",
                "when": "daily",
                "targets": ["#money"],
            }
        ],
        "texts": [
            {
                "reach": "email",
                "kind": "invoice.sent",
                "subject": "Hello",
                "body": TEXT,
            }
        ],
    } == exported(decided)["sending"]


def test_import_brings_all_of_it_back(decided: Hub) -> None:
    kept = exported(decided)
    empty = {"quiet_from": "20:00", "quiet_until": "08:00", "rules": [], "texts": []}
    load(decided, {**kept, "sending": empty})
    assert empty == exported(decided)["sending"]

    load(decided, kept)
    load(decided, kept)

    assert kept == exported(decided)


def test_file_of_an_older_hub_leaves_it_as_it_is(decided: Hub) -> None:
    kept = exported(decided)
    load(decided, {k: v for k, v in kept.items() if k != "sending"})
    assert kept == exported(decided)


@pytest.mark.parametrize(
    "sending",
    [
        None,
        [],
        {},
        {"quiet_from": "late", "quiet_until": "08:00"},
        {"quiet_from": 20, "quiet_until": 8},
        {"quiet_from": "20:00", "quiet_until": "08:00", "rules": {}},
        {"quiet_from": "20:00", "quiet_until": "08:00", "rules": [{"when": "now"}]},
        {
            "quiet_from": "20:00",
            "quiet_until": "08:00",
            "rules": [
                {
                    "connection": "nobody",
                    "event_type": "invoice.sent",
                    "audience": "channel",
                    "when": "now",
                }
            ],
        },
        {
            "quiet_from": "20:00",
            "quiet_until": "08:00",
            "texts": [
                {
                    "reach": "email",
                    "kind": "invoice.sent",
                    "subject": "",
                    "body": "{{ secret }}",
                }
            ],
        },
    ],
)
def test_what_can_not_be_used_changes_nothing(decided: Hub, sending: Any) -> None:
    kept = exported(decided)
    with pytest.raises(InvalidError):
        load(decided, {**kept, "sending": sending})
    assert kept == exported(decided)

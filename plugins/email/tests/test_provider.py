"""E-mail as described to the hub, and which settings it takes."""

from typing import Any

import pytest
from marshmallow import ValidationError

import hub_email
from hub.plugins import check
from hub.sdk.provider import secret_keys
from hub_email.provider import (
    NO_HOST,
    NO_MAILBOX,
    NOT_ASCII,
    NOT_HERE,
    NOT_IN_THE_OPEN,
    EmailSettings,
    describe_provider,
    port_of,
)


def test_settings_are_those_promised() -> None:
    provider = describe_provider()

    promised = {"host", "port", "username", "password", "from_address", "tls"}
    assert promised == set(provider.settings().fields)
    assert {"password"} == secret_keys(provider.settings)
    assert (("host", "from_address"),) == provider.required


def test_it_reaches_people_and_may_send_twice() -> None:
    provider = describe_provider()

    assert ("email", "resend") == (provider.reach, provider.after_unknown_outcome)
    assert ("from_address",) == provider.sender_keys


def test_it_hears_no_events_since_the_hub_says_whom_it_writes_to() -> None:
    wanted = {"describe_provider", "send_message", "simulator", "test_connection"}

    assert wanted == set(check("email", hub_email).hooks)


def errors_of(**settings: Any) -> dict[str, list[str]]:
    try:
        EmailSettings().load({"tls": "starttls", **settings}, partial=True)
    except ValidationError as error:
        found: dict[str, list[str]] = error.normalized_messages()
        return found
    return {}


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "smtp.example.com", "port": "2525"},
        {"host": "10.0.0.5", "tls": "insecure"},
        {"host": "::1", "tls": "none"},
        {"host": "mail.münchen.example"},
        {"host": "localhost", "tls": "none", "username": "u", "password": "p"},
        {"host": "smtp.example.com", "tls": "tls", "password": "p"},
        {"tls": "none"},
        {"from_address": "Example IT <billing@example.com>"},
    ],
)
def test_settings_are_taken(settings: dict[str, Any]) -> None:
    assert {} == errors_of(**settings)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"host": "https://smtp.example.com"}, {"host": [NO_HOST]}),
        ({"host": "smtp.example.com:587"}, {"host": [NO_HOST]}),
        ({"host": "user@smtp.example.com"}, {"host": [NO_HOST]}),
        ({"host": "smtp.example.com\r\nQUIT"}, {"host": [NO_HOST]}),
        ({"from_address": "billing"}, {"from_address": [NO_MAILBOX]}),
        ({"from_address": "a@b.example, c@d.example"}, {"from_address": [NO_MAILBOX]}),
        ({"password": "pässword"}, {"password": [NOT_ASCII]}),
        ({"password": "pass\nword"}, {"password": [NOT_ASCII]}),
        ({"host": "smtp.example.com", "tls": "none"}, {"tls": [NOT_HERE]}),
        (
            {"host": "smtp.example.com", "tls": "insecure", "password": "p"},
            {"tls": [NOT_IN_THE_OPEN]},
        ),
    ],
)
def test_wrong_settings_are_refused_with_what_to_do(
    settings: dict[str, Any], wrong: dict[str, list[str]]
) -> None:
    assert wrong == errors_of(**settings)


@pytest.mark.parametrize(
    ("settings", "port"),
    [
        ({"tls": "starttls"}, 587),
        ({"tls": "tls"}, 465),
        ({"tls": "none"}, 25),
        ({"tls": "insecure"}, 25),
        ({"tls": "tls", "port": 2465}, 2465),
    ],
)
def test_port_goes_with_the_encryption(settings: dict[str, Any], port: int) -> None:
    assert port == port_of(settings)

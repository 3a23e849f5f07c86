"""Slack as described to the hub, and which webhook addresses it takes."""

import pytest
from marshmallow import ValidationError

import hub_slack
from hub.plugins import check
from hub.sdk.events import hook_of
from hub.sdk.provider import secret_keys
from hub_slack.cards import CARDS
from hub_slack.provider import SlackSettings, describe_provider


def test_settings_are_those_promised() -> None:
    provider = describe_provider()

    keys = ["webhook_url", "channel", "bot_token", "signing_secret"]
    assert keys == list(provider.settings().fields)
    assert {"webhook_url", "bot_token", "signing_secret"} == secret_keys(
        provider.settings
    )
    assert "#billing" == provider.settings().fields["channel"].load_default
    assert (("webhook_url",), ("bot_token",)) == provider.required


def test_each_card_has_its_hook_and_each_hook_its_card() -> None:
    plugin = check("slack", hub_slack)

    others = {
        "describe_provider",
        "handle_webhook",
        "send_message",
        "simulator",
        "test_connection",
        "verify_webhook",
    }
    assert {hook_of(event_type) for event_type in CARDS} | others == set(plugin.hooks)


def test_requests_come_as_json_as_a_form_or_empty() -> None:
    types = ("application/json", "application/x-www-form-urlencoded", "")

    assert types == describe_provider().webhook_types


def errors_of(url: str, base: str) -> list[str]:
    """Check settings as the hub does: the common ones beside the plugin's."""
    given = {"webhook_url": url, "api_base_url": base}
    try:
        SlackSettings(unknown="include").load(given)
    except ValidationError as error:
        found = error.normalized_messages()
        return [str(message) for message in found["webhook_url"]]
    return []


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://hooks.slack.com/services/T/B/x", ""),
        ("https://hooks.slack-gov.com/services/T/B/x", ""),
        ("http://localhost:8100/slack/services/T/B/x", ""),
        ("https://127.0.0.1:8100/slack/services/T/B/x", ""),
        ("https://proxy.example/services/T/B/x", "https://proxy.example"),
        ("https://hooks.slack.com/services/T/B/x", "http://localhost:8100"),
    ],
)
def test_webhook_address_is_taken(url: str, base: str) -> None:
    assert [] == errors_of(url, base)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://hooks.slack.com.evil.example/services/T/B/x", ""),
        ("https://evil.example/services/T/B/x", ""),
        ("http://hooks.slack.com/services/T/B/x", ""),
        ("https://hooks.slack.com@evil.example/services/T/B/x", ""),
        ("https://user:word@hooks.slack.com/services/T/B/x", ""),
        ("https://hooks.slack.com?services=1", ""),
        ("https://[broken/services/T/B/x", ""),
        ("ftp://localhost/services/T/B/x", ""),
        ("/services/T/B/x", "https://proxy.example"),
    ],
)
def test_webhook_address_is_refused_without_being_quoted(url: str, base: str) -> None:
    [message] = errors_of(url, base)

    assert message.startswith("Enter the whole address")
    assert url not in message

"""Teams as described to the hub, and which addresses it takes."""

import pytest
from marshmallow import ValidationError

import hub_teams
from hub.plugins import check
from hub.sdk.cards import LOOKS
from hub.sdk.events import hook_of
from hub.sdk.provider import secret_keys
from hub_teams.provider import (
    CHANGED,
    RETIRED,
    UNSIGNED,
    WHOLE,
    TeamsSettings,
    describe_provider,
    is_old_form,
)

PATH = "/workflows/xyzzy/triggers/manual/paths/invoke"
QUERY = "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=plugh"
NEW = "https://made-up.a1.environment.api.powerplatform.com"
OLD = "https://prod-01.westeurope.logic.azure.com"
DIRECT = "/powerautomate/automations/direct"


def test_settings_are_those_promised() -> None:
    provider = describe_provider()

    assert ["webhook_url"] == list(provider.settings().fields)
    assert {"webhook_url"} == secret_keys(provider.settings)
    assert "resend" == provider.after_unknown_outcome


def test_each_look_has_its_hook_and_each_hook_its_look() -> None:
    plugin = check("teams", hub_teams)

    others = {"describe_provider", "send_message", "simulator", "test_connection"}
    assert {hook_of(event_type) for event_type in LOOKS} | others == set(plugin.hooks)


def errors_of(url: str, base: str = "") -> list[str]:
    """Check settings as the hub does: the common ones beside the plugin's."""
    given = {"webhook_url": url, "api_base_url": base}
    try:
        TeamsSettings(unknown="include").load(given)
    except ValidationError as error:
        found = error.normalized_messages()
        return [str(message) for message in found["webhook_url"]]
    return []


@pytest.mark.parametrize(
    ("url", "base"),
    [
        (f"{NEW}:443{DIRECT}{PATH}{QUERY}", ""),
        (f"{NEW}{DIRECT}{PATH}{QUERY}", ""),
        (f"{OLD}:443{PATH}{QUERY}", ""),
        (f"{NEW}{PATH}{QUERY}", "http://localhost:8100/teams"),
        (f"http://localhost:8100/teams{PATH}{QUERY}", ""),
        (f"https://127.0.0.1:8100{PATH}{QUERY}", ""),
        ("https://flows.example/billing", "https://flows.example"),
    ],
)
def test_workflow_s_address_is_taken(url: str, base: str) -> None:
    assert [] == errors_of(url, base)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"https://evil-logic.azure.com{PATH}{QUERY}", WHOLE),
        (f"https://x.logic.azure.com.evil.example{PATH}{QUERY}", WHOLE),
        (f"https://logic.azure.com{PATH}{QUERY}", WHOLE),
        (f"https://evil.example{PATH}{QUERY}", WHOLE),
        (f"https://x.logic.azure.com@evil.example{PATH}{QUERY}", WHOLE),
        (f"https://me:word@x.logic.azure.com{PATH}{QUERY}", WHOLE),
        (f"https://20.1.2.3{PATH}{QUERY}", WHOLE),
        (f"https://[broken{PATH}{QUERY}", WHOLE),
        (f"{NEW.replace('https', 'http')}{PATH}{QUERY}", WHOLE),
        (f"{NEW}:8443{PATH}{QUERY}", WHOLE),
        (f"{NEW}:x{PATH}{QUERY}", WHOLE),
        (f"{NEW}/other{QUERY}", WHOLE),
        (f"{NEW}{PATH}{QUERY} ", WHOLE),
        (f"{NEW}{PATH}?api-version=1&sp=%2Frun&sv=1.0", UNSIGNED),
        (f"{NEW}{PATH}?api-version=1&sp=%2Frun&sv=1.0&sig=", UNSIGNED),
        (f"{NEW}{PATH}{QUERY}".replace("&", "&amp;"), CHANGED),
        (f"{NEW}{PATH}{QUERY}".replace("%2F", "/"), CHANGED),
        ("https://acme.webhook.office.com/webhookb2/x@y/IncomingWebhook/z", RETIRED),
        ("https://acme.webhook.office.com/webhookb2/x/IncomingWebhook/z/y", RETIRED),
        ("https://outlook.office.com/webhook/x/IncomingWebhook/z/y", RETIRED),
    ],
)
def test_other_address_is_refused_with_what_to_do_and_not_quoted(
    url: str, message: str
) -> None:
    assert [message] == errors_of(url)
    assert "plugh" not in message


def test_only_the_old_form_may_be_switched_off() -> None:
    assert is_old_form(f"{OLD}:443{PATH}{QUERY}")
    assert not is_old_form(f"{NEW}:443{PATH}{QUERY}")

"""Slack, described as data."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import ValidationError, validates_schema

from hub.sdk.http import is_loopback
from hub.sdk.provider import Budget, Provider, SettingsSchema, secret, text

WEBHOOK_HOSTS: Final = ("hooks.slack.com", "hooks.slack-gov.com")


class SlackSettings(SettingsSchema):
    """Keys and order of the connection's form."""

    webhook_url = secret(
        "Incoming webhook URL",
        "From the app's page Incoming Webhooks; it posts to its own channel only.",
    )
    channel = text(
        "Channel",
        "Where cards go when a bot token is set: a channel's id or #name. The sending"
        " rules may name another for each kind of event.",
        load_default="#billing",
    )
    bot_token = secret(
        "Bot token",
        "From OAuth & Permissions, with the scope chat:write. With it cards go to"
        " the channel above and not through the webhook, each invoice in its thread.",
    )
    signing_secret = secret(
        "Signing secret",
        "From Basic Information; several, separated by commas, while it is being"
        " changed. Without it buttons and commands are refused.",
    )

    @validates_schema
    def _check_webhook_url(self, data: Mapping[str, Any], **_options: Any) -> None:
        url, elsewhere = data.get("webhook_url"), bool(data.get("api_base_url"))
        if url and not _is_webhook(url, elsewhere):
            raise ValidationError(
                "Enter the whole address, as https://hooks.slack.com/services/…;"
                " another host's only together with api_base_url.",
                "webhook_url",
            )


def _is_webhook(url: str, elsewhere: bool) -> bool:
    """Tell whether a URL is Slack's, this machine's, or is given another host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    secure = parts.scheme == "https" and (elsewhere or host in WEBHOOK_HOSTS)
    local = parts.scheme in {"http", "https"} and is_loopback(host)
    return (secure or local) and "@" not in parts.netloc and len(parts.path) > 1


def describe_provider() -> Provider:
    """Describe Slack to the hub."""
    return Provider(
        name="slack",
        title="Slack",
        category="notify",
        summary="Posts cards about payments, invoices, quotes and connections.",
        settings=SlackSettings,
        required=(("webhook_url",), ("bot_token",)),
        hosts=("slack.com", *WEBHOOK_HOSTS),
        # Slack takes one message a second in a channel:
        # https://docs.slack.dev/apis/web-api/rate-limits
        budget=Budget(per_second=1.0, concurrency=2),
        docs_url="https://docs.slack.dev/",
        max_age={
            "connection.failing": timedelta(hours=6),
            "connection.recovered": timedelta(hours=6),
            "*": timedelta(hours=24),
        },
        after_unknown_outcome="resend",
        summarises=True,
        channel_help="Such as #money or C0123ABCD; this needs a bot token.",
        # "": an empty body may come without a type.
        webhook_types=("application/json", "application/x-www-form-urlencoded", ""),
    )

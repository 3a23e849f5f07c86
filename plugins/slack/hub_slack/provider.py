"""Slack, described as data."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from marshmallow import ValidationError, validates

from hub.sdk.http import is_loopback
from hub.sdk.provider import Budget, Provider, SettingsSchema, secret, text

WEBHOOK_HOSTS: Final = ("hooks.slack.com", "hooks.slack-gov.com")
HOSTS: Final = ("slack.com", *WEBHOOK_HOSTS)
FORM: Final = "application/x-www-form-urlencoded"


class SlackSettings(SettingsSchema):
    """Keys and order of the connection's form."""

    webhook_url = secret(
        "Incoming webhook URL",
        "From your Slack app, Incoming Webhooks. It posts to the one channel it was"
        " made for.",
    )
    channel = text(
        "Channel",
        "Where cards go when a bot token is set: a channel's id or #name.",
        load_default="#billing",
    )
    bot_token = secret(
        "Bot token",
        "From OAuth & Permissions; begins with xoxb- and needs the scope chat:write."
        " With it cards go to the channel above and not through the webhook.",
    )
    signing_secret = secret(
        "Signing secret",
        "From Basic Information. Needed for requests from Slack to the hub (buttons,"
        " commands, events).",
    )

    @validates("webhook_url")
    def _check_webhook_url(self, value: str, data_key: str) -> None:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or is_loopback(parts.hostname or "")
        if value and not (parts.hostname and secure and parts.path.strip("/")):
            raise ValidationError(
                "Enter the whole address, as https://hooks.slack.com/services/…"
            )


def describe_provider() -> Provider:
    """Describe Slack to the hub."""
    return Provider(
        name="slack",
        title="Slack",
        category="notify",
        summary="Posts cards about payments, invoices, quotes and connections.",
        settings=SlackSettings,
        required=(("webhook_url",), ("bot_token",)),
        hosts=HOSTS,
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
        # "": an empty body may come without a type.
        webhook_types=("application/json", FORM, ""),
    )

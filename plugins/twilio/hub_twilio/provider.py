"""Twilio described as data: the settings form, the budget, its webhooks' form."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from marshmallow import fields, validate

from hub.sdk.provider import Budget, Provider, SettingsSchema, secret

API: Final = "https://api.twilio.com"
SENDER_KEYS: Final = ("messaging_service_sid", "from_number")
# Carriers take one text a second from an ordinary long number, and what it cost is
# asked for afterwards.
PER_SECOND: Final = 2.0
_SENDER = r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}"


def _sid(prefix: str) -> validate.Regexp:
    """A SID's form. What it is cut from a page with is refused; the rest is Twilio's
    to know."""
    return validate.Regexp(
        rf"(?:{prefix}[A-Za-z0-9_-]{{1,64}})?\Z",
        error=f"It begins with {prefix}: copy it from the Twilio console.",
    )


class TwilioSettings(SettingsSchema):
    """Keys and order of the connection's form."""

    account_sid = fields.String(
        validate=_sid("AC"),
        metadata={
            "title": "Account SID",
            "help": "From the Twilio console; of a sub-account, if one sends.",
        },
    )
    auth_token = secret(
        "Auth token",
        "From the same page. It also signs what Twilio sends: an API key can't take its"
        " place. While it is being changed the new and the old one, with a comma.",
    )
    from_number = fields.String(
        validate=validate.Regexp(
            rf"(?:{_SENDER})?\Z",
            error="Write the number as Twilio shows it, with + and country code:"
            " +15005550006. A short code is fine too.",
        ),
        metadata={
            "title": "From number",
            "help": "Who the texts come from, where no messaging service sends them.",
        },
    )
    messaging_service_sid = fields.String(
        validate=_sid("MG"),
        metadata={
            "title": "Messaging service SID",
            "help": "Goes before the number: the service chooses who it comes from.",
        },
    )
    shared_key_secret = secret(
        "Shared key secret",
        "Only where webhooks are signed with a shared key (HMAC_SHA256) rather than"
        " the auth token.",
    )


def sender_of(settings: Mapping[str, Any]) -> str:
    """Return the sender that texts go out from, and opt-outs are kept for."""
    return next((str(settings[key]) for key in SENDER_KEYS if settings.get(key)), "")


def tokens(settings: Mapping[str, Any], key: str) -> list[str]:
    """Return a secret's values, the one in force first; several while it changes."""
    given = str(settings.get(key) or "").split(",")
    return [each.strip() for each in given if each.strip()]


def describe_provider() -> Provider:
    """Describe Twilio to the hub."""
    account = ("account_sid", "auth_token")
    return Provider(
        name="twilio",
        title="Twilio SMS",
        category="notify",
        summary="Texts reminders and payment confirmations to clients who agreed, and"
        " hears what they answer.",
        settings=TwilioSettings,
        required=((*account, "from_number"), (*account, "messaging_service_sid")),
        hosts=("api.twilio.com",),
        budget=Budget(per_second=PER_SECOND, concurrency=2),
        docs_url="https://www.twilio.com/docs/messaging",
        max_age={"*": timedelta(hours=24)},
        after_unknown_outcome="person",
        webhook_paths=("", "status", "inbound"),
        webhook_methods=("POST", "GET"),
        webhook_types=("application/x-www-form-urlencoded", "application/json"),
        reach="phone",
        sender_keys=SENDER_KEYS,
    )

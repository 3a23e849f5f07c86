"""Apprise, described as data."""

from datetime import timedelta
from typing import Any

from marshmallow import ValidationError, validates

from hub.sdk.provider import Budget, Provider, SettingsSchema, secret
from hub_apprise import library, targets


class AppriseSettings(SettingsSchema):
    """Keys and order of the connection's form."""

    urls = secret(
        "Apprise URLs",
        "One per line, or separated by commas; each is told by itself. How they look"
        " for each service: https://appriseit.com/services/",
    )

    @validates("urls")
    def _check_urls(self, value: str, **_options: Any) -> None:
        problems = map(library.problem_of, targets.urls_of(value))
        if found := next(filter(None, problems), ""):
            raise ValidationError(found)


def describe_provider() -> Provider:
    """Describe Apprise to the hub."""
    return Provider(
        name="apprise",
        title="Apprise",
        category="notify",
        summary="Tells any service that Apprise knows: e-mail, Discord, PagerDuty,"
        " Telegram and a hundred more.",
        settings=AppriseSettings,
        required=(("urls",),),
        # The library calls the services by itself.
        hosts=(),
        budget=Budget(per_second=5.0, concurrency=4),
        docs_url="https://appriseit.com/",
        max_age={
            "connection.failing": timedelta(hours=6),
            "connection.recovered": timedelta(hours=6),
            "*": timedelta(hours=24),
        },
        after_unknown_outcome="resend",
        targets=targets.names,
        summarises=True,
    )

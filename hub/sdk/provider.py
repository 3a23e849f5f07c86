"""A provider described as data: what `describe_provider` returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from marshmallow import Schema, fields

Category = Literal["payment", "notify", "accounting", "rmm", "psa", "export", "other"]


class SettingsSchema(Schema):
    """Base of a plugin's settings schema: marshmallow fields in form order.

    Give each field `metadata={"title": …, "help": …}` and mark secrets with
    `"secret": True`: form, validation, encryption and redaction follow from it.
    """


def secret_keys(schema: type[Schema]) -> frozenset[str]:
    """Name the schema's secret settings."""
    return frozenset(
        name
        for name, declared in schema().fields.items()
        if declared.metadata.get("secret")
    )


def secret(title: str, help: str = "", **options: Any) -> fields.String:
    """Declare a secret text setting."""
    return fields.String(
        metadata={"title": title, "help": help, "secret": True}, **options
    )


def text(title: str, help: str = "", **options: Any) -> fields.String:
    """Declare a plain text setting."""
    return fields.String(metadata={"title": title, "help": help}, **options)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How hard the provider may be driven, per connection."""

    per_second: float = 5.0
    concurrency: int = 4
    per_day: int | None = None


@dataclass(frozen=True, kw_only=True)
class OAuth:
    """An OAuth 2 authorization-code provider, as data."""

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    revoke_url: str | None = None
    pkce: bool = True


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Who the provider is and how the hub should treat it.

    `required` are the settings without which a connection stays in `setup`, as
    alternatives: one group suffices. `max_age` is the age at which news is worse
    than none, per event type (`*`: all others; absent: never too old).
    `remembers_keys` is how long the provider honours an idempotency key.
    `after_unknown_outcome` says what happens to a delivery that may already have
    been carried out: "resend", or wait for a "person".
    `webhook_paths` and `webhook_methods` are what its webhook URL takes;
    `webhook_types` the accepted media types.
    `refused_status` is the answer to a bad signature (GoCardless asks for 498).
    `checkout_label` is what a client reads on the button: `Pay by card`.
    `checkout_currencies` and `mandate_currencies` are what its pages and its mandates
    take; None: whatever the account takes. Nothing else is offered to a client.
    `reach` is whom its messages go to: a "channel", or a person's "phone" or "email".
    `sender_keys`: the first of these settings that is set is the sender that opt-outs
    are kept for. `targets` names the channels of one connection from its settings
    (never a secret); each gets deliveries of its own. `summarises`: many events at
    once, or those of an hour, may be told to it in one message. `anywhere`: it calls
    whatever address an admin enters, so private networks are refused unless its
    setting `allowed_networks` has them.
    `channel_help` says how to name a channel, where one connection can post to any:
    an admin may then choose other ones per event.
    `hosts` are the only hosts its API calls may go to unless `api_base_url` is set.
    """

    name: str
    title: str
    category: Category
    summary: str
    settings: type[SettingsSchema]
    required: tuple[tuple[str, ...], ...] = ((),)
    hosts: tuple[str, ...] = ()
    oauth: OAuth | None = None
    budget: Budget = field(default_factory=Budget)
    docs_url: str = ""
    needs_connection: bool = True
    max_age: Mapping[str, timedelta] = field(default_factory=dict)
    remembers_keys: timedelta | None = None
    after_unknown_outcome: Literal["resend", "person"] = "person"
    webhook_paths: tuple[str, ...] = ("",)
    webhook_methods: tuple[str, ...] = ("POST",)
    webhook_types: tuple[str, ...] = ("application/json",)
    refused_status: int = 401
    checkout_label: str = ""
    checkout_currencies: frozenset[str] | None = None
    mandate_currencies: frozenset[str] | None = None
    reach: Literal["channel", "phone", "email"] = "channel"
    sender_keys: tuple[str, ...] = ()
    targets: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None
    summarises: bool = False
    channel_help: str = ""
    anywhere: bool = False

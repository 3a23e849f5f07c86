"""PayPal described as data: its two sites, the settings form, the budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from marshmallow import ValidationError, fields, validate

from hub.sdk.provider import Budget, Provider, SettingsSchema, secret, text

# Signed mock events carry this in place of an id; anybody can have one made.
MOCK_WEBHOOK_ID: Final = "WEBHOOK_ID"
# Without decimals at PayPal, whatever ISO 4217 says:
# https://developer.paypal.com/api/rest/reference/currency-codes/ (read 2026-11).
WHOLE_CURRENCIES: Final = frozenset({"HUF", "JPY", "TWD"})
# BRL, CNY and MYR for accounts of their own countries only.
_CURRENCIES: Final = frozenset(
    {
        *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD"),
        *("ILS", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB"),
        *("USD", *WHOLE_CURRENCIES),
    }
)


@dataclass(frozen=True, kw_only=True)
class Site:
    """One of PayPal's two worlds; ids and credentials differ between them."""

    api: str
    web: str
    key_hosts: frozenset[str]
    certificate_name: str


SITES: Final[Mapping[str, Site]] = {
    "sandbox": Site(
        api="https://api-m.sandbox.paypal.com",
        web="https://www.sandbox.paypal.com",
        key_hosts=frozenset({"api.sandbox.paypal.com", "api-m.sandbox.paypal.com"}),
        certificate_name="messageverificationcerts.sandbox.paypal.com",
    ),
    "live": Site(
        api="https://api-m.paypal.com",
        web="https://www.paypal.com",
        key_hosts=frozenset({"api.paypal.com", "api-m.paypal.com"}),
        certificate_name="messageverificationcerts.paypal.com",
    ),
}


def site(settings: Mapping[str, Any]) -> Site:
    """Return the site a connection's settings name."""
    return SITES[settings.get("environment") or "sandbox"]


def _refuse_mock_id(value: str) -> None:
    if value.strip() == MOCK_WEBHOOK_ID:
        raise ValidationError(
            "WEBHOOK_ID is what PayPal's mock events are signed with. Copy the id of"
            " your own webhook from the PayPal dashboard."
        )


class Settings(SettingsSchema):
    """The connection form."""

    environment = fields.String(
        load_default="sandbox",
        validate=validate.OneOf(list(SITES), labels=["Sandbox", "Live"]),
        metadata={
            "title": "Environment",
            "help": "Credentials and webhook id belong to one of the two.",
        },
    )
    client_id = text("Client id", "From your app in the PayPal developer dashboard.")
    client_secret = secret("Client secret", "From the same page as the client id.")
    webhook_id = text(
        "Webhook id",
        "PayPal shows it beside the webhook; registering the webhook here fills it in.",
        validate=_refuse_mock_id,
    )
    webhook_trust_roots = text(
        "Trusted roots",
        "Leave empty for PayPal itself. PEM text or a path: self-signed certificates"
        " replace the usual web roots, others help to complete PayPal's chain.",
    )
    webhook_cert_base_url = fields.Url(
        require_tld=False,
        schemes={"http", "https"},
        metadata={
            "title": "Certificate base URL",
            "help": "For simulators: where PayPal's certificates are fetched from"
            " instead, after their address was checked.",
        },
    )


PROVIDER = Provider(
    name="paypal",
    title="PayPal",
    category="payment",
    summary="Payments, refunds and disputes from PayPal, booked on your invoices.",
    settings=Settings,
    # Listening needs the webhook id alone; acting at PayPal needs the credentials.
    required=(("client_id", "client_secret"), ("webhook_id",)),
    hosts=(
        "api-m.sandbox.paypal.com",
        "api.sandbox.paypal.com",
        "api-m.paypal.com",
        "api.paypal.com",
        # The pages payers are sent to.
        "www.sandbox.paypal.com",
        "www.paypal.com",
    ),
    budget=Budget(per_second=5, concurrency=4),
    docs_url="https://developer.paypal.com/api/rest/",
    checkout_label="Pay with PayPal",
    checkout_currencies=_CURRENCIES,
    # Orders and their captures; refunds are remembered for 45 days.
    remembers_keys=timedelta(hours=6),
)

"""GoCardless described as data: its two sites, the settings form, the budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from marshmallow import fields, validate

from hub.sdk.provider import Budget, Provider, SettingsSchema, secret

# The only version there is; a call without it is refused.
API_VERSION: Final = "2015-07-06"

# Banks that pay at once are there for these only.
INSTANT_CURRENCIES: Final = frozenset({"GBP", "EUR"})
MANDATE_CURRENCIES: Final = frozenset(
    {"AUD", "CAD", "DKK", "EUR", "GBP", "NZD", "SEK", "USD"}
)


@dataclass(frozen=True, kw_only=True)
class Site:
    """One of GoCardless's two worlds; tokens and ids differ between them."""

    api: str
    pages: str
    dashboard: str

    def page(self, kind: str, id: str) -> str:
        """Return the dashboard's page of a payment, mandate or payout."""
        return f"{self.dashboard}/{kind}/{id}"


SITES: Final[Mapping[str, Site]] = {
    "sandbox": Site(
        api="https://api-sandbox.gocardless.com",
        pages="https://pay-sandbox.gocardless.com",
        dashboard="https://manage-sandbox.gocardless.com",
    ),
    "live": Site(
        api="https://api.gocardless.com",
        pages="https://pay.gocardless.com",
        dashboard="https://manage.gocardless.com",
    ),
}


def environment(settings: Mapping[str, Any]) -> str:
    """Return the name of the site a connection's settings name."""
    return settings.get("environment") or "sandbox"


def site(settings: Mapping[str, Any]) -> Site:
    """Return the site a connection's settings name."""
    return SITES[environment(settings)]


class Settings(SettingsSchema):
    """The connection form."""

    environment = fields.String(
        load_default="sandbox",
        validate=validate.OneOf(list(SITES), labels=["Sandbox", "Live"]),
        metadata={
            "title": "Environment",
            "help": "Access token and webhook secret belong to one of the two.",
        },
    )
    access_token = secret(
        "Access token",
        "From Developers in the GoCardless dashboard, with read-write access.",
    )
    webhook_secret = secret(
        "Webhook endpoint secret",
        "Shown beside the webhook endpoint in the dashboard; while you change it, or"
        " for several endpoints, give all of them, separated by commas.",
    )


PROVIDER = Provider(
    name="gocardless",
    title="GoCardless",
    category="payment",
    summary="Direct debits by mandate, instant bank payments, refunds and payouts from"
    " GoCardless, booked on your invoices.",
    settings=Settings,
    # Its webhooks carry no amounts: without the token nothing can be understood.
    required=(("access_token",),),
    hosts=(
        "api-sandbox.gocardless.com",
        "api.gocardless.com",
        # The pages payers are sent to.
        "pay-sandbox.gocardless.com",
        "pay.gocardless.com",
    ),
    # 1,000 calls a minute are allowed, for all who share the account.
    budget=Budget(per_second=10, concurrency=4),
    docs_url="https://developer.gocardless.com/api-reference/",
    checkout_label="Pay by bank",
    checkout_currencies=INSTANT_CURRENCIES,
    mandate_currencies=MANDATE_CURRENCIES,
    remembers_keys=timedelta(hours=24),
    after_unknown_outcome="person",
    refused_status=498,
)

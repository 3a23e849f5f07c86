"""Stripe described as data: its host, the settings form, the budget."""

from datetime import timedelta
from typing import Final

from hub.sdk.provider import Budget, Provider, SettingsSchema, secret

API: Final = "https://api.stripe.com"
PAGES_HOST: Final = "checkout.stripe.com"
DASHBOARD: Final = "https://dashboard.stripe.com"
# Shapes differ a lot between versions; each call says which one it means.
API_VERSION: Final = "2026-10-28.endive"


class Settings(SettingsSchema):
    """The connection form."""

    api_key = secret(
        "Secret or restricted key",
        "From Developers, API keys. It decides between test (sk_test_…, rk_test_…)"
        " and live (sk_live_…, rk_live_…).",
    )
    webhook_secret = secret(
        "Signing secret",
        "The whsec_… that Stripe shows for the webhook endpoint; while it is being"
        " rolled give the old and the new one, separated by a comma.",
    )


PROVIDER = Provider(
    name="stripe",
    title="Stripe",
    category="payment",
    summary="Card and bank payments, refunds and disputes from Stripe, booked on your"
    " invoices.",
    settings=Settings,
    # Listening needs the signing secret alone; acting at Stripe needs the key.
    required=(("api_key",), ("webhook_secret",)),
    # The second is the page payers are sent to.
    hosts=("api.stripe.com", PAGES_HOST),
    # Live accounts may make 100 requests a second, test ones 25.
    budget=Budget(per_second=20, concurrency=4),
    docs_url="https://docs.stripe.com/api",
    checkout_label="Pay by card",
    remembers_keys=timedelta(hours=24),
    after_unknown_outcome="person",
)

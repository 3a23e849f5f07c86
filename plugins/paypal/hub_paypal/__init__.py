"""PayPal for the hub: what this plugin can do, at a glance."""

from collections.abc import Iterable
from typing import Any

from hub.hookspecs import hookimpl
from hub.sdk import clock, ledger
from hub.sdk.context import Context
from hub.sdk.facts import Fact
from hub.sdk.provider import Provider
from hub.sdk.webhooks import InboundWebhook, Result, Verified, WebhookRequest
from hub_paypal import checkout, client, webhooks
from hub_paypal.provider import PROVIDER

test_connection = hookimpl(client.test)
register_webhook = hookimpl(client.register_webhook)
start_checkout = hookimpl(checkout.start)
finish_checkout = hookimpl(checkout.settle)
cancel_checkout = hookimpl(checkout.cancel)
refund_payment = hookimpl(checkout.refund)


@hookimpl
def describe_provider() -> Provider:
    return PROVIDER


@hookimpl
def webhook_key_url(request: WebhookRequest, ctx: Context) -> str:
    return webhooks.key_url(request, ctx.settings)


@hookimpl
def verify_webhook(request: WebhookRequest, ctx: Context) -> Verified:
    return webhooks.verify(request, ctx.settings, now=clock.now())


@hookimpl
def handle_webhook(webhook: InboundWebhook, ctx: Context) -> Iterable[Result]:
    return [webhooks.parse(webhook, ctx.settings)]


@hookimpl
def check_payment(attempt: ledger.Charge, ctx: Context) -> Iterable[Fact]:
    return checkout.settle(attempt, ctx)


# Not named `simulator`: importing the module of that name would take its place.
@hookimpl(specname="simulator")
def play_paypal() -> Any:
    from hub_paypal.simulator import Simulator

    return Simulator

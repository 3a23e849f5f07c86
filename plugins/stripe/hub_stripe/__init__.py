"""Stripe for the hub: what this plugin can do, at a glance."""

from collections.abc import Iterable
from typing import Any

from hub.hookspecs import hookimpl
from hub.sdk import clock, ledger
from hub.sdk.context import Context
from hub.sdk.facts import Fact
from hub.sdk.provider import Provider
from hub.sdk.webhooks import InboundWebhook, Result, Verified, WebhookRequest
from hub_stripe import checkout, client, webhooks
from hub_stripe.provider import PROVIDER

test_connection = hookimpl(client.test)
start_checkout = hookimpl(checkout.start)
finish_checkout = hookimpl(checkout.settle)
cancel_checkout = hookimpl(checkout.cancel)
refund_payment = hookimpl(checkout.refund)


@hookimpl
def describe_provider() -> Provider:
    return PROVIDER


@hookimpl
def verify_webhook(request: WebhookRequest, ctx: Context) -> Verified:
    return webhooks.verify(request, ctx.settings, now=clock.now())


@hookimpl
def handle_webhook(webhook: InboundWebhook, ctx: Context) -> Iterable[Result]:
    return [webhooks.parse(webhook, ctx)]


@hookimpl
def check_payment(attempt: ledger.Charge, ctx: Context) -> Iterable[Fact]:
    return checkout.settle(attempt, ctx)


# Not named `simulator`: importing the module of that name would take its place.
@hookimpl(specname="simulator")
def play_stripe() -> Any:
    from hub_stripe.simulator import Simulator

    return Simulator

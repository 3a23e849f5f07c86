"""PayPal for the hub: what this plugin can do, at a glance."""

from collections.abc import Iterable
from typing import Any

from hub.hookspecs import hookimpl
from hub.sdk import clock, ledger
from hub.sdk.context import Context
from hub.sdk.provider import Provider
from hub.sdk.webhooks import InboundWebhook, Result, Verified, WebhookRequest


@hookimpl
def describe_provider() -> Provider:
    from hub_paypal.provider import PROVIDER

    return PROVIDER


@hookimpl
def test_connection(ctx: Context) -> str:
    from hub_paypal import client

    return client.test(ctx)


@hookimpl
def webhook_key_url(request: WebhookRequest, ctx: Context) -> str:
    from hub_paypal import webhooks

    return webhooks.key_url(request, ctx.settings)


@hookimpl
def verify_webhook(request: WebhookRequest, ctx: Context) -> Verified:
    from hub_paypal import webhooks

    return webhooks.verify(request, ctx.settings, now=clock.now())


@hookimpl
def handle_webhook(webhook: InboundWebhook, ctx: Context) -> Iterable[Result]:
    from hub_paypal import webhooks

    return [webhooks.parse(webhook, ctx.settings)]


@hookimpl
def register_webhook(ctx: Context) -> ledger.Registration:
    from hub_paypal import client, webhooks

    return client.register_webhook(ctx, tuple(webhooks.READERS))


# Not named `simulator`: importing the module of that name would take its place.
@hookimpl(specname="simulator")
def play_paypal() -> Any:
    from hub_paypal.simulator import Simulator

    return Simulator

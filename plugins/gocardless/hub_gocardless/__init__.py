"""GoCardless for the hub: what this plugin can do, at a glance."""

from collections.abc import Iterable, Iterator
from typing import Any

from hub.hookspecs import hookimpl
from hub.sdk import ledger
from hub.sdk.context import Context
from hub.sdk.facts import Fact
from hub.sdk.provider import Provider
from hub.sdk.sync import Page
from hub.sdk.webhooks import InboundWebhook, Result, Verified, WebhookRequest
from hub_gocardless import (
    catching_up,
    checkout,
    client,
    debits,
    mandates,
    refunds,
    webhooks,
)
from hub_gocardless.provider import PROVIDER

test_connection = hookimpl(client.test)
start_checkout = hookimpl(checkout.start)
finish_checkout = hookimpl(checkout.finish)
cancel_checkout = hookimpl(checkout.cancel)
refund_payment = hookimpl(refunds.refund)
start_mandate = hookimpl(mandates.start)
finish_mandate = hookimpl(mandates.finish)
cancel_mandate = hookimpl(mandates.cancel)
collect_payment = hookimpl(debits.collect)


@hookimpl
def describe_provider() -> Provider:
    return PROVIDER


@hookimpl
def verify_webhook(request: WebhookRequest, ctx: Context) -> Verified:
    return webhooks.verify(request, ctx.settings)


@hookimpl
def handle_webhook(webhook: InboundWebhook, ctx: Context) -> Iterable[Result]:
    return webhooks.parse(webhook, ctx)


@hookimpl
def check_payment(attempt: ledger.Charge, ctx: Context) -> Iterable[Fact]:
    return checkout.settle(attempt, ctx)


@hookimpl
def sync(ctx: Context, cursor: str | None) -> Iterator[Page]:
    return catching_up.pages(ctx, cursor)


# Not named `simulator`: importing the module of that name would take its place.
@hookimpl(specname="simulator")
def play_gocardless() -> Any:
    from hub_gocardless.simulator import Simulator

    return Simulator

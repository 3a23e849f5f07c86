"""A plugin for tests, installed as a distribution of its own on PYTHONPATH.

It posts each event to the provider and does what the provider's answer says.
"""

import os
import signal
from datetime import timedelta

from hub.hookspecs import hookimpl
from hub.sdk.context import Context
from hub.sdk.events import Event
from hub.sdk.provider import Budget, Provider, SettingsSchema


@hookimpl
def describe_provider() -> Provider:
    return Provider(
        name="toy",
        title="Toy",
        category="notify",
        summary="For tests.",
        settings=SettingsSchema,
        hosts=("toy.example.com",),
        budget=Budget(per_second=1000, concurrency=8),
        max_age={"invoice.paid": timedelta(hours=1)},
        after_unknown_outcome="resend",
    )


@hookimpl
def on_payment_received(event: Event, ctx: Context) -> None:
    reply = ctx.http.post(
        "https://toy.example.com/news", json={"name": event.data["name"]}
    )
    if reply.text == "crash":
        os.kill(os.getpid(), signal.SIGKILL)

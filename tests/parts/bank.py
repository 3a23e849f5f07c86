"""A small provider of our own: signs with HMAC, tells of payments, does as told."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from hub.api import health
from hub.api.webhooks import Webhooks
from hub.boot import Hub
from hub.core.models import Connection, InboundWebhook, PluginSwitch
from hub.db import Database
from hub.hookspecs import EVENT_HOOKS, hookimpl
from hub.jobs import Bell
from hub.plugins import Plugins, check
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, SignatureError
from hub.sdk.facts import Match, PaymentReceived
from hub.sdk.money import Money
from hub.sdk.provider import Provider, SettingsSchema, secret, text
from hub.sdk.webhooks import (
    Answer,
    Heard,
    Result,
    Unheard,
    Verified,
    WebhookRequest,
    read_json,
)
from hub.sdk.webhooks import InboundWebhook as Webhook
from hub.settings import Settings
from tests.parts.hub import KEY, connect, plugin

SECRET = "a secret of the bank"


class BankSettings(SettingsSchema):
    signing_secret = secret("Signing secret")
    key_base_url = text("Where keys are fetched from")


def event(id: str, amount: str = "10.00", **more: Any) -> dict[str, Any]:
    """An event that tells of a payment."""
    return {"id": id, "type": "money.in", "amount": amount, **more}


def body_of(id: str | None, *events: dict[str, Any], **more: Any) -> bytes:
    """A webhook's body."""
    return json.dumps({"id": id, "events": list(events), **more}).encode()


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


@dataclass(eq=False)
class BankPlugin:
    """The plugin. `before` runs at the start of the hook; `key_url`, `verified` and
    `results` replace what the others do."""

    before: Callable[[Webhook, Context], None] = lambda webhook, ctx: None
    results: Callable[[Webhook, Context], Iterable[Result]] | None = None
    verified: Callable[[WebhookRequest, Context], Any] | None = None
    key_url: Callable[[WebhookRequest, Context], str | None] = lambda request, ctx: None
    handled: list[str] = field(default_factory=list)
    types: tuple[str, ...] = ("application/json",)

    @hookimpl
    def describe_provider(self) -> Provider:
        return Provider(
            name="bank",
            title="Bank",
            category="payment",
            summary="For tests.",
            settings=BankSettings,
            webhook_paths=("", "status"),
            webhook_methods=("POST", "GET"),
            webhook_types=self.types,
        )

    @hookimpl
    def webhook_key_url(self, request: WebhookRequest, ctx: Context) -> str | None:
        return self.key_url(request, ctx)

    @hookimpl
    def verify_webhook(self, request: WebhookRequest, ctx: Context) -> Verified:
        if self.verified is not None:
            found: Verified = self.verified(request, ctx)
            return found
        known = ctx.settings.get("signing_secret")
        given = request.headers.get("X-Signature", "").encode("latin-1")
        if not known or not hmac.compare_digest(
            signature(request.body, known).encode(), given
        ):
            raise SignatureError("The signature doesn't fit.")
        body = read_json(request.body)
        if not isinstance(body, dict) or "id" not in body:
            raise PayloadError("There is no id.")
        if body.get("challenge"):
            reply = Answer(body=body["challenge"].encode())
            return Verified(dedupe_key=None, answer=reply, keep=False)
        answer = Answer(status=204) if body.get("quiet") else None
        return Verified(dedupe_key=body["id"], answer=answer)

    @hookimpl
    def handle_webhook(self, webhook: Webhook, ctx: Context) -> Iterable[Result]:
        self.handled.append(webhook.id)
        self.before(webhook, ctx)
        if self.results is not None:
            yield from self.results(webhook, ctx)
            return
        for told in webhook.json()["events"]:
            yield heard(told)


def heard(told: dict[str, Any]) -> Result:
    """Understand one event."""
    if "error" in told:
        error = PayloadError(told["error"])
        return Unheard(event_id=told["id"], event_type=told["type"], error=error)
    fact = PaymentReceived(
        id=told["id"],
        as_of=clock.now() - timedelta(minutes=1),
        reference=told.get("reference", told["id"]),
        amount=Money.parse(told["amount"], "EUR"),
        match=Match(invoice_number=told.get("invoice")),
    )
    return Heard(event_id=told["id"], event_type=told["type"], facts=(fact,))


@dataclass
class Bank:
    """A hub with the bank connected, and how to write to it."""

    hub: Hub
    plugin: BankPlugin
    connection: Connection
    client: Client

    def post(self, body: bytes, path: str = "", **options: Any) -> TestResponse:
        """Send what the bank would."""
        headers = {"X-Signature": signature(body), **options.pop("headers", {})}
        return self.client.post(
            f"/webhooks/bank{path}",
            data=body,
            content_type=options.pop("content_type", "application/json"),
            headers=headers,
            **options,
        )

    def kept(self) -> list[InboundWebhook]:
        """All rows, oldest first."""
        from sqlalchemy import select

        with self.hub.read() as session:
            rows = session.scalars(select(InboundWebhook)).all()
        return sorted(rows, key=lambda row: row.id)


def make_hub(database: Database, settings: Settings, bank: BankPlugin) -> Hub:
    """A hub that knows the bank and somebody who hears every event."""
    plugins = Plugins([check("bank", bank), plugin("ears", "notify", *EVENT_HOOKS)])
    return Hub(
        settings=settings,
        database=database,
        plugins=plugins,
        bell=Bell(settings.redis_url or ""),
        keys=(KEY,),
    )


@pytest.fixture
def bank(database: Database, settings: Settings) -> Iterator[Bank]:
    """The bank, connected as `bank`; `ears` hears what happens."""
    yield connected(database, settings)


def connected(database: Database, settings: Settings) -> Bank:
    """Connect the bank in this database."""
    from dataclasses import replace

    secrets = {"BANK_SIGNING_SECRET": SECRET}
    settings = replace(settings, environ={**settings.environ, **secrets})
    bank = BankPlugin()
    hub = make_hub(database, settings, bank)
    with hub.write() as session:
        session.add_all(
            [
                PluginSwitch(name="bank", enabled=True),
                PluginSwitch(name="ears", enabled=True),
            ]
        )
    connection = connect(hub, "bank")
    connect(hub, "ears")
    return Bank(hub, bank, connection, serving(hub))


def serving(hub: Hub) -> Client:
    """A client of the endpoints that need neither API nor pages."""
    app = Flask("hub")
    app.register_blueprint(health.blueprint(hub))
    return Client(Webhooks(hub, app.wsgi_app))

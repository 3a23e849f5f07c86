"""A made-up provider with a good plugin, to try the suites on."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from hub.hookspecs import hookimpl
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, SignatureError
from hub.sdk.events import Event
from hub.sdk.facts import Fact, PaymentReceived
from hub.sdk.money import Money
from hub.sdk.provider import Provider, SettingsSchema, secret, text
from hub.sdk.sync import Page
from hub.sdk.webhooks import (
    Heard,
    InboundWebhook,
    Result,
    Unheard,
    Verified,
    WebhookRequest,
)

TOLERANCE = timedelta(minutes=5)
API = "https://api.acme.example"


class Settings(SettingsSchema):
    webhook_secret = secret("Webhook secret")
    api_key = secret("API key")
    account = text("Account", load_default="main")


@hookimpl
def describe_provider() -> Provider:
    return Provider(
        name="acme",
        title="Acme",
        category="payment",
        summary="Takes payments.",
        settings=Settings,
        required=(("api_key",),),
        hosts=("api.acme.example",),
        docs_url="https://docs.acme.example/",
        remembers_keys=timedelta(hours=24),
        max_age={"payment.received": timedelta(hours=4)},
    )


def sign(secret: str, time: str, body: bytes) -> str:
    return hmac.new(secret.encode(), time.encode() + body, hashlib.sha256).hexdigest()


@hookimpl
def verify_webhook(request: WebhookRequest, ctx: Context) -> Verified:
    time = request.headers.get("Acme-Time", "")
    given = request.headers.get("Acme-Signature", "").encode()
    secrets = filter(None, (ctx.settings.get("webhook_secret") or "").split(","))
    expected = [sign(secret, time, request.body).encode() for secret in secrets]
    if not any(hmac.compare_digest(given, one) for one in expected):
        raise SignatureError("The signature does not fit.")
    if abs(ctx.now() - clock.parse(time)) > TOLERANCE:
        raise SignatureError("The request is too old.")
    return Verified(dedupe_key=hashlib.sha256(request.body).hexdigest())


@hookimpl
def handle_webhook(webhook: InboundWebhook) -> Iterable[Result]:
    try:
        event = webhook.json()
        known = event["type"] == "payment.made"
        facts = (payment(event["payment"]),) if known else ()
        yield Heard(event_id=str(event["id"]), event_type="x", facts=facts)
    except (KeyError, TypeError, ValueError, PayloadError):
        error = PayloadError("The event is not readable.")
        yield Unheard(event_id=webhook.id, event_type="", error=error)


def payment(data: Any) -> Fact:
    return PaymentReceived(
        id=f"payment:{data['id']}",
        as_of=clock.parse(data["at"]),
        reference=data["id"],
        amount=Money.parse(data["amount"], data["currency"]),
    )


@hookimpl
def test_connection(ctx: Context) -> str:
    return str(ctx.http.get(f"{API}/v1/me", token=ctx.settings["api_key"]).json()["me"])


@hookimpl
def on_payment_received(event: Event, ctx: Context) -> str:
    reply = ctx.http.post(
        f"{API}/v1/notes",
        json={"text": f"{event.data['amount']} {event.data['currency']}"},
        token=ctx.settings["api_key"],
        headers={"Acme-Key": ctx.idempotency_key()},
    )
    return str(reply.json()["id"])


@hookimpl
def sync(ctx: Context, cursor: str | None) -> Iterator[Page]:
    while True:
        page = ctx.http.get(
            f"{API}/v1/payments",
            params={"after": cursor or ""},
            token=ctx.settings["api_key"],
        ).json()
        cursor = page["next"]
        yield Page(facts=tuple(map(payment, page["payments"])), cursor=cursor)
        if cursor is None:
            return


# Not named `simulator`: importing the module of that name would take its place.
@hookimpl(specname="simulator")
def play_acme() -> Any:
    from tests.sdk.acme.simulator import Acme

    return Acme


def webhook_of(event: Any, secret: str) -> tuple[dict[str, str], bytes]:
    """Make a signed webhook."""
    body, time = json.dumps(event).encode(), clock.iso(clock.now())
    return {"Acme-Time": time, "Acme-Signature": sign(secret, time, body)}, body

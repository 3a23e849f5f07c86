"""What the hub does at Twilio: check and build the text (pure), then one call."""

import re
from typing import Final
from urllib.parse import urlencode, urlsplit

from hub.sdk.context import Context
from hub.sdk.errors import (
    CredentialsError,
    RejectedError,
    SettingsError,
    UnexpectedResponseError,
)
from hub.sdk.events import Message
from hub.sdk.http import is_loopback
from hub.sdk.phones import e164
from hub_twilio import client
from hub_twilio.provider import sender_of

LONGEST: Final = 1600
_SID = re.compile(r"(?:SM|MM)[A-Za-z0-9]{1,64}\Z", re.ASCII)
NO_REPORTS: Final = (
    " Twilio can't reach the hub at its present address, so it won't tell what became"
    " of texts, or what people answer: set HUB_BASE_URL to the public https address."
)


def send_message(message: Message, ctx: Context) -> str:
    """Send a text and return Twilio's id of it."""
    made = client.create(ctx, form(message, ctx))
    sid = made.get("sid")
    if isinstance(sid, str) and _SID.match(sid):
        return sid
    raise UnexpectedResponseError(
        "Twilio took the text, but told no id of it. Look for it in the Twilio console"
        " before you send it again.",
        outcome_unknown=True,
    )


def form(message: Message, ctx: Context) -> dict[str, str]:
    """Return what is posted; RejectedError for what Twilio couldn't send."""
    service, sender = ctx.settings.get("messaging_service_sid"), sender_of(ctx.settings)
    if not sender:
        raise SettingsError("Enter a from number or a messaging service to text from.")
    return {
        "To": number(message.to),
        "MessagingServiceSid" if service else "From": sender,
        "Body": _body(message),
        # Curly quotes and dashes would more than double a text's price.
        "SmartEncoded": "true",
        **callback(ctx),
    }


def number(to: str | None) -> str:
    """Return a phone number in the form that Twilio takes (E.164)."""
    try:
        return e164(to or "")
    except ValueError:
        raise RejectedError(
            "A text needs a phone number with country code, as +49 30 123456."
        ) from None


def callback(ctx: Context) -> dict[str, str]:
    """Say where delivery reports go, with our own id of the text: it leads back to
    the delivery even where the answer to our call is lost.

    An address that Twilio can't use is left out: it would refuse the whole text.
    """
    if not is_reachable(ctx):
        return {}
    mine = f"?{urlencode({'mid': ctx.delivery})}" if ctx.delivery else ""
    return {"StatusCallback": f"{ctx.webhook_url}/status{mine}"}


def is_reachable(ctx: Context) -> bool:
    """Tell whether Twilio, or what stands in for it, can call the hub."""
    parts = urlsplit(ctx.webhook_url)
    host = parts.hostname or ""
    if "_" in host:
        return False
    if not client.is_twilio_itself(ctx):
        return parts.scheme in ("https", "http")
    return parts.scheme == "https" and "." in host and not is_loopback(host)


def test_connection(ctx: Context) -> str:
    """Fetch the account: it has to be active."""
    account = client.account(ctx)
    status = account.get("status")
    if not isinstance(status, str):
        raise UnexpectedResponseError("Twilio's answer tells no state of the account.")
    if status != "active":
        state = "suspended" if status == "suspended" else "closed"
        raise CredentialsError(
            f"The Twilio account is {state}. See the Twilio console, or ask its"
            " support."
        )
    said = f"Twilio knows the account. Texts come from {sender_of(ctx.settings)}."
    if account.get("type") == "Trial":
        said += " It is a trial account: it texts verified numbers only."
    return said if is_reachable(ctx) else said + NO_REPORTS


def _body(message: Message) -> str:
    if message.blocks:
        raise RejectedError("A text message takes a text only, no blocks.")
    if not message.text.strip():
        raise RejectedError("The message is empty: give it a text.")
    if len(message.text) > LONGEST:
        raise RejectedError(
            f"The text has {len(message.text)} characters; Twilio takes {LONGEST} at"
            " the most. Shorten it."
        )
    return message.text

"""Outgoing webhooks, described as data."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import ValidationError, validates

from hub.sdk.addresses import is_loopback, is_off_limits, networks
from hub.sdk.provider import Budget, Provider, SettingsSchema, secret, text
from hub_outbound import signing

_ODD = re.compile(r"[^\x21-\x7e]")
ADDRESS: Final = (
    "Enter the receiver's whole address, as https://example.com/hooks; http:// is for"
    " this machine only. No name and password go into it."
)
NOWHERE: Final = (
    "This is a link-local, multicast or metadata address, which no receiver has."
)
NETWORKS: Final = "Enter networks such as 10.20.0.0/16, separated by commas."


class OutboundSettings(SettingsSchema):
    """Keys and order of the connection's form."""

    url = text("Address", "Where each event is posted to, as JSON.")
    signing_secret = secret(
        "Signing secret",
        "The receiver checks signatures with it. Make one with: echo"
        ' "whsec_$(openssl rand -base64 32)". While it is being changed the new and the'
        " old one, separated by a comma.",
    )
    allowed_networks = text(
        "Allowed private networks",
        "Networks such as 10.20.0.0/16, separated by commas. Without them only public"
        " addresses are called.",
        load_default="",
    )

    @validates("url")
    def _check_url(self, value: str, **_options: Any) -> None:
        if value and (problem := problem_of(value)):
            raise ValidationError(problem)

    @validates("signing_secret")
    def _check_secret(self, value: str, **_options: Any) -> None:
        try:
            signing.secrets_of(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None

    @validates("allowed_networks")
    def _check_networks(self, value: str, **_options: Any) -> None:
        try:
            networks(value)
        except ValueError:
            raise ValidationError(NETWORKS) from None


def problem_of(url: str) -> str:
    """Say what is wrong with a receiver's address; "" if nothing is."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return ADDRESS
    host = parts.hostname or ""
    if not host or _ODD.search(url) or "@" in parts.netloc or parts.fragment:
        return ADDRESS
    if is_off_limits(host):
        return NOWHERE
    local = parts.scheme == "http" and is_loopback(host)
    return "" if parts.scheme == "https" or local else ADDRESS


def describe_provider() -> Provider:
    """Describe a receiver of webhooks to the hub."""
    return Provider(
        name="outbound",
        title="Outgoing webhooks",
        category="other",
        summary="Posts every event as signed JSON to an address of yours:"
        " Zapier, n8n, a script.",
        settings=OutboundSettings,
        required=(("url", "signing_secret"),),
        # The address that the admin entered is the only one that is called.
        hosts=(),
        budget=Budget(per_second=10.0, concurrency=4),
        docs_url="https://www.standardwebhooks.com/",
        # A receiver knows by webhook-id what it has had already.
        after_unknown_outcome="resend",
        anywhere=True,
    )

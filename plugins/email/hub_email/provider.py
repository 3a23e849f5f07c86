"""E-mail over SMTP, described as data."""

import re
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields, validate, validates_schema

from hub.sdk.http import is_loopback
from hub.sdk.provider import Budget, Provider, SettingsSchema, secret, text
from hub_email.mailboxes import mailbox

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25, "insecure": 25}
_HOST = re.compile(r"[\w-]+(\.[\w-]+)*|[0-9a-fA-F:]*:[0-9a-fA-F:]+")

NO_HOST: Final = (
    "Enter the server's name alone, such as smtp.example.com: no https://, and the"
    " port in its own field."
)
NO_MAILBOX: Final = (
    "Enter one address, such as billing@example.com or Example IT"
    " <billing@example.com>."
)
NOT_HERE: Final = (
    "Without encryption only a server on this machine is spoken to. Choose starttls"
    " or tls; or insecure, if you want everybody on the way to be able to read it."
)
NOT_IN_THE_OPEN: Final = (
    "A password is never sent to another machine without encryption. Choose starttls"
    " or tls, or clear username and password."
)
NOT_ASCII: Final = (
    "Username and password may hold letters of ASCII only: that is all that mail"
    " servers understand in common."
)


def check_host(host: str) -> None:
    """Refuse what is no server's name."""
    if not _HOST.fullmatch(host):
        raise ValidationError(NO_HOST)


def check_mailbox(address: str) -> None:
    """Refuse what mail can't come from."""
    if mailbox(address) is None:
        raise ValidationError(NO_MAILBOX)


def check_ascii(value: str) -> None:
    """Refuse what can't be said when signing in."""
    if not (value.isascii() and value.isprintable()):
        raise ValidationError(NOT_ASCII)


class EmailSettings(SettingsSchema):
    """Keys and order of the connection's form."""

    host = text(
        "Mail server",
        "Your provider's SMTP server: smtp.office365.com, smtp.gmail.com, a relay.",
        validate=check_host,
    )
    port = fields.Integer(
        validate=validate.Range(1, 65535),
        metadata={
            "title": "Port",
            "help": "Empty for the usual one: 587 for starttls, 465 for tls, else 25.",
        },
    )
    tls = fields.String(
        load_default="starttls",
        validate=validate.OneOf(
            list(PORTS),
            labels=[
                "STARTTLS",
                "TLS from the start",
                "None, on this machine only",
                "None at all: others can read it",
            ],
        ),
        metadata={
            "title": "Encryption",
            "help": "The server's certificate is checked.",
        },
    )
    username = text("Username", "Usually the address.", validate=check_ascii)
    password = secret(
        "Password", "Best one made for the hub (app password).", validate=check_ascii
    )
    from_address = text(
        "From",
        "Who mail comes from: billing@example.com or Example IT <billing@example.com>."
        " The server must let you write as it.",
        validate=check_mailbox,
    )

    @validates_schema
    def _check_together(self, data: Mapping[str, Any], **_options: Any) -> None:
        """Judge what is there: half a form may be saved."""
        if is_open(data) and not is_loopback(data.get("host") or "localhost"):
            if data["tls"] == "none":
                raise ValidationError(NOT_HERE, "tls")
            if data.get("password"):
                raise ValidationError(NOT_IN_THE_OPEN, "tls")


def is_open(settings: Mapping[str, Any]) -> bool:
    """Tell whether nothing is encrypted on the way to the server."""
    return settings.get("tls") in ("none", "insecure")


def port_of(settings: Mapping[str, Any]) -> int:
    """Return the port in use."""
    return int(settings.get("port") or PORTS[settings["tls"]])


def describe_provider() -> Provider:
    """Describe e-mail to the hub."""
    return Provider(
        name="email",
        title="E-mail",
        category="notify",
        summary="Sends invoices, reminders, receipts and notices by e-mail (SMTP).",
        settings=EmailSettings,
        required=(("host", "from_address"),),
        # The server is the one the admin entered.
        hosts=(),
        # Office 365 takes three at a time, and thirty a minute in the long run.
        budget=Budget(per_second=2.0, concurrency=2),
        after_unknown_outcome="resend",
        reach="email",
        sender_keys=("from_address",),
    )

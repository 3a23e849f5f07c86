"""The fields we read of Stripe's objects; unknown ones are passed over."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from hub.sdk import schemas
from hub.sdk.errors import PayloadError
from hub.sdk.money import Money
from hub.sdk.schemas import Number, OptionalText, Text, optional
from hub_stripe import amounts


def read(schema: type[Schema], data: Any, what: str) -> dict[str, Any]:
    """Load `data`, or raise PayloadError naming the fields, never their values."""
    return schemas.read(schema, data, f"Stripe's {what}")


def money(number: int, currency: str, what: str) -> Money:
    """Put an amount and its currency together, or raise PayloadError."""
    try:
        return amounts.read(number, currency)
    except ValueError:
        raise PayloadError(f"Stripe's {what} has an amount that is none.") from None


_ID = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)


class Id(fields.Field[str]):
    """An id of Stripe's, fit to stand in a URL. Where it was expanded, the object's
    own id is meant."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**optional(options))

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> str:
        found = value.get("id") if isinstance(value, Mapping) else value
        if not isinstance(found, str) or not _ID.fullmatch(found):
            raise ValidationError("not an id")
        return found


class Moment(fields.Field[datetime]):
    """Seconds since 1970, UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**optional(options))

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> datetime:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError("not a time")
        try:
            return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError):
            raise ValidationError("not a time") from None


class Loose(Schema):
    """Stripe adds fields as it likes."""

    class Meta:
        unknown = EXCLUDE


class EventData(Loose):
    object = fields.Raw(required=True)


class Envelope(Loose):
    """A webhook event around its object."""

    type = Text(required=True)
    created = Moment(required=True)
    livemode = fields.Boolean(load_default=False)
    data = fields.Nested(EventData, required=True)


class Metadata(Loose):
    """What the hub wrote onto its own sessions and payment intents."""

    hub_payment = OptionalText()
    hub_invoice = OptionalText()


class Session(Loose):
    id = Id(required=True)
    mode = OptionalText()
    status = OptionalText()
    payment_status = Text(required=True)
    amount_total = Number(load_default=None, allow_none=True)
    currency = OptionalText()
    client_reference_id = OptionalText()
    payment_intent = Id()
    expires_at = Moment()
    url = OptionalText()
    metadata = fields.Nested(Metadata, load_default=None, allow_none=True)


class PaymentError(Loose):
    code = OptionalText()
    decline_code = OptionalText()


class PaymentIntent(Loose):
    id = Id(required=True)
    status = Text(required=True)
    amount = Number(least=1, required=True)
    amount_received = Number(load_default=0)
    currency = Text(required=True)
    created = Moment(required=True)
    canceled_at = Moment()
    metadata = fields.Nested(Metadata, load_default=None, allow_none=True)
    last_payment_error = fields.Nested(PaymentError, load_default=None, allow_none=True)
    # Read on its own where it was expanded.
    latest_charge = fields.Raw(load_default=None, allow_none=True)


class BalanceTransaction(Loose):
    id = Id(required=True)
    # What Stripe keeps may be more than what a tiny payment brings.
    fee = Number(least=None, required=True)
    net = Number(least=None, required=True)
    currency = Text(required=True)


class Charge(Loose):
    id = Id(required=True)
    amount_refunded = Number(load_default=0)
    currency = Text(required=True)
    created = Moment(required=True)
    payment_intent = Id()
    # Read on its own where it was expanded.
    balance_transaction = fields.Raw(load_default=None, allow_none=True)


class Refund(Loose):
    id = Id(required=True)
    status = OptionalText()
    amount = Number(least=1, required=True)
    currency = Text(required=True)
    created = Moment(required=True)
    charge = Id()
    payment_intent = Id()
    reason = OptionalText()
    failure_reason = OptionalText()


class EvidenceDetails(Loose):
    due_by = Moment()


class Dispute(Loose):
    id = Id(required=True)
    status = Text(required=True)
    amount = Number(required=True)
    currency = Text(required=True)
    charge = Id()
    payment_intent = Id()
    reason = OptionalText()
    evidence_details = fields.Nested(
        EvidenceDetails, load_default=None, allow_none=True
    )


class PaidBy(Loose):
    payment_intent = fields.Raw(load_default=None, allow_none=True)


class InvoicePayment(Loose):
    id = Id(required=True)
    status = OptionalText()
    invoice = Id()
    payment = fields.Nested(PaidBy, load_default=None, allow_none=True)


class InvoicePayments(Loose):
    data = fields.List(fields.Nested(InvoicePayment), required=True)


class Invoice(Loose):
    id = Id(required=True)
    number = OptionalText()
    amount_paid = Number(load_default=0)
    currency = Text(required=True)
    # Both were removed in 2025; older endpoints still send them.
    payment_intent = Id()
    paid_out_of_band = fields.Boolean(load_default=False, allow_none=True)
    payments = fields.Nested(InvoicePayments, load_default=None, allow_none=True)
    metadata = fields.Nested(Metadata, load_default=None, allow_none=True)

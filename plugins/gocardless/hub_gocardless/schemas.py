"""The fields we read of GoCardless's objects; unknown ones are passed over."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from hub.sdk import clock, schemas
from hub.sdk.errors import PayloadError
from hub.sdk.money import Money, exponent
from hub.sdk.schemas import Number, OptionalText, Text, optional


def read(schema: type[Schema], data: Any, what: str) -> dict[str, Any]:
    """Load `data`, or raise PayloadError naming the fields, never their values."""
    return schemas.read(schema, data, f"GoCardless's {what}")


def money(minor: int, currency: str, what: str) -> Money:
    """Put an amount and its currency together. All it takes have two decimals."""
    try:
        if exponent(currency) == 2:
            return Money(minor, currency)
    except ValueError:
        pass
    raise PayloadError(f"GoCardless's {what} has a currency that is none of its.")


class Pattern(fields.Field[str]):
    """Text of one shape only."""

    shape = re.compile("")

    def __init__(self, **options: Any) -> None:
        super().__init__(**optional(options))

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> str:
        if not isinstance(value, str) or not self.shape.fullmatch(value):
            raise ValidationError("not of its shape")
        return value


class Id(Pattern):
    """An id of GoCardless's, fit to stand in a URL. It is opaque."""

    shape = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


class Day(Pattern):
    """A plain date, passed on as it is."""

    shape = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


_FRACTION = re.compile(r"-?\d{1,15}(\.\d{1,6})?", re.ASCII)


class Fraction(fields.Field[Decimal]):
    """Minor units with a fraction, written as text: `"-24.5"`."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Decimal:
        if isinstance(value, bool) or not _FRACTION.fullmatch(str(value)):
            raise ValidationError("not an amount")
        return Decimal(str(value))


class Moment(fields.Field[datetime]):
    """ISO 8601 with an offset."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> datetime:
        try:
            return clock.parse(value)
        except (TypeError, ValueError, OverflowError):
            raise ValidationError("not a time") from None


class Loose(Schema):
    """GoCardless adds fields as it likes."""

    class Meta:
        unknown = EXCLUDE


def nested(schema: type[Schema]) -> fields.Nested:
    """Nest an object that may be null or missing: then it is empty."""
    return fields.Nested(schema, load_default=None, allow_none=True)


class Metadata(Loose):
    """What the hub wrote onto its own requests and payments."""

    hub_payment = OptionalText()
    hub_invoice = OptionalText()
    hub_request = OptionalText()
    hub_refund = OptionalText()


class EventLinks(Loose):
    payment = Id()
    mandate = Id()
    new_mandate = Id()
    payout = Id()
    refund = Id()
    billing_request = Id()
    mandate_request_mandate = Id()
    payment_request_payment = Id()


class EventDetails(Loose):
    cause = OptionalText()
    will_attempt_retry = fields.Boolean(load_default=None, allow_none=True)


class Event(Loose):
    id = Id(required=True)
    created_at = Moment(required=True)
    resource_type = Text(required=True)
    action = Text(required=True)
    links = nested(EventLinks)
    details = nested(EventDetails)


class Payment(Loose):
    id = Id(required=True)
    created_at = Moment(required=True)
    charge_date = Day()
    amount = Number(least=1, required=True)
    currency = Text(required=True)
    status = Text(required=True)
    metadata = nested(Metadata)


class MandateLinks(Loose):
    new_mandate = Id()


class Mandate(Loose):
    id = Id(required=True)
    created_at = Moment(required=True)
    status = Text(required=True)
    scheme = OptionalText()
    next_possible_charge_date = Day()
    metadata = nested(Metadata)
    links = nested(MandateLinks)


class RefundLinks(Loose):
    payment = Id()


class Refund(Loose):
    id = Id(required=True)
    created_at = Moment(required=True)
    amount = Number(least=1, required=True)
    currency = Text(required=True)
    # Older ones have none.
    status = OptionalText()
    metadata = nested(Metadata)
    links = nested(RefundLinks)


class Payout(Loose):
    id = Id(required=True)
    # Below zero where more went back than came in.
    amount = Number(least=-(10**15), required=True)
    deducted_fees = Number(least=-(10**15), load_default=None, allow_none=True)
    currency = Text(required=True)
    status = Text(required=True)
    arrival_date = Day()


class ItemLinks(Loose):
    payment = Id()


class PayoutItem(Loose):
    type = Text(required=True)
    amount = Fraction(required=True)
    links = nested(ItemLinks)


class RequestLinks(Loose):
    mandate_request_mandate = Id()
    payment_request_payment = Id()


class PaymentRequest(Loose):
    amount = Number(least=1, required=True)
    currency = Text(required=True)


class BillingRequest(Loose):
    id = Id(required=True)
    created_at = Moment(required=True)
    status = Text(required=True)
    metadata = nested(Metadata)
    links = nested(RequestLinks)
    payment_request = nested(PaymentRequest)

"""The fields we read of PayPal's objects; unknown ones are passed over."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from hub.sdk import clock, schemas
from hub.sdk.money import Money
from hub.sdk.schemas import Text


def read(schema: type[Schema], data: Any, what: str) -> dict[str, Any]:
    """Load `data`, or raise PayloadError naming the fields, never their values."""
    return schemas.read(schema, data, f"PayPal's {what}")


class Id(fields.String):
    """An id of PayPal's, fit to stand in a URL."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            validate=validate.Regexp(r"[A-Za-z0-9_-]{1,64}\Z", re.ASCII), **options
        )


class Moment(fields.Field[datetime]):
    """An ISO 8601 time with an offset."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> datetime:
        try:
            return clock.parse(value)
        except (TypeError, ValueError, OverflowError):
            raise ValidationError("not a time") from None


class Amount(fields.Field[Money]):
    """`{"currency_code", "value"}` with a value ≥ `least`.

    HUF, TWD and JPY come without decimals here, whatever ISO 4217 says.
    """

    def __init__(self, *, least: int | None = 0, **options: Any) -> None:
        super().__init__(**options)
        self.least = least

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Money:
        try:
            money = _money(value)
        except (TypeError, KeyError, ValueError):
            raise ValidationError("not an amount") from None
        if self.least is not None and money.minor < self.least:
            raise ValidationError("too small an amount")
        return money


def _money(value: Any) -> Money:
    number, currency = value["value"], value["currency_code"]
    if not isinstance(number, str) or not isinstance(currency, str):
        raise TypeError("both are text")
    # The contract allows ".50".
    return Money.parse(re.sub(r"^(-?)\.", r"\g<1>0.", number), currency)


class Loose(Schema):
    """PayPal adds fields as it likes."""

    class Meta:
        unknown = EXCLUDE


class Link(Loose):
    """A link between objects. It tells an id by its path and is never followed."""

    rel = fields.String(required=True)
    href = fields.String(required=True)


def linked(links: list[Mapping[str, str]], rel: str, folder: str) -> str | None:
    """Return the id that the link `rel` names below `folder`, if there is one."""
    for link in links:
        if link["rel"] != rel:
            continue
        try:
            path = urlsplit(link["href"]).path
        except ValueError:
            continue
        if found := re.fullmatch(re.escape(folder) + r"([A-Za-z0-9_-]{1,64})", path):
            return found[1]
    return None


class Envelope(Loose):
    """A webhook event around its resource."""

    event_type = Text(required=True)
    create_time = Moment(load_default=None)
    resource = fields.Raw(load_default=None)


class RelatedIds(Loose):
    order_id = Id(load_default=None)


class Supplementary(Loose):
    related_ids = fields.Nested(RelatedIds, load_default=None)


class Receivable(Loose):
    """What a capture brings. A fee above a tiny payment makes the net negative."""

    paypal_fee = Amount(load_default=None)
    net_amount = Amount(least=None, load_default=None)


class StatusDetails(Loose):
    reason = Text(load_default="")


class Capture(Loose):
    id = Id(required=True)
    status = Text(required=True)
    amount = Amount(least=1, required=True)
    custom_id = Text(load_default=None)
    invoice_id = Text(load_default=None)
    create_time = Moment(load_default=None)
    update_time = Moment(load_default=None)
    status_details = fields.Nested(StatusDetails, load_default=None)
    supplementary_data = fields.Nested(Supplementary, load_default=None)
    seller_receivable_breakdown = fields.Nested(Receivable, load_default=None)


class Refund(Loose):
    """A refund, and what a reversal looks like."""

    id = Id(required=True)
    status = Text(load_default="COMPLETED")
    amount = Amount(least=1, required=True)
    note_to_payer = Text(load_default="")
    create_time = Moment(load_default=None)
    update_time = Moment(load_default=None)
    status_details = fields.Nested(StatusDetails, load_default=None)
    links = fields.List(fields.Nested(Link), required=True)


class DisputedTransaction(Loose):
    seller_transaction_id = Id(required=True)
    gross_amount = Amount(load_default=None)


class Outcome(Loose):
    outcome_code = Text(load_default="NONE")


class Dispute(Loose):
    dispute_id = Id(required=True)
    status = Text(required=True, validate=validate.Length(min=1))
    reason = Text(load_default="")
    create_time = Moment(load_default=None)
    update_time = Moment(load_default=None)
    dispute_amount = Amount(load_default=None)
    seller_response_due_date = Moment(load_default=None)
    dispute_outcome = fields.Nested(Outcome, load_default=None)
    disputed_transactions = fields.List(
        fields.Nested(DisputedTransaction),
        required=True,
        validate=validate.Length(min=1),
    )


class PurchaseUnit(Loose):
    custom_id = Text(load_default=None)
    invoice_id = Text(load_default=None)


class Order(Loose):
    id = Id(required=True)
    create_time = Moment(load_default=None)
    update_time = Moment(load_default=None)
    purchase_units = fields.List(
        fields.Nested(PurchaseUnit),
        required=True,
        validate=validate.Length(min=1),
    )

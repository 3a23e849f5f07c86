"""Payments, refunds, disputes and payouts over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import STAFF, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Minor, Moment, OfConnection, Referenced, Shown, Text
from hub.api.lists import readable, show, with_references, with_slugs
from hub.core.ledger import payments
from hub.core.queries.listing import DISPUTES, PAYMENTS, PAYOUTS, REFUNDS

blueprint = Resources("payments", __name__, description="What came in, and went out.")
_with_references = with_references("payment")


def prepare(session: Any, rows: list[Any]) -> None:
    """Set references and connections of payments and of their movements."""
    _with_references(session, rows)
    with_slugs(session, [*rows, *(each for row in rows for each in row.movements)])


class Movement(Shown, OfConnection):
    """One object of money at the provider, in its newest known state."""

    kind = fields.String()
    reference = fields.String()
    provider = fields.String()
    payment_id = fields.String(allow_none=True)
    amount = Minor("amount_minor", allow_none=True)
    currency = fields.String()
    state = fields.String()
    as_of = Moment()
    reason = fields.String()
    url = fields.String()


class Dispute(Movement):
    """A case about a payment; `respond_by` is when our answer is due."""

    respond_by = Moment(allow_none=True)


class Payment(Referenced, OfConnection):
    """A payment as its movements tell it."""

    provider = fields.String()
    reference = fields.String()
    invoice_id = fields.String(allow_none=True)
    state = fields.String()
    attention = fields.String(allow_none=True)
    amount = Minor("amount_minor")
    currency = fields.String()
    refunded_amount = Minor("refunded_minor")
    charged_back_amount = Minor("charged_back_minor")
    disputed = fields.Boolean()
    fee = Minor("fee_minor", allow_none=True)
    net = Minor("net_minor", allow_none=True)
    method = fields.String()
    payer = fields.String()
    reason = fields.String()
    url = fields.String()
    received_at = Moment(allow_none=True)
    movements = fields.List(fields.Nested(Movement))


class PayoutLine(ma.Schema):
    """One line of a payout; `kind` in the provider's word, `payment` its reference."""

    kind = fields.String()
    amount = fields.String()
    currency = fields.String()
    payment = fields.String(allow_none=True)


class Payout(Shown, OfConnection):
    """Money a provider sent to our bank, fees already off."""

    provider = fields.String()
    reference = fields.String()
    amount = Minor("amount_minor")
    fee = Minor("fee_minor", allow_none=True)
    currency = fields.String()
    state = fields.String()
    arrives_on = fields.Date(allow_none=True)
    url = fields.String()
    lines = fields.List(fields.Nested(PayoutLine))


class Assignment(ma.Schema):
    """The invoice a person assigns a payment to."""

    invoice_id = Text(required=True)


readable(blueprint, "/payments", PAYMENTS, Payment, prepare=prepare)
readable(blueprint, "/refunds", REFUNDS, Movement, prepare=with_slugs)
readable(blueprint, "/disputes", DISPUTES, Dispute, prepare=with_slugs)
readable(blueprint, "/payouts", PAYOUTS, Payout, prepare=with_slugs)


@blueprint.route("/payments/<string:id>/assign", methods=["POST"])
@allowed(*STAFF)
@blueprint.arguments(Assignment)
@blueprint.response(200, Payment)
def assign(values: dict[str, Any], id: str) -> Any:
    """Assign money that needs a person to an invoice; this is final."""
    with the_hub().write() as session:
        payments.assign(session, id, values["invoice_id"], actor=actor())
        return show(session, PAYMENTS, id, prepare)

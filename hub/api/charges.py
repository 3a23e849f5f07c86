"""Payments under way over HTTP: checkouts begun for a client, refunds asked for."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import STAFF, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Exact, Minor, Moment, OfConnection, Shown, Text
from hub.api.lists import readable, with_slugs
from hub.core.checkouts import checkout, refunds
from hub.core.ledger import invoices, payments
from hub.core.ledger.amounts import amount_of
from hub.core.people import portal_links
from hub.core.queries.listing import CHARGES, REFUND_REQUESTS
from hub.sdk.errors import ConflictError

blueprint = Resources(
    "charges", __name__, description="Payments and refunds that are under way."
)


class Charge(Shown, OfConnection):
    """An attempt to pay an invoice; `reference` is the provider's checkout."""

    invoice_id = fields.String()
    mandate_id = fields.String(allow_none=True)
    amount = Minor("amount_minor")
    currency = fields.String()
    state = fields.String()
    reference = fields.String(allow_none=True)
    problem = fields.String()
    approved_at = Moment(allow_none=True)
    closed_at = Moment(allow_none=True)
    next_check_at = Moment(allow_none=True)


class RefundRequest(Shown):
    """A refund somebody asked for; `refund_reference` is the provider's refund."""

    payment_id = fields.String()
    amount = Minor("amount_minor")
    currency = fields.String()
    state = fields.String()
    refund_reference = fields.String(allow_none=True)
    asked_by = fields.String()
    problem = fields.String()
    closed_at = Moment(allow_none=True)
    next_check_at = Moment(allow_none=True)


class NewCheckout(ma.Schema):
    """Through which connection it is paid; left out of it, all that is open."""

    connection = Text(required=True)
    amount = Exact(load_default=None)


class Checkout(ma.Schema):
    """The provider's page for the client."""

    order_id = fields.String()
    approval_url = fields.String()
    charge_id = fields.String()


class NewRefund(ma.Schema):
    """How much goes back; left out, all that is left of the payment."""

    amount = Exact(load_default=None)


readable(blueprint, "/charges", CHARGES, Charge, prepare=with_slugs)
readable(blueprint, "/refund-requests", REFUND_REQUESTS, RefundRequest)


@blueprint.route("/invoices/<string:id>/checkout", methods=["POST"])
@allowed(*STAFF)
@blueprint.arguments(NewCheckout)
@blueprint.response(200, Checkout)
def begin(values: dict[str, Any], id: str) -> Any:
    """Open the provider's page on which the client pays; repeated, the same page."""
    hub, amount = the_hub(), None
    with hub.write() as session:
        invoice = invoices.get(session, id)
        if values["amount"] is not None:
            amount = amount_of(values["amount"], invoice.currency)
        back, _ = portal_links.make(session, f"invoice:{id}", actor=actor())
    begun = checkout.begin(hub, id, values["connection"], amount=amount, back=back)
    return {
        "order_id": begun.reference,
        "approval_url": begun.url,
        "charge_id": begun.charge_id,
    }


@blueprint.route("/payments/<string:id>/refund", methods=["POST"])
@allowed(*STAFF)
@blueprint.arguments(NewRefund, required=False)
@blueprint.response(200, RefundRequest)
@blueprint.alt_response(202, schema=RefundRequest, description="Not known yet.")
def refund(values: dict[str, Any], id: str) -> Any:
    """Give money back: 200 when it is done, 202 while that isn't known yet."""
    hub, amount = the_hub(), None
    if values["amount"] is not None:
        with hub.read() as session:
            payment = payments.get(session, id)
            amount = amount_of(values["amount"], payment.currency)
    request = refunds.refund(hub, id, amount, actor())
    if request.state == "refused":
        raise ConflictError(request.problem)
    return request, 202 if request.state == "open" else 200


@blueprint.route("/refund-requests/<string:id>/give-up", methods=["POST"])
@allowed(*STAFF)
@blueprint.response(200, RefundRequest)
def give_up(id: str) -> Any:
    """Say that nothing went back, for a refund whose outcome stayed unknown. Look at
    the provider first: the hub stops asking, and the money can be refunded anew."""
    return refunds.give_up(the_hub(), id, actor=actor())

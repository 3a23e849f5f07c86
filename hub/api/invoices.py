"""Invoices over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import STAFF, WRITERS, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Exact, Minor, Moment, Referenced, Text
from hub.api.lists import readable, show, with_references
from hub.api.payments import Payment
from hub.api.payments import prepare as prepare_payments
from hub.core.checkouts import checkout
from hub.core.ledger import invoices, overdue, payments
from hub.core.ledger.amounts import amount_of
from hub.core.queries.listing import INVOICES, PAYMENTS

blueprint = Resources("invoices", __name__, description="What clients owe.")
_with_references = with_references("invoice")


def _prepare(session: Any, rows: list[Any]) -> None:
    _with_references(session, rows)
    today = invoices.today(session)
    for row in rows:
        row.days_overdue = overdue.days(row, today)
        row.overdue = row.days_overdue > 0
        for line in row.lines:
            line.currency = row.currency  # what its amounts are in


class Line(ma.Schema):
    """One line; `unit_price` in major units, `tax_rate` in percent."""

    description = Text(required=True, most=2000)
    quantity = Exact(load_default="1")
    unit_price = Exact(required=True)
    tax_rate = Exact(load_default="0")
    product_code = Text(allow_none=True)


class ShownLine(Line):
    """A line as it was priced."""

    net = Minor("net_minor")
    tax = Minor("tax_minor")


class Invoice(Referenced):
    """An invoice with its totals."""

    number = fields.String()
    company_id = fields.String()
    company_name = fields.String(attribute="company.name")
    currency = fields.String()
    state = fields.String()
    issue_date = fields.Date()
    due_date = fields.Date()
    overdue = fields.Boolean(dump_only=True)
    days_overdue = fields.Integer(dump_only=True)
    reference = fields.String()
    notes = fields.String()
    net = Minor("net_minor")
    tax = Minor("tax_minor")
    total = Minor("total_minor")
    paid_amount = Minor("paid_minor")
    open_amount = Minor("open_minor")
    sent_at = Moment(allow_none=True, dump_only=True)
    lines = fields.List(fields.Nested(ShownLine))


class NewInvoice(ma.Schema):
    """A new invoice; left out: next number, the company's currency, today, 30 days."""

    company_id = Text(required=True)
    number = Text(most=60)
    currency = Text(most=3)
    issue_date = fields.Date()
    due_date = fields.Date()
    state = fields.String(
        load_default="open", validate=ma.validate.OneOf(("draft", "open"))
    )
    reference = Text()
    notes = Text(most=5000)
    lines = fields.List(fields.Nested(Line), required=True)


class InvoiceChange(ma.Schema):
    """What may change: all of a draft; due date, reference and notes later."""

    number = Text(most=60)
    currency = Text(most=3)
    issue_date = fields.Date()
    due_date = fields.Date()
    reference = Text()
    notes = Text(most=5000)
    lines = fields.List(fields.Nested(Line))


class NewPayment(ma.Schema):
    """Money that came for the invoice outside of every provider."""

    amount = Exact(required=True)
    currency = Text(most=3, load_default=None)
    method = Text(load_default="")
    reference = Text(load_default="")
    payer = Text(load_default="")
    received_at = Moment(load_default=None)


readable(blueprint, "/invoices", INVOICES, Invoice, prepare=_prepare)


@blueprint.route("/invoices", methods=["POST"])
@allowed(*WRITERS)
@blueprint.arguments(NewInvoice)
@blueprint.response(201, Invoice)
def create(values: dict[str, Any]) -> Any:
    """Create an invoice, open unless `state` is draft."""
    with the_hub().write() as session:
        made = invoices.create(session, invoices.NewInvoice(**values), actor=actor())
        return show(session, INVOICES, made.id, _prepare)


@blueprint.route("/invoices/<string:id>", methods=["PATCH"])
@allowed(*WRITERS)
@blueprint.arguments(InvoiceChange)
@blueprint.response(200, Invoice)
def update(values: dict[str, Any], id: str) -> Any:
    """Change an invoice."""
    with the_hub().write() as session:
        invoices.update(session, id, values, actor=actor())
        return show(session, INVOICES, id, _prepare)


@blueprint.route("/invoices/<string:id>/issue", methods=["POST"])
@allowed(*WRITERS)
@blueprint.response(200, Invoice)
def issue(id: str) -> Any:
    """Make a draft an open invoice."""
    with the_hub().write() as session:
        invoices.issue(session, id, actor=actor())
        return show(session, INVOICES, id, _prepare)


@blueprint.route("/invoices/<string:id>/void", methods=["POST"])
@allowed(*STAFF)
@blueprint.response(200, Invoice)
def void(id: str) -> Any:
    """Void an invoice on which no money stands; a page open for it is closed."""
    checkout.clear(the_hub(), id)
    with the_hub().write() as session:
        invoices.void(session, id, actor=actor())
        return show(session, INVOICES, id, _prepare)


@blueprint.route("/invoices/<string:id>/send", methods=["POST"])
@allowed(*WRITERS)
@blueprint.response(200, Invoice)
def send(id: str) -> Any:
    """Say that the invoice goes out: sets `sent_at` and publishes invoice.sent."""
    with the_hub().write() as session:
        invoices.mark_sent(session, id, actor=actor())
        return show(session, INVOICES, id, _prepare)


@blueprint.route("/invoices/<string:id>/payments", methods=["POST"])
@allowed(*WRITERS)
@blueprint.arguments(NewPayment)
@blueprint.response(201, Payment)
def pay(values: dict[str, Any], id: str) -> Any:
    """Record money that came for the invoice; a page open for it is closed."""
    checkout.clear(the_hub(), id)
    with the_hub().write() as session:
        invoice = invoices.get(session, id)
        currency = values.pop("currency") or invoice.currency
        values["amount"] = amount_of(values["amount"], currency)
        made = payments.record_payment(
            session, id, payments.NewPayment(**values), actor=actor()
        )
        return show(session, PAYMENTS, made.id, prepare_payments)

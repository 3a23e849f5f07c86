"""Credit notes over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import STAFF, WRITERS, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Exact, Minor, Referenced, Shown, Text
from hub.api.lists import readable, show, with_references
from hub.core.ledger import companies, credit_notes
from hub.core.ledger.amounts import amount_of
from hub.core.queries.listing import CREDIT_NOTES

blueprint = Resources("credit-notes", __name__, description="What is credited.")
_with_references = with_references("credit_note")


def _prepare(session: Any, rows: list[Any]) -> None:
    _with_references(session, rows)
    for row in rows:
        for allocation in row.allocations:
            allocation.currency = row.currency


class Allocation(Shown):
    """Part of a credit note set against an invoice."""

    invoice_id = fields.String()
    amount = Minor("amount_minor")


class CreditNote(Referenced):
    """An amount credited to a company."""

    number = fields.String()
    company_id = fields.String()
    amount = Minor("amount_minor")
    currency = fields.String()
    issue_date = fields.Date()
    reason = fields.String()
    state = fields.String()
    allocations = fields.List(fields.Nested(Allocation))


class NewCreditNote(ma.Schema):
    """A new credit note; left out: the next number, today."""

    company_id = Text(required=True)
    amount = Exact(required=True)
    currency = Text(load_default=None)
    number = Text(most=60)
    issue_date = fields.Date()
    reason = Text()


class NewAllocation(ma.Schema):
    """The invoice to set it against; without an amount as much as both allow."""

    invoice_id = Text(required=True)
    amount = Exact(load_default=None)


readable(blueprint, "/credit-notes", CREDIT_NOTES, CreditNote, prepare=_prepare)


@blueprint.route("/credit-notes", methods=["POST"])
@allowed(*WRITERS)
@blueprint.arguments(NewCreditNote)
@blueprint.response(201, CreditNote)
def create(values: dict[str, Any]) -> Any:
    """Create a credit note."""
    with the_hub().write() as session:
        currency = values.pop("currency")
        if currency is None:
            currency = companies.get(session, values["company_id"]).currency
        values["amount"] = amount_of(values["amount"], currency)
        new = credit_notes.NewCreditNote(**values)
        made = credit_notes.create(session, new, actor=actor())
        return show(session, CREDIT_NOTES, made.id, _prepare)


@blueprint.route("/credit-notes/<string:id>/allocations", methods=["POST"])
@allowed(*WRITERS)
@blueprint.arguments(NewAllocation)
@blueprint.response(201, CreditNote)
def allocate(values: dict[str, Any], id: str) -> Any:
    """Set the credit note, or part of it, against an invoice."""
    with the_hub().write() as session:
        note = credit_notes.get(session, id)
        wanted = values["amount"]
        money = None if wanted is None else amount_of(wanted, note.currency)
        credit_notes.allocate(session, id, values["invoice_id"], money, actor=actor())
        return show(session, CREDIT_NOTES, id, _prepare)


@blueprint.route("/credit-notes/<string:id>/void", methods=["POST"])
@allowed(*STAFF)
@blueprint.response(200, CreditNote)
def void(id: str) -> Any:
    """Void a credit note that is not allocated."""
    with the_hub().write() as session:
        credit_notes.void(session, id, actor=actor())
        return show(session, CREDIT_NOTES, id, _prepare)

"""Quotes over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import WRITERS, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Minor, Moment, Referenced, Text
from hub.api.invoices import Line, ShownLine
from hub.api.lists import readable, show, with_references
from hub.core.ledger import quotes
from hub.core.queries.listing import QUOTES

blueprint = Resources("quotes", __name__, description="What clients are offered.")
_with_references = with_references("quote")


def _prepare(session: Any, rows: list[Any]) -> None:
    _with_references(session, rows)
    for row in rows:
        for line in row.lines:
            line.currency = row.currency


class Quote(Referenced):
    """A quote with its totals."""

    number = fields.String()
    company_id = fields.String()
    company_name = fields.String(attribute="company.name")
    title = fields.String()
    currency = fields.String()
    state = fields.String()
    valid_until = fields.Date(allow_none=True)
    net = Minor("net_minor")
    tax = Minor("tax_minor")
    total = Minor("total_minor")
    decided_at = Moment(allow_none=True)
    decided_by = fields.String()
    note = fields.String()
    lines = fields.List(fields.Nested(ShownLine))


class NewQuote(ma.Schema):
    """A new quote; left out: the next number, the company's currency."""

    company_id = Text(required=True)
    number = Text(most=60)
    currency = Text()
    title = Text()
    valid_until = fields.Date(allow_none=True)
    lines = fields.List(fields.Nested(Line), required=True)


class QuoteChange(ma.Schema):
    """What may change of an open quote."""

    title = Text()
    valid_until = fields.Date(allow_none=True)
    lines = fields.List(fields.Nested(Line))


class Decision(ma.Schema):
    """Who decided, and what they said."""

    by = Text(load_default="")
    note = Text(load_default="", most=2000)


readable(blueprint, "/quotes", QUOTES, Quote, prepare=_prepare)


@blueprint.route("/quotes", methods=["POST"])
@allowed(*WRITERS)
@blueprint.arguments(NewQuote)
@blueprint.response(201, Quote)
def create(values: dict[str, Any]) -> Any:
    """Create a quote."""
    with the_hub().write() as session:
        made = quotes.create(session, quotes.NewQuote(**values), actor=actor())
        return show(session, QUOTES, made.id, _prepare)


@blueprint.route("/quotes/<string:id>", methods=["PATCH"])
@allowed(*WRITERS)
@blueprint.arguments(QuoteChange)
@blueprint.response(200, Quote)
def update(values: dict[str, Any], id: str) -> Any:
    """Change an open quote."""
    with the_hub().write() as session:
        quotes.update(session, id, values, actor=actor())
        return show(session, QUOTES, id, _prepare)


@blueprint.route("/quotes/<string:id>/accept", methods=["POST"])
@allowed(*WRITERS)
@blueprint.arguments(Decision, required=False)
@blueprint.response(200, Quote)
def accept(values: dict[str, Any], id: str) -> Any:
    """Note that the client accepted."""
    return _decide(quotes.accept, values, id)


@blueprint.route("/quotes/<string:id>/decline", methods=["POST"])
@allowed(*WRITERS)
@blueprint.arguments(Decision, required=False)
@blueprint.response(200, Quote)
def decline(values: dict[str, Any], id: str) -> Any:
    """Note that the client declined."""
    return _decide(quotes.decline, values, id)


def _decide(decide: Any, values: dict[str, Any], id: str) -> Any:
    by = values["by"] or actor()
    with the_hub().write() as session:
        decide(session, id, by=by, note=values["note"], actor=actor())
        return show(session, QUOTES, id, _prepare)

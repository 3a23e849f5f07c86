"""Direct debit over HTTP: mandates, collecting by them, and what autobill will do."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import STAFF, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.charges import Charge
from hub.api.fields import Moment, OfConnection, Shown, Text
from hub.api.lists import readable, show, with_slugs
from hub.core.ledger import mandates
from hub.core.mandates import autobill, cancelling, debits, requests
from hub.core.people import portal_links
from hub.core.queries.listing import CHARGES, MANDATE_REQUESTS, MANDATES
from hub.sdk.errors import ConflictError

blueprint = Resources("mandates", __name__, description="Direct debit and autobill.")


class Mandate(Shown, OfConnection):
    """A direct-debit mandate of a company; `company_id` null: whose isn't known."""

    company_id = fields.String(allow_none=True)
    provider = fields.String()
    reference = fields.String()
    scheme = fields.String()
    currency = fields.String()
    state = fields.String()
    reason = fields.String()
    replaced_by = fields.String(allow_none=True)
    next_charge_date = fields.Date(allow_none=True)
    url = fields.String()
    as_of = Moment()


class MandateRequest(Shown, OfConnection):
    """A company's way to a mandate; `reference` is the provider's id of it."""

    company_id = fields.String()
    mandate_id = fields.String(allow_none=True)
    state = fields.String()
    reference = fields.String(allow_none=True)
    problem = fields.String()
    closed_at = Moment(allow_none=True)
    next_check_at = Moment(allow_none=True)


class NewMandate(ma.Schema):
    """Through which connection the mandate is given."""

    connection = Text(required=True)


class Begun(ma.Schema):
    """The provider's page for the client."""

    request_id = fields.String()
    reference = fields.String()
    url = fields.String()


class Owner(ma.Schema):
    """The company whose mandate it is."""

    company_id = Text(required=True)


class Planned(ma.Schema):
    """What the next run does about an invoice: collects it, unless there is a
    `problem`."""

    invoice_id = fields.String()
    number = fields.String()
    company_id = fields.String()
    company_name = fields.String()
    due_date = fields.Date()
    amount = fields.String()
    currency = fields.String(attribute="amount.currency")
    mandate_id = fields.String(allow_none=True)
    problem = fields.String(attribute="problem.code", dump_default=None)
    explanation = fields.String(attribute="problem.sentence", dump_default="")


class Preview(ma.Schema):
    """The next run, invoices due first before."""

    items = fields.List(fields.Nested(Planned))


readable(blueprint, "/mandates", MANDATES, Mandate, prepare=with_slugs)
readable(
    blueprint,
    "/mandate-requests",
    MANDATE_REQUESTS,
    MandateRequest,
    prepare=with_slugs,
)


@blueprint.route("/companies/<string:id>/mandate", methods=["POST"])
@allowed(*STAFF)
@blueprint.arguments(NewMandate)
@blueprint.response(200, Begun)
def begin(values: dict[str, Any], id: str) -> Any:
    """Open the provider's page for a mandate; repeated, the same page."""
    hub = the_hub()
    with hub.write() as session:
        back, _ = portal_links.make(session, f"company:{id}", actor=actor())
    return requests.begin(hub, id, values["connection"], back=back, actor=actor())


@blueprint.route("/mandates/<string:id>/cancel", methods=["POST"])
@allowed(*STAFF)
@blueprint.response(200, Mandate)
def cancel(id: str) -> Any:
    """Cancel a mandate at the provider; cancelled already, nothing is done."""
    cancelling.cancel(the_hub(), id, actor=actor())
    with the_hub().read() as session:
        return show(session, MANDATES, id, with_slugs)


@blueprint.route("/mandates/<string:id>/assign", methods=["POST"])
@allowed(*STAFF)
@blueprint.arguments(Owner)
@blueprint.response(200, Mandate)
def assign(values: dict[str, Any], id: str) -> Any:
    """Say whose a mandate is that was given somewhere else."""
    with the_hub().write() as session:
        mandates.assign(session, id, values["company_id"], actor=actor())
        return show(session, MANDATES, id, with_slugs)


@blueprint.route("/invoices/<string:id>/collect", methods=["POST"])
@allowed(*STAFF)
@blueprint.response(200, Charge)
@blueprint.alt_response(202, schema=Charge, description="Under way.")
def collect(id: str) -> Any:
    """Collect what is open by the company's mandate: 202 while that is under way."""
    hub = the_hub()
    charge = debits.collect(hub, id, actor=actor())
    if charge.state in ("failed", "expired"):
        raise ConflictError(charge.problem or "The debit failed.")
    with hub.read() as session:
        found = show(session, CHARGES, charge.id, with_slugs)
    return found, 202 if charge.state == "open" else 200


@blueprint.route("/autobill/preview", methods=["GET"])
@allowed(*STAFF)
@blueprint.response(200, Preview)
def preview() -> Any:
    """Say what autobill collects in its next run."""
    with the_hub().read() as session:
        return {"items": autobill.preview(session)}

"""Companies, their contacts and those contacts' consent over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import WRITERS, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Moment, Referenced, Shown, Text
from hub.api.lists import readable, show, with_references
from hub.core.ledger import companies
from hub.core.queries.listing import COMPANIES

blueprint = Resources("companies", __name__, description="The MSP's clients.")
_references = with_references("company")


class Consent(ma.Schema):
    """One giving or withdrawing of consent; the newest of a channel counts."""

    channel = fields.String()
    given = fields.Boolean()
    at = Moment()
    how = fields.String()
    by = fields.String()


class NewConsent(ma.Schema):
    """Consent given or withdrawn, and how it was."""

    channel = Text(required=True)
    given = fields.Boolean(required=True)
    how = Text()


class Contact(Shown):
    """A person at a company."""

    name = fields.String()
    email = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    consents = fields.List(fields.Nested(Consent))


class ContactValues(ma.Schema):
    """What is kept of a contact."""

    name = Text()
    email = Text(allow_none=True)
    phone = Text(allow_none=True)


class Company(Referenced):
    """A client of the MSP."""

    name = fields.String()
    currency = fields.String()
    country = fields.String(allow_none=True)
    time_zone = fields.String(allow_none=True)
    email = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    sms_notifications_enabled = fields.Boolean()
    autobill = fields.Boolean()
    mandate_id = fields.String(allow_none=True)
    contacts = fields.List(fields.Nested(Contact))


class CompanyValues(ma.Schema):
    """What is kept of a company; new ones need `name` and `currency`."""

    name = Text()
    currency = Text()
    country = Text(allow_none=True)
    time_zone = Text(allow_none=True)
    email = Text(allow_none=True)
    phone = Text(allow_none=True)
    sms_notifications_enabled = fields.Boolean()
    autobill = fields.Boolean()


class NewCompany(CompanyValues):
    """A new company, with its contacts if they are known."""

    contacts = fields.List(fields.Nested(ContactValues), load_default=[])


readable(blueprint, "/companies", COMPANIES, Company, prepare=_references)


@blueprint.route("/companies", methods=["POST"])
@allowed(*WRITERS)
@blueprint.arguments(NewCompany)
@blueprint.response(201, Company)
def create(values: dict[str, Any]) -> Any:
    """Create a company."""
    contacts = values.pop("contacts")
    with the_hub().write() as session:
        made = companies.create(session, values, actor=actor())
        for contact in contacts:
            companies.add_contact(session, made.id, contact, actor=actor())
        return show(session, COMPANIES, made.id, _references)


@blueprint.route("/companies/<string:id>", methods=["PATCH"])
@allowed(*WRITERS)
@blueprint.arguments(CompanyValues)
@blueprint.response(200, Company)
def update(values: dict[str, Any], id: str) -> Any:
    """Change a company."""
    with the_hub().write() as session:
        companies.update(session, id, values, actor=actor())
        return show(session, COMPANIES, id, _references)


@blueprint.route("/companies/<string:id>/contacts", methods=["POST"])
@allowed(*WRITERS)
@blueprint.arguments(ContactValues)
@blueprint.response(201, Company)
def add_contact(values: dict[str, Any], id: str) -> Any:
    """Add a contact; returns the company."""
    with the_hub().write() as session:
        companies.add_contact(session, id, values, actor=actor())
        return show(session, COMPANIES, id, _references)


@blueprint.route("/contacts/<string:id>", methods=["PATCH"])
@allowed(*WRITERS)
@blueprint.arguments(ContactValues)
@blueprint.response(200, Company)
def update_contact(values: dict[str, Any], id: str) -> Any:
    """Change a contact; returns the company."""
    with the_hub().write() as session:
        contact = companies.update_contact(session, id, values, actor=actor())
        return show(session, COMPANIES, contact.company_id, _references)


@blueprint.route("/contacts/<string:id>", methods=["DELETE"])
@allowed(*WRITERS)
@blueprint.response(204)
def remove_contact(id: str) -> None:
    """Remove a contact."""
    with the_hub().write() as session:
        companies.remove_contact(session, id, actor=actor())


@blueprint.route("/contacts/<string:id>/consent", methods=["POST"])
@allowed(*WRITERS)
@blueprint.arguments(NewConsent)
@blueprint.response(201, Company)
def set_consent(values: dict[str, Any], id: str) -> Any:
    """Note consent given or withdrawn; returns the company."""
    with the_hub().write() as session:
        companies.set_consent(session, id, values, actor=actor())
        company_id = companies.get_contact(session, id).company_id
        return show(session, COMPANIES, company_id, _references)

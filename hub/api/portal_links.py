"""Links for clients over HTTP: to an invoice, a quote, a company's open invoices."""

from typing import Any, Final

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields

from hub.api.access import STAFF, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Moment
from hub.core.people import portal_links

blueprint = Resources(
    "portal-links", __name__, description="What clients open without signing in."
)
_KINDS: Final = {"invoices": "invoice", "quotes": "quote", "companies": "company"}


class NewLink(ma.Schema):
    """How many days from now the link is good."""

    days = fields.Integer(
        load_default=portal_links.DAYS,
        validate=ma.validate.Range(1, portal_links.MOST_DAYS),
    )


class Link(ma.Schema):
    """A link to give to the client; whoever has it needs nothing else."""

    url = fields.String()
    expires_at = Moment()


def _links_of(noun: str, kind: str) -> None:
    class Links(MethodView):
        @allowed(*STAFF)
        @blueprint.arguments(NewLink, required=False)
        @blueprint.response(200, Link)
        def post(self, values: dict[str, Any], id: str) -> Any:
            with the_hub().write() as session:
                url, expires_at = portal_links.make(
                    session, f"{kind}:{id}", actor=actor(), days=values["days"]
                )
            return {"url": url, "expires_at": expires_at}

        @allowed(*STAFF)
        @blueprint.response(204)
        def delete(self, id: str) -> None:
            with the_hub().write() as session:
                portal_links.revoke(session, f"{kind}:{id}", actor=actor())

    Links.post.__doc__ = f"Give out the link to this {kind}, good from now on."
    Links.delete.__doc__ = f"Take the links to this {kind} back."
    Links.__name__ = f"LinksOf{kind.capitalize()}"
    blueprint.route(f"/{noun}/<string:id>/portal-link")(Links)


for _noun, _kind in _KINDS.items():
    _links_of(_noun, _kind)

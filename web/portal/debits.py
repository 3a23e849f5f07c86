"""Direct debit: a company sets it up from its link, there and back like a payment."""

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.ledger.companies import get as company_of
from hub.core.mandates import requests
from hub.core.queries import portal
from hub.sdk.errors import ConflictError, HubError
from web.hub import the_hub
from web.portal import entrance, views
from web.portal.words import BUSY, UNREACHED, Notice

Answer = entrance.Answer | Response | str


@entrance.pages.post("/<slug>/debit")
def set_up(slug: str) -> Answer:
    """Begin to set up direct debit: again, it is the same page of the provider."""
    with the_hub().read() as session:
        link = entrance.link(session)
        row = portal.invoice(session, link, request.form.get("invoice", ""))
        if portal.can_be_collected(session, row.company_id):
            # Set up in another tab meanwhile: a second mandate has no use.
            return redirect(views.address(link, row.id), 303)
    try:
        begun = requests.begin(
            the_hub(),
            row.company_id,
            slug,
            back=entrance.back(),
            actor=entrance.actor(),
        )
    except ConflictError:
        return _page(row.id, BUSY, 409)
    except HubError:
        return _page(row.id, UNREACHED, 502)
    there = url_for(
        "portal.to_debit", slug=slug, request=begun.request_id, invoice=row.id
    )
    return redirect(there, 303)


@entrance.pages.get("/<slug>/debit")
def to_debit(slug: str) -> Answer:
    """Send the client on to the provider's page."""
    with the_hub().read() as session:
        link = entrance.link(session)
        asked = portal.mandate_request(session, link, request.args.get("request", ""))
        there = (asked.url or "") if asked and asked.state == "open" else ""
        if asked is None or not there.startswith(("https://", "http://")):
            return redirect(url_for("portal.index"), 303)
        owner = company_of(session, asked.company_id)
        return render_template(
            "portal/go.html",
            url=there,
            title=views.title_of(asked.connection_id),
            about=f"to set up direct debit for {owner.name}",
            here=url_for("portal.index"),
        )


def come_back(request_id: str) -> Response:
    """The client is back, with or without having set it up: ask, then show that."""
    with the_hub().read() as session:
        link = entrance.link(session)
        asked = portal.mandate_request(session, link, request_id)
    if asked is not None:
        params = {name: value[:2000] for name, value in request.args.items()}
        requests.finish(the_hub(), asked.id, params)
        return redirect(url_for("portal.index", debit=asked.id), 303)
    return redirect(url_for("portal.index"), 303)


def _page(id: str, said: Notice, status: int) -> Answer:
    with the_hub().read() as session:
        link = entrance.link(session)
        row = portal.invoice(session, link, id)
        return views.invoice_page(session, link, row, said), status

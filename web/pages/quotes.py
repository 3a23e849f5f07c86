"""Quotes: list and detail; accepted or declined on a client's behalf."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.ledger import quotes
from hub.core.queries import details, listing, trail
from web.area import area
from web.hub import the_hub
from web.lists import shown
from web.pages.links import link_of
from web.session import person

pages = area("quotes")
STATES = ("open", "accepted", "declined")


@pages.get("/quotes")
def index() -> str:
    """All quotes, newest first."""
    with the_hub().read() as session:
        return render_template(
            "ledger/quotes.html",
            page=shown(session, listing.QUOTES),
            states=STATES,
            companies=details.company_names(session),
        )


@pages.get("/quotes/<id>")
def single(id: str) -> str:
    """One quote."""
    with the_hub().read() as session:
        row = listing.one(session, listing.QUOTES, id)
        return render_template(
            "ledger/quote.html",
            row=row,
            expired=quotes.is_expired(session, row),
            history=trail.about(session, [f"quote:{id}"]),
            link=link_of(session, "quote", id),
        )


@pages.post("/quotes/<id>/<any(accept, decline):action>")
def decide(id: str, action: str) -> Response:
    """Note what the client said."""
    act: Any = {"accept": quotes.accept, "decline": quotes.decline}[action]
    by = request.form.get("by", "").strip() or person().name
    with the_hub().write() as session:
        row = act(session, id, by=by, actor=person().actor)
    flash(f"Quote {row.number} is {row.state}.", "good")
    return redirect(url_for("quotes.single", id=id))

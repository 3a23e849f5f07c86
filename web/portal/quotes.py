"""Quotes: the client accepts or declines, once."""

from typing import Any, Final

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from hub.core.ledger import quotes
from hub.core.queries import portal
from hub.sdk.errors import ConflictError
from web.hub import the_hub
from web.portal import entrance, views

_NAMELESS: Final = "Write your name, so that it is known who decided."
_DONE: Final = {"accept": "accepted", "decline": "declined"}


@entrance.pages.post("/<any(accept, decline):action>")
def decide(action: str) -> entrance.Answer | Response:
    """Take the client's answer. The same answer twice is one."""
    by = " ".join(request.form.get("by", "").split())[:200]
    note = request.form.get("note", "").strip()[:2000]
    act: Any = {"accept": quotes.accept, "decline": quotes.decline}[action]
    with the_hub().read() as session:
        link = entrance.link(session)
        row = portal.quote(session, link)
        if not by:
            return views.quote_page(session, link, _NAMELESS), 422
    try:
        with the_hub().write() as session:
            act(session, row.id, by=by, note=note, actor=entrance.actor())
    except ConflictError as error:
        with the_hub().read() as session:
            if portal.quote(session, link).state != _DONE[action]:
                return views.quote_page(session, link, str(error)), 409
    return redirect(url_for("portal.index"), 303)

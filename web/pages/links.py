"""Links for clients: given out, copied, sent, taken back by the MSP's people."""

from typing import Any, Final

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response

from hub.core.ledger import invoices
from hub.core.people import portal_links
from web.area import area
from web.hub import the_hub
from web.session import person

pages = area("links")
_PAGES: Final = {
    "invoice": "invoices.single",
    "quote": "quotes.single",
    "company": "companies.single",
}
_KIND: Final = "<any(invoice, quote, company):kind>"


def link_of(session: Any, kind: str, id: str) -> dict[str, Any]:
    """What a page says of the link to this thing."""
    link = portal_links.current(session, f"{kind}:{id}")
    if link is None:
        return {"url": ""}
    return {
        "url": portal_links.url_of(session, link),
        "expires_at": link.expires_at,
        "opened_at": link.opened_at,
        "made_by": link.made_by,
    }


@pages.post(f"/links/{_KIND}/<id>")
def make(kind: str, id: str) -> Response:
    """Give out the link, or let it last longer."""
    with the_hub().write() as session:
        portal_links.make(
            session, f"{kind}:{id}", actor=person().actor, days=portal_links.DAYS
        )
    flash("The link is ready: copy it, or send it by e-mail.", "good")
    return _back(kind, id)


@pages.post(f"/links/{_KIND}/<id>/revoke")
def revoke(kind: str, id: str) -> Response:
    """Take the link back."""
    with the_hub().write() as session:
        portal_links.revoke(session, f"{kind}:{id}", actor=person().actor)
    flash("The link opens nothing any more.", "good")
    return _back(kind, id)


@pages.post("/links/invoice/<id>/sent")
def sent(id: str) -> Response:
    """Note that the client was sent the invoice."""
    with the_hub().write() as session:
        row = invoices.mark_sent(session, id, actor=person().actor)
    flash(f"Invoice {row.number} is marked as sent.", "good")
    return _back("invoice", id)


def _back(kind: str, id: str) -> Response:
    return redirect(url_for(_PAGES[kind], id=id))

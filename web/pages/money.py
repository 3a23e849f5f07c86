"""Money beside payments: payouts to our bank, disputes, mandates."""

from flask import render_template

from hub.core.queries import details, listing, overview
from hub.core.queries.listing import Listing
from web.area import area
from web.hub import the_hub
from web.lists import shown

pages = area("money")
_PAYOUT_STATES = ("pending", "paid", "failed")
_DISPUTE_STATES = ("open", "closed", "lost", "won")
_MANDATE_STATES = (
    *("pending", "active", "failed", "cancelled", "expired", "replaced"),
)


@pages.get("/payouts")
def payouts() -> str:
    """What providers sent to our bank."""
    return _list("money/payouts.html", listing.PAYOUTS, _PAYOUT_STATES)


@pages.get("/payouts/<id>")
def payout(id: str) -> str:
    """One payout and its lines."""
    with the_hub().read() as session:
        row = listing.one(session, listing.PAYOUTS, id)
        return render_template(
            "money/payout.html",
            row=row,
            payments=details.of_payout(session, row),
            names=overview.connection_names(session),
        )


@pages.get("/disputes")
def disputes() -> str:
    """Payments that somebody contests."""
    return _list("money/disputes.html", listing.DISPUTES, _DISPUTE_STATES)


@pages.get("/mandates")
def mandates() -> str:
    """Who lets us collect from their account."""
    return _list("money/mandates.html", listing.MANDATES, _MANDATE_STATES)


def _list(template: str, wanted: Listing, states: tuple[str, ...]) -> str:
    with the_hub().read() as session:
        return render_template(
            template,
            page=shown(session, wanted),
            names=overview.connection_names(session),
            companies=details.company_names(session),
            states=states,
        )

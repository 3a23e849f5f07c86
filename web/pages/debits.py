"""Direct debit: set up, collect, cancel, and what autobill will do."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.checkouts.offers import Offer, offers
from hub.core.mandates import autobill, cancelling, debits, requests
from hub.core.people import portal_links
from hub.core.queries import listing
from hub.sdk.errors import HubError
from web.area import area
from web.hub import the_hub
from web.session import person

pages = area("debits")


def ways(company: Any) -> list[Offer]:
    """The connections through which this company can give a mandate now."""
    with the_hub().read() as session:
        found = offers(session, company=company)
    return [each for each in found if each.kind == "mandate"]


@pages.app_context_processor
def _words() -> dict[str, object]:
    return {"debit_ways": ways}


@pages.get("/autobill")
def preview() -> str:
    """What autobill does in its next run."""
    hub = the_hub()
    with hub.read() as session:
        rows = autobill.preview(session)
    return render_template(
        "money/autobill.html", rows=rows, days=hub.settings.autobill_days
    )


@pages.post("/companies/<id>/mandate")
def begin(id: str) -> Response | str:
    """Open the provider's page, for the client to be sent there."""
    hub, slug = the_hub(), request.form.get("connection", "")
    with hub.read() as session:
        row = listing.one(session, listing.COMPANIES, id)
    try:
        with hub.write() as session:
            back, _ = portal_links.make(session, f"company:{id}", actor=person().actor)
        begun = requests.begin(hub, id, slug, back=back, actor=person().actor)
    except HubError as error:
        flash(str(error), "warn")
        return redirect(url_for("companies.single", id=id))
    return render_template("money/mandate_begun.html", row=row, begun=begun)


@pages.post("/mandates/<id>/cancel")
def cancel(id: str) -> Response:
    """Cancel a mandate at the provider."""
    try:
        row = cancelling.cancel(the_hub(), id, actor=person().actor)
    except HubError as error:
        flash(str(error), "warn")
        return redirect(url_for("money.mandates"))
    flash(f"The mandate is {row.state}.", "good")
    return redirect(url_for("companies.single", id=row.company_id))


@pages.post("/invoices/<id>/collect")
def collect(id: str) -> Response:
    """Collect an invoice by its company's mandate."""
    try:
        charge = debits.collect(the_hub(), id, actor=person().actor)
    except HubError as error:
        flash(str(error), "warn")
    else:
        if charge.state in ("failed", "expired"):
            flash(f"Nothing was collected: {charge.problem}", "bad")
        else:
            flash("The debit is on its way; the bank takes some days.", "good")
    return redirect(url_for("invoices.single", id=id))

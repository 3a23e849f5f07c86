"""Try it: in the demo a client pays at a simulator, and the whole road runs."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.configuration.live import LiveConnection, live
from hub.core.ledger import invoices
from hub.core.people import portal_links
from hub.core.queries import listing, overview, trail
from hub.sdk.http import is_loopback
from hub.sdk.money import Money
from web.area import area
from web.hub import the_hub
from web.session import person

pages = area("tryit")
_SECONDS = 5


@dataclass(frozen=True)
class Shop:
    """A payment connection that talks to a simulator on this machine."""

    slug: str
    title: str
    url: str


def shops() -> list[Shop]:
    """Where clients can pay for show; none outside the demo. Last come providers of
    direct debits: their money takes days, and few currencies."""
    found = [
        each
        for each in _played()
        if each.provider is not None and each.provider.category == "payment"
    ]
    has = the_hub().plugins.has
    found.sort(key=lambda each: has(each.plugin, "collect_payment"))
    return [
        Shop(each.slug, each.title, each.api_base_url.rstrip("/")) for each in found
    ]


def stages() -> dict[str, str]:
    """Where a person sees what simulated providers were told, by connection id."""
    return {each.id: f"{each.api_base_url.rstrip('/')}/" for each in _played()}


def _played() -> list[LiveConnection]:
    hub = the_hub()
    return [
        each
        for each in live(hub).all()
        if is_loopback(urlsplit(each.api_base_url).hostname or "")
        and hub.plugins.has(each.plugin, "simulator")
        and each.working
    ]


@pages.get("/try/<id>")
def progress(id: str) -> str | tuple[str, int]:
    """What has become of a payment so far; 286 tells htmx that this was all."""
    with the_hub().read() as session:
        invoice = listing.one(session, listing.INVOICES, id)
        steps = trail.of_paid(session, invoice.id)
        shown = render_template(
            "parts/progress.html",
            invoice=invoice,
            steps=steps,
            stages=stages(),
            names=overview.connection_names(session),
        )
    waits = ("pending", "sending", "retrying")
    done = steps.payments and all(d.state not in waits for d in steps.deliveries)
    return (shown, 286) if done else shown


@pages.post("/try/portal")
def portal() -> Response:
    """Look at an invoice as its client does, and pay it there."""
    with the_hub().write() as session:
        subject = f"invoice:{request.form.get('invoice', '')}"
        url, _ = portal_links.make(session, subject, actor=person().actor)
    return redirect(url)


@pages.post("/try/pay")
def pay() -> Response:
    """A client pays an invoice at the simulator, which sends the webhook."""
    chosen = request.form.get("shop")
    shop = next((shop for shop in shops() if shop.slug == chosen), None)
    with the_hub().read() as session:
        invoice = invoices.get(session, request.form.get("invoice", ""))
    if shop is None or not invoice.open_minor:
        flash("There is nothing to pay here.", "warn")
        return redirect(url_for("dashboard.index"))
    amount = Money(invoice.open_minor, invoice.currency)
    told = {
        "amount": {"value": str(amount), "currency_code": amount.currency},
        "invoice_id": invoice.number,
    }
    try:
        paid = requests.post(f"{shop.url}/_sim/pay", json=told, timeout=_SECONDS)
    except requests.RequestException:
        flash(f"The simulator of {shop.title} doesn't answer. Is it running?", "bad")
        return redirect(url_for("dashboard.index"))
    if not paid.ok:
        flash(f"The simulator of {shop.title} refused {amount.format()}.", "bad")
        return redirect(url_for("dashboard.index"))
    flash(
        f"A client paid {amount.format()} for {invoice.number} at {shop.title}."
        " Watch the bell: the webhook is on its way.",
        "good",
    )
    return redirect(url_for("dashboard.index", paid=invoice.id))

"""Paying: to the provider's page and back. Each step may be done twice."""

from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.checkouts import checkout
from hub.core.ledger.amounts import amount_of
from hub.core.queries import portal
from hub.sdk.errors import ConflictError, HubError, InvalidError
from hub.sdk.money import Money
from web.hub import the_hub
from web.portal import debits, entrance, views
from web.portal.words import BUSY, UNREACHED, Notice, notice

Answer = entrance.Answer | Response


@entrance.pages.post("/<slug>/start")
def start(slug: str) -> Answer:
    """Begin to pay: again, it is the same page of the provider."""
    hub = the_hub()
    with hub.read() as session:
        link = entrance.link(session)
        row = portal.invoice(session, link, request.form.get("invoice", ""))
    try:
        begun = checkout.begin(
            hub, row.id, slug, amount=_amount(row), back=entrance.back()
        )
    except InvalidError as error:
        return _page(row.id, None, 422, str(error))
    except ConflictError:
        return _page(row.id, BUSY, 409)
    except HubError:
        return _page(row.id, UNREACHED, 502)
    return redirect(url_for("portal.go", slug=slug, charge=begun.charge_id), 303)


@entrance.pages.get("/<slug>/start")
def restart(slug: str) -> Answer:
    """Back to the page of the link."""
    return redirect(url_for("portal.index"), 303)


@entrance.pages.get("/<slug>/go")
def go(slug: str) -> Answer | str:
    """Send the payer on. A page does it, not a redirect: browsers hold a form's
    redirects to the policy of the page the form was on."""
    with the_hub().read() as session:
        link = entrance.link(session)
        charge = portal.charge(session, link, request.args.get("charge", ""))
        there = (charge.url or "") if charge and charge.state == "open" else ""
        if charge is None or not there.startswith(("https://", "http://")):
            return redirect(url_for("portal.index"), 303)
        found = checkout.standing(session, charge.id)
        amount = Money(charge.amount_minor, charge.currency)
        row = portal.invoice(session, link, charge.invoice_id)
        return render_template(
            "portal/go.html",
            url=there,
            title=found.title,
            about=f"{amount.format()} for invoice {row.number}",
            here=views.address(link, row.id),
        )


@entrance.pages.get("/<slug>/return")
def come_back(slug: str) -> Answer:
    """The payer is back: ask what became of it, then show that."""
    return _settled(slug, "back")


@entrance.pages.get("/<slug>/cancel")
def cancel(slug: str) -> Answer:
    """The payer came back without paying, as the provider says."""
    return _settled(slug, "cancelled")


def _settled(slug: str, said: str) -> Answer:
    if request.args.get("request"):
        return debits.come_back(request.args["request"])
    hub = the_hub()
    id = request.args.get("charge", "")
    with hub.read() as session:
        link = entrance.link(session)
        charge = portal.charge(session, link, id)
    if charge is None:
        return redirect(url_for("portal.index"), 303)
    if said == "back":
        params = {name: value[:2000] for name, value in request.args.items()}
        checkout.finish(hub, charge.id, params)
    else:
        checkout.cancelled(hub, charge.id)
    there = views.address(link, charge.invoice_id, charge=charge.id, state=said)
    return redirect(there, 303)


def _amount(row: Any) -> Money | None:
    """What the payer wants to pay, None for all that is left."""
    typed = request.form.get("amount", "").strip().replace(",", ".")
    if not typed or not the_hub().settings.part_payments:
        return None
    return amount_of(typed, row.currency)


def _page(id: str, said: Notice | None, status: int, problem: str = "") -> Answer:
    with the_hub().read() as session:
        link = entrance.link(session)
        row = portal.invoice(session, link, id)
        known = notice(checkout.standing(session, row.id), row)
        if known is None or known.tone == "bad":
            known = said
        shown = views.invoice_page(session, link, row, known, problem)
    return shown, status

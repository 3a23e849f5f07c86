"""Invoices: list, detail, new; issue, void, record a payment."""

from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.checkouts import checkout
from hub.core.ledger import invoices, payments
from hub.core.ledger.amounts import amount_of
from hub.core.ledger.invoices import NewInvoice
from hub.core.ledger.payments import NewPayment
from hub.core.queries import attached, attempts, details, listing, overview, told
from hub.sdk.errors import InvalidError, UserError
from web import forms
from web.area import area
from web.hub import the_hub
from web.lists import shown
from web.pages.links import link_of
from web.session import person

pages = area("invoices")
STATES = ("draft", "open", "partially_paid", "paid", "void")
_LINES = 8
_STANDING: Final = {
    "paid": "The payment has arrived.",
    "confirming": "What became of it isn't known yet; the hub goes on asking.",
    "failed": "The payment failed.",
    "expired": "The page is closed; nothing was paid.",
}


@pages.get("/invoices")
def index() -> str:
    """All invoices, newest first."""
    with the_hub().read() as session:
        return render_template(
            "ledger/invoices.html",
            page=shown(session, listing.INVOICES),
            states=STATES,
            companies=details.company_names(session),
        )


@pages.get("/invoices/<id>")
def single(id: str) -> str:
    """One invoice: lines, money, history."""
    return _page(id)


def _page(id: str, **more: Any) -> str:
    with the_hub().read() as session:
        row = listing.one(session, listing.INVOICES, id)
        sent = told.about_invoice(session, row.company_id, id)
        return render_template(
            "ledger/invoice.html",
            row=row,
            told=sent,
            outcomes=told.outcomes(session, sent),
            detail=details.of_invoice(session, row),
            link=link_of(session, "invoice", id),
            attempts=attempts.charges(session, id),
            names=overview.connection_names(session),
            refs=attached.references(session, "invoice", [id])[id],
            form=request.form,
            **more,
        )


@pages.get("/invoices/new")
def new() -> str:
    """An empty form."""
    return _form({}, forms.empty_lines(3))


@pages.post("/invoices/new")
def create() -> str | Response | tuple[str, int]:
    """Make an invoice of the form."""
    given = request.form
    lines = forms.lines(given)
    try:
        with the_hub().write() as session:
            made = invoices.create(
                session,
                NewInvoice(
                    company_id=given.get("company_id", ""),
                    lines=[line for line in lines if any(line.values())],
                    state="draft" if given.get("draft") else "open",
                    number=forms.text(given, "number"),
                    currency=forms.text(given, "currency"),
                    issue_date=forms.day(given, "issue_date"),
                    due_date=forms.day(given, "due_date"),
                    reference=given.get("reference", "").strip(),
                    notes=given.get("notes", "").strip(),
                ),
                actor=person().actor,
            )
    except UserError as error:
        shown_lines = lines + forms.empty_lines(1)
        return _form(given, shown_lines[:_LINES], error), 422
    flash(f"Invoice {made.number} is made.", "good")
    return redirect(url_for("invoices.single", id=made.id))


@pages.post("/invoices/<id>/<any(issue, void):action>")
def act(id: str, action: str) -> Response:
    """Issue or void an invoice."""
    act = {"issue": invoices.issue, "void": invoices.void}[action]
    if action == "void":
        checkout.clear(the_hub(), id)
    if action == "void":
        checkout.clear(the_hub(), id)
    with the_hub().write() as session:
        row = act(session, id, actor=person().actor)
    done = {"issue": "issued", "void": "void now"}[action]
    flash(f"Invoice {row.number} is {done}.", "good")
    return redirect(url_for("invoices.single", id=id))


@pages.post("/invoices/<id>/check")
def check(id: str) -> Response:
    """Ask the provider now what became of the open attempt to pay."""
    hub = the_hub()
    with hub.read() as session:
        tried = [row for row in attempts.charges(session, id) if row.state == "open"]
    for row in tried:
        checkout.check(hub, row.id)
    with hub.read() as session:
        found = checkout.standing(session, id)
    flash(_STANDING.get(found.state, "The provider knows of no payment yet."), "info")
    return redirect(url_for("invoices.single", id=id))


@pages.post("/invoices/<id>/payments")
def pay(id: str) -> str | Response | tuple[str, int]:
    """Record money that came some other way."""
    given = request.form
    checkout.clear(the_hub(), id)
    try:
        with the_hub().write() as session:
            invoice = invoices.get(session, id)
            payments.record_payment(
                session,
                id,
                NewPayment(
                    amount=amount_of(given.get("amount", ""), invoice.currency),
                    method=given.get("method", "").strip()[:100],
                    reference=given.get("reference", "").strip()[:200],
                    received_at=forms.noon(given, "received_on"),
                ),
                actor=person().actor,
            )
    except InvalidError as error:
        return _page(id, problem=error), 422
    flash("The payment is recorded.", "good")
    return redirect(url_for("invoices.single", id=id))


def _form(
    given: Any, lines: list[dict[str, str]], problem: UserError | None = None
) -> str:
    with the_hub().read() as session:
        companies = details.company_names(session)
    return render_template(
        "ledger/new_invoice.html",
        companies=companies,
        form=given or {"company_id": request.args.get("company", "")},
        lines=lines,
        problem=problem,
    )

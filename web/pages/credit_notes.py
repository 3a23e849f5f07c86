"""Credit notes: list and detail; new ones, set against invoices, voided."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.ledger import companies, credit_notes, invoices
from hub.core.ledger.amounts import amount_of
from hub.core.ledger.credit_notes import NewCreditNote
from hub.core.queries import clients, details, listing
from hub.sdk.errors import InvalidError, UserError
from hub.sdk.money import Money
from web import forms
from web.area import area
from web.hub import the_hub
from web.lists import shown
from web.session import person

pages = area("credit_notes")
STATES = ("open", "allocated", "void")


@pages.get("/credit-notes")
def index() -> str:
    """All credit notes, newest first."""
    with the_hub().read() as session:
        return render_template(
            "ledger/credit_notes.html",
            page=shown(session, listing.CREDIT_NOTES),
            states=STATES,
            companies=details.company_names(session),
            left=credit_notes.left,
        )


@pages.get("/credit-notes/<id>")
def single(id: str) -> str:
    """One credit note and the invoices it was set against."""
    return _page(id)


def _page(id: str, problem: UserError | None = None) -> str:
    with the_hub().read() as session:
        row = listing.one(session, listing.CREDIT_NOTES, id)
        set_against = [each.invoice_id for each in row.allocations]
        open_ones = clients.creditable(session, row.company_id)
        return render_template(
            "ledger/credit_note.html",
            row=row,
            company=companies.get(session, row.company_id),
            left=credit_notes.left(row),
            numbers=clients.invoice_numbers(session, set_against),
            invoices=[each for each in open_ones if each.currency == row.currency],
            changes=details.changes(session, f"credit_note:{id}"),
            form=request.form,
            problem=problem,
        )


@pages.get("/credit-notes/new")
def new() -> str:
    """A form for an invoice, or for a company."""
    return _form({})


@pages.post("/credit-notes/new")
def create() -> str | Response | tuple[str, int]:
    """Make a credit note, and set it against its invoice at once."""
    given = request.form
    try:
        with the_hub().write() as session:
            invoice_id = given.get("invoice_id", "")
            invoice = invoices.get(session, invoice_id) if invoice_id else None
            company = companies.get(
                session, invoice.company_id if invoice else given.get("company_id", "")
            )
            currency = invoice.currency if invoice else company.currency
            made = credit_notes.create(
                session,
                NewCreditNote(
                    company_id=company.id,
                    amount=amount_of(given.get("amount", ""), currency),
                    number=forms.text(given, "number"),
                    issue_date=forms.day(given, "issue_date"),
                    reason=given.get("reason", "").strip()[:500],
                ),
                actor=person().actor,
            )
            if invoice:
                credit_notes.allocate(
                    session, made.id, invoice.id, actor=person().actor
                )
    except UserError as error:
        return _form(given, error), 422
    flash(f"Credit note {made.number} is made.", "good")
    return redirect(url_for("credit_notes.single", id=made.id))


@pages.post("/credit-notes/<id>/allocate")
def allocate(id: str) -> Response | tuple[str, int]:
    """Set it, or part of it, against an invoice."""
    given = request.form
    wanted = forms.text(given, "amount")
    try:
        with the_hub().write() as session:
            note = credit_notes.get(session, id)
            amount: Money | None = (
                None if wanted is None else amount_of(wanted, note.currency)
            )
            credit_notes.allocate(
                session,
                id,
                given.get("invoice_id", ""),
                amount,
                actor=person().actor,
            )
    except InvalidError as error:
        return _page(id, error), 422
    flash("It is set against the invoice.", "good")
    return redirect(url_for("credit_notes.single", id=id))


@pages.post("/credit-notes/<id>/void")
def void(id: str) -> Response:
    """Void it; its invoices are open again."""
    with the_hub().write() as session:
        row = credit_notes.void(session, id, actor=person().actor)
    flash(f"Credit note {row.number} is void now.", "good")
    return redirect(url_for("credit_notes.single", id=id))


def _form(given: Any, problem: UserError | None = None) -> str:
    wanted = given.get("invoice_id") or request.args.get("invoice", "")
    with the_hub().read() as session:
        invoice = listing.one(session, listing.INVOICES, wanted) if wanted else None
        start = {"company_id": request.args.get("company", "")}
        if invoice:
            start["amount"] = str(Money(invoice.open_minor, invoice.currency))
        return render_template(
            "ledger/credit_note_new.html",
            invoice=invoice,
            companies=details.company_names(session),
            form=given or start,
            problem=problem,
        )

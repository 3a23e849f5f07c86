"""Companies: the clients of the MSP."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.ledger import companies
from hub.core.queries import attached, clients, listing, overview, told
from hub.sdk.errors import UserError
from web import consents, forms
from web.area import area
from web.hub import the_hub
from web.lists import shown
from web.pages.links import link_of
from web.session import person

pages = area("companies")
_FIELDS = ("name", "currency", "country", "time_zone", "email", "phone")
_NEEDED = ("name", "currency")
_FLAGS = ("sms_notifications_enabled", "autobill")


@pages.get("/companies")
def index() -> str:
    """All companies, newest first."""
    with the_hub().read() as session:
        page = shown(session, listing.COMPANIES)
    return render_template("ledger/companies.html", page=page)


@pages.get("/companies/<id>")
def single(id: str) -> str:
    """One company: who they are, what they owe."""
    with the_hub().read() as session:
        row = listing.one(session, listing.COMPANIES, id)
        sent = told.to_client(session, id)
        return render_template(
            "ledger/company.html",
            row=row,
            told=sent,
            outcomes=told.outcomes(session, sent),
            names=overview.connection_names(session),
            detail=clients.of_company(session, row),
            consent=consents.newest,
            link=link_of(session, "company", id),
            refs=attached.references(session, "company", [id])[id],
        )


@pages.get("/companies/new")
def new() -> str:
    """An empty form."""
    return _form({}, None)


@pages.post("/companies/new")
def create() -> Response | tuple[str, int]:
    """Make a company of the form."""
    try:
        with the_hub().write() as session:
            made = companies.create(session, _values(), actor=person().actor)
    except UserError as error:
        return _form(request.form, None, error), 422
    flash(f"{made.name} is added.", "good")
    return redirect(url_for("companies.single", id=made.id))


@pages.get("/companies/<id>/edit")
def edit(id: str) -> str:
    """The form with what is known."""
    with the_hub().read() as session:
        row = listing.one(session, listing.COMPANIES, id)
    return _form({name: getattr(row, name) or "" for name in (*_FIELDS, *_FLAGS)}, row)


@pages.post("/companies/<id>/edit")
def change(id: str) -> Response | tuple[str, int]:
    """Change a company."""
    try:
        with the_hub().write() as session:
            companies.update(session, id, _values(), actor=person().actor)
    except UserError as error:
        with the_hub().read() as session:
            row = listing.one(session, listing.COMPANIES, id)
        return _form(request.form, row, error), 422
    flash("The changes are saved.", "good")
    return redirect(url_for("companies.single", id=id))


def _values() -> dict[str, Any]:
    texts = {
        name: (forms.text(request.form, name) or ("" if name in _NEEDED else None))
        for name in _FIELDS
    }
    return texts | {name: name in request.form for name in _FLAGS}


def _form(given: Any, row: Any, problem: UserError | None = None) -> str:
    return render_template(
        "ledger/company_form.html", form=given, row=row, problem=problem
    )

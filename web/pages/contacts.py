"""Contacts of a company: who they are, and what they agreed to be sent."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.ledger import companies
from hub.core.queries import listing
from hub.sdk.errors import InvalidError, NotFoundError, UserError
from web import consents, forms
from web.area import area
from web.hub import the_hub
from web.session import person

pages = area("contacts")
_FIELDS = ("name", "email", "phone")


@pages.route("/companies/<id>/contacts/new", methods=["GET", "POST"])
def new(id: str) -> str | Response | tuple[str, int]:
    """An empty form, then a contact of it."""
    if request.method == "GET":
        return _form(id, {})
    try:
        with the_hub().write() as session:
            made = companies.add_contact(session, id, _values(), actor=person().actor)
    except NotFoundError:
        raise
    except UserError as error:
        return _form(id, request.form, error), 422
    flash(f"{made.name} is added.", "good")
    return redirect(url_for("contacts.single", id=made.id))


@pages.get("/contacts/<id>")
def single(id: str) -> str:
    """One contact: form, consent and its history."""
    return _page(id)


@pages.post("/contacts/<id>")
def change(id: str) -> Response | tuple[str, int]:
    """Change a contact."""
    try:
        with the_hub().write() as session:
            companies.update_contact(session, id, _values(), actor=person().actor)
    except InvalidError as error:
        return _page(id, problem=error, form=request.form), 422
    flash("The changes are saved.", "good")
    return redirect(url_for("contacts.single", id=id))


@pages.post("/contacts/<id>/consent")
def consent(id: str) -> Response | tuple[str, int]:
    """Note that somebody gave or withdrew consent to texts."""
    given = request.form.get("given") == "yes"
    how = request.form.get("how", "").strip()
    try:
        if given and not how:
            said = "Write how they agreed: without that, the note proves nothing."
            raise InvalidError(said, {"how": [said]})
        values = {"channel": "sms", "given": given, "how": how}
        with the_hub().write() as session:
            companies.set_consent(session, id, values, actor=person().actor)
    except InvalidError as error:
        return _page(id, consent_problem=error), 422
    flash("They agree to texts." if given else "They get no more texts.", "good")
    return redirect(url_for("contacts.single", id=id))


@pages.route("/contacts/<id>/remove", methods=["GET", "POST"])
def remove(id: str) -> str | Response:
    """Ask once more, then remove."""
    with the_hub().read() as session:
        contact = companies.get_contact(session, id)
    if request.method == "GET":
        return render_template("ledger/contact_remove.html", row=contact)
    with the_hub().write() as session:
        companies.remove_contact(session, id, actor=person().actor)
    flash(f"{contact.name} is removed.", "good")
    return redirect(url_for("companies.single", id=contact.company_id))


def _values() -> dict[str, Any]:
    return {
        name: forms.text(request.form, name) or ("" if name == "name" else None)
        for name in _FIELDS
    }


def _page(id: str, **more: Any) -> str:
    with the_hub().read() as session:
        contact = companies.get_contact(session, id)
        company = listing.one(session, listing.COMPANIES, contact.company_id)
        known = {name: getattr(contact, name) or "" for name in _FIELDS}
        return render_template(
            "ledger/contact.html",
            row=contact,
            company=company,
            newest=consents.newest(contact, "sms"),
            **{"form": known, **more},
        )


def _form(company_id: str, given: Any, problem: UserError | None = None) -> str:
    with the_hub().read() as session:
        company = listing.one(session, listing.COMPANIES, company_id)
        return render_template(
            "ledger/contact_new.html", company=company, form=given, problem=problem
        )

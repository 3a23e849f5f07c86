"""Contacts of a company: who they are, and what they agreed to be sent."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.ledger import companies
from hub.core.policy import blocks
from hub.core.queries import listing, overview, told
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError, UserError
from web import consents, forms
from web.area import area
from web.hub import the_hub
from web.pages import writing
from web.session import admins, person

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
    """Note that somebody gave or withdrew consent to texts or to e-mail."""
    given = request.form.get("given") == "yes"
    how = request.form.get("how", "").strip()
    channel = "email" if request.form.get("channel") == "email" else "sms"
    try:
        if given and not how:
            said = "Write how they agreed: without that, the note proves nothing."
            raise InvalidError(said, {"how": [said]})
        values = {"channel": channel, "given": given, "how": how}
        with the_hub().write() as session:
            companies.set_consent(session, id, values, actor=person().actor)
    except InvalidError as error:
        return _page(id, consent_problem=error, consent_channel=channel), 422
    what = "e-mail" if channel == "email" else "texts"
    flash(f"They agree to {what}." if given else f"They get no more {what}.", "good")
    return redirect(url_for("contacts.single", id=id))


@pages.post("/contacts/<id>/blocks/<block_id>/lift")
@admins
def lift(id: str, block_id: str) -> Response:
    """Say that an address which was refused works again; an opt-out stays."""
    try:
        with the_hub().write() as session:
            contact = companies.get_contact(session, id)
            if block_id not in {each.id for each in told.blocks(session, contact)}:
                raise NotFoundError("There is no such block of this contact.")
            blocks.lift_bounce(session, block_id, actor=person().actor)
    except ConflictError as error:
        flash(str(error), "warn")
    else:
        flash("Lifted: the next message goes there again.", "good")
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
            by_mail=consents.newest(contact, "email"),
            blocks=told.blocks(session, contact),
            names=overview.connection_names(session),
            ways_to_write=writing.ways(),
            **{"form": known, **more},
        )


def _form(company_id: str, given: Any, problem: UserError | None = None) -> str:
    with the_hub().read() as session:
        company = listing.one(session, listing.COMPANIES, company_id)
        return render_template(
            "ledger/contact_new.html", company=company, form=given, problem=problem
        )

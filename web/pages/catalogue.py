"""Products to be changed; tickets, time and devices to be looked at."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.ledger import catalogue
from hub.core.queries import attached, details, listing
from hub.core.queries.listing import Listing
from hub.sdk.errors import UserError
from web.area import area
from web.hub import the_hub
from web.lists import shown
from web.session import person

pages = area("catalogue")
_PRODUCT: Any = listing.PRODUCTS.model
_FIELDS = ("code", "name", "description", "unit_price", "currency", "tax_rate")


@pages.get("/products")
def products() -> str:
    """What the MSP sells."""
    return _list("work/products.html", listing.PRODUCTS)


@pages.route("/products/new", methods=["GET", "POST"])
def product_new() -> str | Response | tuple[str, int]:
    """An empty form, then a product of it."""
    if request.method == "GET":
        return _form({"active": True, "tax_rate": "0"})
    try:
        with the_hub().write() as session:
            made = catalogue.create(session, _PRODUCT, _values(), actor=person().actor)
    except UserError as error:
        return _form(request.form, problem=error), 422
    flash(f"{made.name} is added.", "good")
    return redirect(url_for("catalogue.products"))


@pages.route("/products/<id>", methods=["GET", "POST"])
def product(id: str) -> str | Response | tuple[str, int]:
    """One product as a form, then changed by it."""
    with the_hub().read() as session:
        row = listing.one(session, listing.PRODUCTS, id)
        known = {name: getattr(row, name) for name in (*_FIELDS, "active")}
    if request.method == "GET":
        return _form(known, row)
    try:
        with the_hub().write() as session:
            catalogue.update(session, _PRODUCT, id, _values(), actor=person().actor)
    except UserError as error:
        return _form(request.form, row, error), 422
    flash("The changes are saved.", "good")
    return redirect(url_for("catalogue.products"))


@pages.get("/tickets")
def tickets() -> str:
    """What clients asked for."""
    return _list("work/tickets.html", listing.TICKETS)


@pages.get("/time-entries")
def time_entries() -> str:
    """Time worked for clients."""
    return _list("work/time_entries.html", listing.TIME_ENTRIES)


@pages.get("/devices")
def devices() -> str:
    """What is looked after."""
    return _list("work/devices.html", listing.DEVICES)


def _list(template: str, wanted: Listing) -> str:
    with the_hub().read() as session:
        page = shown(session, wanted)
        return render_template(
            template,
            page=page,
            companies=details.company_names(session),
            refs=attached.references(
                session, wanted.word.replace(" ", "_"), [row.id for row in page.items]
            ),
        )


def _values() -> dict[str, Any]:
    given = {name: request.form.get(name, "").strip() for name in _FIELDS}
    given["tax_rate"] = given["tax_rate"] or "0"
    return {**given, "active": "active" in request.form}


def _form(given: Any, row: Any = None, problem: UserError | None = None) -> str:
    return render_template(
        "work/product_form.html", form=given, row=row, problem=problem
    )

"""Refunds: asked for by a person, confirmed, followed until the outcome is known."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.checkouts import refunds
from hub.core.ledger.amounts import amount_of
from hub.core.ledger.payments import get
from hub.core.queries import attempts, listing
from hub.sdk.errors import InvalidError, UserError
from hub.sdk.money import Money
from web.area import area
from web.hub import the_hub
from web.session import person

pages = area("refunds")
Answer = str | Response | tuple[str, int]


@pages.get("/payments/<id>/refund")
def form(id: str) -> Answer:
    """Ask how much goes back."""
    return _form(id)


@pages.post("/payments/<id>/refund")
def ask(id: str) -> Answer:
    """Show once more what goes back, and to whom."""
    try:
        amount = _amount(id)
    except InvalidError as error:
        return _form(id, error), 422
    with the_hub().read() as session:
        row = listing.one(session, listing.PAYMENTS, id)
        most = refunds.left(session, row)
        if amount.minor > most.minor:
            return _form(id, f"At most {most.format()} can be given back."), 422
        return render_template(
            "ledger/refund_confirm.html", row=row, amount=amount, most=most
        )


@pages.post("/payments/<id>/refund/confirmed")
def confirmed(id: str) -> Response:
    """Give it back; a form that is sent twice does it once."""
    try:
        amount = _amount(id)
        seen = Money(request.form.get("seen", -1, type=int), amount.currency)
        made = refunds.refund(the_hub(), id, amount, person().actor, seen=seen)
    except UserError as error:
        flash(str(error), "warn")
    else:
        _tell(made)
    return _back(id)


@pages.post("/payments/<id>/refunds/<request_id>/check")
def check(id: str, request_id: str) -> Response:
    """Ask the provider now what became of it."""
    if _is_of(id, request_id):
        refunds.run(the_hub(), request_id)
        with the_hub().read() as session:
            known = {row.id: row for row in attempts.refunds(session, id)}
        _tell(known[request_id])
    return _back(id)


@pages.post("/payments/<id>/refunds/<request_id>/give-up")
def give_up(id: str, request_id: str) -> Response:
    """Somebody looked: nothing went back."""
    if _is_of(id, request_id):
        try:
            refunds.give_up(the_hub(), request_id, actor=person().actor)
            flash("The refund is given up.", "good")
        except UserError as error:
            flash(str(error), "warn")
    return _back(id)


def _tell(made: Any) -> None:
    amount = Money(made.amount_minor, made.currency).format()
    if made.state == "done":
        flash(f"{amount} is given back.", "good")
    elif made.state == "refused":
        flash(f"{amount} was not given back: {made.problem}", "bad")
    else:
        flash(
            f"Whether {amount} went back isn't known yet. The hub goes on asking;"
            " nothing is given back twice.",
            "warn",
        )


def _amount(id: str) -> Money:
    with the_hub().read() as session:
        currency = get(session, id).currency
    typed = request.form.get("amount", "").strip().replace(",", ".")
    return amount_of(typed, currency)


def _form(id: str, problem: object = None) -> str:
    with the_hub().read() as session:
        row = listing.one(session, listing.PAYMENTS, id)
        return render_template(
            "ledger/refund.html",
            row=row,
            most=refunds.left(session, row),
            problem=problem,
            form=request.form,
        )


def _is_of(id: str, request_id: str) -> bool:
    with the_hub().read() as session:
        return any(row.id == request_id for row in attempts.refunds(session, id))


def _back(id: str) -> Response:
    return redirect(url_for("payments.single", id=id))

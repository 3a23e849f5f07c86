"""Payments: list, detail, and a person's assignment."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.checkouts import refunds
from hub.core.ledger import payments
from hub.core.queries import attempts, details, listing, overview
from web.area import area
from web.hub import the_hub
from web.lists import shown
from web.session import person

pages = area("payments")
STATES = (
    *("pending", "confirmed", "paid_out", "failed", "cancelled"),
    *("refunded", "charged_back"),
)
ATTENTION = ("unmatched", "overpaid", "wrong_currency", "void_invoice")


@pages.get("/payments")
def index() -> str:
    """All payments, newest first."""
    with the_hub().read() as session:
        page = shown(session, listing.PAYMENTS)
        return render_template(
            "ledger/payments.html", page=page, states=STATES, attention=ATTENTION
        )


@pages.get("/payments/<id>")
def single(id: str) -> str:
    """One payment: its movements, what was heard, where it belongs."""
    with the_hub().read() as session:
        row = listing.one(session, listing.PAYMENTS, id)
        waits = row.assigned_by is None and (not row.invoice_id or row.attention)
        return render_template(
            "ledger/payment.html",
            row=row,
            detail=details.of_payment(session, row),
            candidates=details.candidates(session, row) if waits else [],
            waits=waits,
            names=overview.connection_names(session),
            asked=attempts.refunds(session, id),
            refundable=_refundable(session, row),
        )


def _refundable(session: Any, row: Any) -> bool:
    kept = row.state in ("confirmed", "paid_out")
    return kept and refunds.left(session, row).minor > 0


@pages.post("/payments/<id>/assign")
def assign(id: str) -> Response:
    """Say to which invoice this money belongs."""
    with the_hub().write() as session:
        payments.assign(
            session, id, request.form.get("invoice_id", ""), actor=person().actor
        )
    flash("The payment is assigned.", "good")
    return redirect(url_for("payments.single", id=id))

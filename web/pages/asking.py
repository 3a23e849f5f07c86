"""A reminder or a statement: shown beforehand as it will be, then sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core import proposals
from hub.core.policy import asking
from hub.core.proposals import Proposal
from hub.core.queries import listing
from hub.sdk.errors import ConflictError
from web.area import area
from web.hub import the_hub
from web.session import person

pages = area("asking")


@dataclass(frozen=True, kw_only=True)
class _About:
    title: str
    noun: str
    client: str
    back: str
    action: str


@pages.get("/invoices/<id>/remind")
def reminder(id: str) -> str | Response:
    """To whom it would go, and what it would say."""
    return _shown(_of_invoice(id), lambda: proposals.reminder(the_hub(), id, _actor()))


@pages.post("/invoices/<id>/remind")
def remind(id: str) -> Response:
    """Send it; a form that is sent twice does it once."""
    return _sent(
        _of_invoice(id),
        lambda session, key: asking.remind(session, id, _actor(), key=key),
    )


@pages.get("/companies/<id>/statement")
def statement(id: str) -> str | Response:
    """To whom it would go, and what it would say."""
    return _shown(_of_company(id), lambda: proposals.statement(the_hub(), id, _actor()))


@pages.post("/companies/<id>/statement")
def state(id: str) -> Response:
    """Send it; a form that is sent twice does it once."""
    return _sent(
        _of_company(id),
        lambda session, key: asking.statement(session, id, _actor(), key=key),
    )


def _of_invoice(id: str) -> _About:
    with the_hub().read() as session:
        row = listing.one(session, listing.INVOICES, id)
        return _About(
            title=f"Remind of invoice {row.number}",
            noun="reminder",
            client=row.company.name,
            back=url_for("invoices.single", id=id),
            action=url_for("asking.remind", id=id),
        )


def _of_company(id: str) -> _About:
    with the_hub().read() as session:
        row = listing.one(session, listing.COMPANIES, id)
        return _About(
            title=f"Statement for {row.name}",
            noun="statement",
            client=row.name,
            back=url_for("companies.single", id=id),
            action=url_for("asking.state", id=id),
        )


def _shown(about: _About, propose: Callable[[], list[Proposal]]) -> str | Response:
    try:
        found = propose()
    except ConflictError as error:
        flash(str(error), "warn")
        return redirect(about.back)
    return render_template(
        "ledger/ask.html",
        about=about,
        proposals=found,
        goes=[each for each in found if each.goes],
        key=token_hex(8),
    )


def _sent(about: _About, ask: Callable[[Any, str], Sequence[Any]]) -> Response:
    key = request.form.get("key", "")[:64]
    try:
        with the_hub().write() as session:
            found = [(row.state, row.explanation) for row in ask(session, key)]
    except ConflictError as error:
        flash(str(error), "warn")
        return redirect(about.back)
    if any(state != "skipped" for state, _ in found):
        flash(f"The {about.noun} is on its way. What becomes of it is below.", "good")
    else:
        whys = " ".join(why for _, why in found)
        flash(f"No {about.noun} is sent. {whys}", "warn")
    return redirect(about.back + "#told")


def _actor() -> str:
    return person().actor

"""A message in a person's own words: written, looked at once more, then sent."""

from secrets import token_hex
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core import messages, proposals
from hub.core.configuration.live import LiveConnection, live
from hub.core.ledger import companies
from hub.core.proposals import Proposal
from hub.sdk.errors import InvalidError, UserError
from hub.sdk.events import Message
from web.area import area
from web.hub import the_hub
from web.session import admins, person

pages = area("writing")
Answer = str | Response | tuple[str, int]
_MOST = 2000  # characters that a person writes by hand


def ways() -> list[Any]:
    """Connections that reach people, as templates need them."""
    found = [each for each in live(the_hub()).all() if each.working]
    return [
        {"slug": each.slug, "title": each.title, "reach": each.provider.reach}
        for each in found
        if each.provider is not None and each.provider.reach != "channel"
    ]


@pages.get("/settings/connections/<slug>/message")
@admins
def new(slug: str) -> str:
    """An empty form; a contact's number or address is filled in."""
    connection = _connection(slug)
    to = ""
    if request.args.get("contact"):
        with the_hub().read() as session:
            contact = companies.get_contact(session, request.args["contact"])
            phone = _reach(connection) == "phone"
            to = (contact.phone if phone else contact.email) or ""
    return _form(connection, {"to": to})


@pages.post("/settings/connections/<slug>/message")
@admins
def look(slug: str) -> Answer:
    """Show it once more as it will be sent, or send it."""
    connection = _connection(slug)
    if request.form.get("change"):
        return _form(connection, request.form)
    try:
        message = _message(connection)
    except InvalidError as error:
        return _form(connection, request.form, error), 422
    try:
        if not request.form.get("send"):
            proposal = proposals.free(the_hub(), slug, message, person().actor)
            return _look(connection, message, proposal)
        with the_hub().write() as session:
            key = request.form.get("key", "")[:64]
            made = messages.send(session, slug, message, person().actor, key=key)
    except UserError as error:
        return _form(connection, request.form, error), 422
    flash("What becomes of it is shown here.", "info")
    return redirect(url_for("trail.delivery", id=made.id))


def _look(connection: LiveConnection, message: Message, proposal: Proposal) -> str:
    return render_template(
        "settings/message_look.html",
        connection=connection,
        reach=_reach(connection),
        message=message,
        proposal=proposal,
        key=token_hex(8),
    )


def _message(connection: LiveConnection) -> Message:
    text = request.form.get("text", "").replace("\r\n", "\n").strip()
    to = request.form.get("to", "").strip()
    wrong: dict[str, list[str]] = {}
    if not text:
        wrong["text"] = ["Write what it says."]
    elif len(text) > _MOST:
        wrong["text"] = [f"It has more than {_MOST} characters: shorten it."]
    if not to and _reach(connection) != "channel":
        wrong["to"] = ["Write to whom it goes."]
    if wrong:
        raise InvalidError(" ".join(said[0] for said in wrong.values()), wrong)
    subject = request.form.get("subject", "").strip()
    return Message(text=text, to=to or None, subject=subject)


def _form(
    connection: LiveConnection, given: Any, problem: UserError | None = None
) -> str:
    return render_template(
        "settings/message.html",
        connection=connection,
        reach=_reach(connection),
        form=given,
        problem=problem,
        fields=problem.fields if isinstance(problem, InvalidError) else {},
    )


def _reach(connection: LiveConnection) -> str:
    return connection.provider.reach if connection.provider else "channel"


def _connection(slug: str) -> LiveConnection:
    known = live(the_hub())
    known.refresh()
    found = known.by_slug(slug)
    if not the_hub().plugins.has(found.plugin, messages.HOOK):
        abort(404)
    return found

"""People who may sign in, and tokens for programs."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.people import accounts, sign_in_links
from hub.sdk.errors import UserError
from web.area import area
from web.hub import the_hub
from web.session import admins, person

pages = area("people")


@pages.get("/settings/users")
@admins
def users() -> str:
    """Everybody who may sign in."""
    return _users()


def _users(problem: UserError | None = None, link: str = "") -> str:
    with the_hub().read() as session:
        found = accounts.users(session)
    return render_template(
        "people/users.html",
        users=found,
        roles=accounts.PEOPLES_ROLES,
        problem=problem,
        link=link,
        form=request.form,
    )


@pages.post("/settings/users")
@admins
def add_user() -> str | tuple[str, int]:
    """Add a person; they set their password by a link, shown this once."""
    given = request.form
    try:
        with the_hub().write() as session:
            user = accounts.create_user(
                session,
                given.get("email", ""),
                given.get("role", ""),
                name=given.get("name", "").strip()[:200],
                actor=person().actor,
            )
            session.flush()
            link = sign_in_links.create(session, user)
    except UserError as error:
        return _users(error), 422
    return _users(link=link)


@pages.post("/settings/users/<id>/sign-out")
@admins
def sign_out(id: str) -> Response:
    """End all sessions of a person."""
    with the_hub().write() as session:
        accounts.end_sessions(session, id, actor=person().actor)
    flash("They are signed out everywhere.", "good")
    return redirect(url_for("people.users"))


@pages.get("/settings/tokens")
@admins
def tokens() -> str:
    """All tokens, by name and last characters."""
    return _tokens()


def _tokens(problem: UserError | None = None, plain: str = "") -> str:
    with the_hub().read() as session:
        found = accounts.tokens(session)
    return render_template(
        "people/tokens.html",
        tokens=found,
        roles=accounts.ROLES,
        problem=problem,
        plain=plain,
        form=request.form,
    )


@pages.post("/settings/tokens")
@admins
def add_token() -> str | tuple[str, int]:
    """Make a token and show it this once."""
    given = request.form
    try:
        with the_hub().write() as session:
            _, plain = accounts.create_token(
                session,
                given.get("name", "")[:200],
                given.get("role", ""),
                actor=person().actor,
            )
    except UserError as error:
        return _tokens(error), 422
    return _tokens(plain=plain)


@pages.post("/settings/tokens/<id>/revoke")
@admins
def revoke(id: str) -> Response:
    """End a token."""
    with the_hub().write() as session:
        accounts.revoke_token(session, id, actor=person().actor)
    flash("The token is revoked.", "good")
    return redirect(url_for("people.tokens"))

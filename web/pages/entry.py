"""Sign in, sign out, and the one-time links that set a password."""

from urllib.parse import urlsplit

from flask import (
    Blueprint,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response

from hub.core.people import accounts, sign_in_links
from hub.sdk.errors import UserError
from web import limits, security, session
from web.hub import the_hub

pages = Blueprint("entry", __name__)
security.protect(pages)

_WRONG = "E-mail or password is wrong."
_LATER = "Too many tries. Wait a minute, then try again."
Answer = str | Response | tuple[str, int]


@pages.get("/login")
def login() -> Answer:
    """Ask for e-mail and password."""
    if current_user.is_authenticated:
        return redirect(_next())
    return render_template("login.html", email="")


@pages.post("/login")
def enter() -> Answer:
    """Begin a session. The answer never tells which of the two was wrong."""
    email = request.form.get("email", "")[:320]
    if not limits.allows_sign_in(the_hub(), request.remote_addr or "", email):
        return render_template("login.html", email=email, problem=_LATER), 429
    user = accounts.authenticate(the_hub(), email, request.form.get("password", ""))
    if user is None:
        return render_template("login.html", email=email, problem=_WRONG), 401
    session.sign_in(user)
    return redirect(_next())


@pages.post("/logout")
def leave() -> Answer:
    """End this session."""
    logout_user()
    flash("You are signed out.", "good")
    return redirect(url_for("entry.login"))


@pages.get(f"{sign_in_links.PATH}<plain>")
def link(plain: str) -> Answer:
    """Ask for a new password, of the first admin also for the e-mail."""
    with the_hub().read() as transaction:
        user = sign_in_links.look(transaction, plain)
    return render_template("link.html", user=user, email="")


@pages.post(f"{sign_in_links.PATH}<plain>")
def redeem(plain: str) -> Answer:
    """Use the link up and sign in."""
    email = request.form.get("email", "")[:320]
    try:
        with the_hub().write() as transaction:
            user = sign_in_links.redeem(
                transaction, plain, request.form.get("password", ""), email=email
            )
    except UserError as error:
        with the_hub().read() as transaction:
            owner = sign_in_links.look(transaction, plain)
        shown = render_template(
            "link.html", user=owner, email=email, problem=str(error)
        )
        return shown, 422
    session.sign_in(user)
    return redirect(url_for("dashboard.index"))


def _next() -> str:
    """Where the person wanted to go, if that is a page of ours."""
    wanted = request.values.get("next", "")
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    if not ours or parts.scheme or parts.netloc or "\\" in wanted:
        return url_for("dashboard.index")
    return wanted

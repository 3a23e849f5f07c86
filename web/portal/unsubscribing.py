"""Stop e-mail: a page that asks, and the one click of mail programs (RFC 8058).

Mail programs and scanners follow links, so GET changes nothing. The POST needs no
token of a form: the address itself is the secret, and all it can do is this.
"""

from flask import Blueprint, Response, render_template, request
from werkzeug.exceptions import HTTPException

from hub.core.policy import unsubscribe
from hub.sdk.errors import HubError, NotFoundError
from web import limits
from web.errors import status_of
from web.hub import the_hub
from web.portal import figures
from web.portal.entrance import HEADERS

pages = Blueprint("unsubscribe", __name__, url_prefix=unsubscribe.PATH.rstrip("/"))
Answer = str | tuple[str, int]
_SOON = "That can't be done right now. Open your link again in a few minutes."
_LATER = "That was a bit fast. Wait a minute, then open your link again."

pages.context_processor(figures.frame)


@pages.before_request
def _check() -> Answer | None:
    token = str((request.view_args or {}).get("token", ""))
    acts = request.method == "POST"
    if limits.allows_link(the_hub(), request.remote_addr or "", token, acts=acts):
        return None
    return _problem(429, "One moment", _LATER)


@pages.after_request
def _headers(answer: Response) -> Response:
    answer.headers.update(HEADERS)
    return answer


@pages.get("/<token>")
def ask(token: str) -> str:
    """Ask whether to stop."""
    with the_hub().read() as session:
        found = unsubscribe.standing(session, token)
    return render_template("portal/unsubscribe.html", found=found)


@pages.post("/<token>")
def stop(token: str) -> str:
    """Stop, and say so."""
    with the_hub().write() as session:
        unsubscribe.unsubscribe(session, token)
        found = unsubscribe.standing(session, token)
    return render_template("portal/unsubscribe.html", found=found)


@pages.errorhandler(NotFoundError)
def _unknown(error: NotFoundError) -> Answer:
    if not limits.allows_guess(the_hub(), request.remote_addr or ""):
        return _problem(429, "One moment", _LATER)
    return _problem(404, "This link isn't right", str(error))


@pages.errorhandler(HubError)
def _of_hub(error: HubError) -> Answer:
    return _problem(status_of(error), "That did not work", _SOON)


@pages.errorhandler(HTTPException)
def _of_http(error: HTTPException) -> Answer:
    return _problem(error.code or 500, "That did not work", _SOON)


def _problem(status: int, title: str, text: str) -> Answer:
    shown = render_template("portal/problem.html", title=title, text=text, back=None)
    return shown, status

"""The way in: a link stands for whoever has it, so it is looked at on each request."""

from typing import Any, Final

from flask import Blueprint, Response, g, render_template, request, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFError, validate_csrf
from werkzeug.exceptions import HTTPException

from hub.core.people import portal_links
from hub.core.people.portal_links import LinkError
from hub.sdk.errors import HubError, UserError
from web import limits
from web.errors import status_of
from web.hub import the_hub
from web.portal import figures

pages = Blueprint("portal", __name__, url_prefix=f"{portal_links.PATH}<token>")

_POLICY: Final = "; ".join(
    (
        *("default-src 'none'", "style-src 'self'", "img-src 'self'"),
        *("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
    )
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
_LINKS: Final = {
    "unknown": (404, "This link isn't right"),
    "expired": (410, "This link has expired"),
    "revoked": (410, "This link is no longer in use"),
}
_OLD: Final = "This page was open for too long. Open your link once more and try again."
_LATER: Final = "That was a bit fast. Wait a minute, then open your link again."
_NOTED: Final = " If you have just paid, your payment is noted: don't pay again."
_RETURNS: Final = ("portal.come_back", "portal.cancel")
_OURS: Final = "Something went wrong on our side. Nothing was charged by this click."
Answer = tuple[str, int]


pages.context_processor(figures.frame)


@pages.url_value_preprocessor
def _take_token(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.token = (values or {}).pop("token", "")


@pages.url_defaults
def _give_token(_endpoint: str, values: dict[str, Any]) -> None:
    values.setdefault("token", g.get("token", ""))


@pages.before_request
def _check() -> Answer | None:
    hub, address = the_hub(), request.remote_addr or ""
    if not limits.allows_link(hub, address, g.token, acts=request.method == "POST"):
        return problem(429, "One moment", _LATER)
    if request.method == "POST":
        try:
            validate_csrf(request.form.get("csrf_token"))
        except ValueError:
            raise CSRFError from None
    return None


@pages.after_request
def _headers(answer: Response) -> Response:
    answer.headers.update(HEADERS)
    return answer


def link(session: Any) -> Any:
    """The link this request came by; LinkError if it opens nothing (any more)."""
    found = portal_links.resolve(session, g.token)
    g.portal_link = found
    return found


def opened() -> None:
    """Keep that the client opened the link; the MSP's own people don't count."""
    if not current_user.is_authenticated:
        portal_links.note_opened(the_hub(), g.portal_link)


def actor() -> str:
    """Whoever has the link, as the audit names them."""
    return f"portal:{g.portal_link.id}"


def back() -> str:
    """Where a provider sends the payer back to, below this link."""
    return the_hub().url(f"{portal_links.PATH}{g.token}")


def problem(status: int, title: str, text: str, *, back: bool = False) -> Answer:
    """A page that says what is wrong and what to do."""
    shown = render_template(
        "portal/problem.html",
        title=title,
        text=text,
        back=url_for("portal.index") if back else None,
    )
    return shown, status


@pages.errorhandler(LinkError)
def _of_link(error: LinkError) -> Answer:
    status, title = _LINKS[error.why]
    guessed = error.why == "unknown"
    if guessed and not limits.allows_guess(the_hub(), request.remote_addr or ""):
        return problem(429, "One moment", _LATER)
    came_back = request.endpoint in _RETURNS and not guessed
    return problem(status, title, str(error) + (_NOTED if came_back else ""))


@pages.errorhandler(HubError)
def _of_hub(error: HubError) -> Answer:
    # What goes on between the hub and a provider is not for clients.
    text = str(error) if isinstance(error, UserError) else _OURS
    return problem(status_of(error), "That did not work", text, back=True)


@pages.errorhandler(CSRFError)
def _of_old_form(_error: CSRFError) -> Answer:
    return problem(400, "One more time", _OLD, back=True)


@pages.errorhandler(HTTPException)
def _of_http(error: HTTPException) -> Answer:
    return problem(error.code or 500, "That did not work", _OURS, back=True)

"""Errors as pages: what happened and what to do next."""

from typing import Any, Final

from flask import Flask, g, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from hub.sdk.errors import (
    ConflictError,
    ForbiddenError,
    HubError,
    InvalidError,
    NotFoundError,
    ProviderError,
    SettingsError,
    UnreadyError,
)

_STATUS: Final[tuple[tuple[type[HubError], int], ...]] = (
    (NotFoundError, 404),
    (ForbiddenError, 403),
    (ConflictError, 409),
    (InvalidError, 422),
    (UnreadyError, 503),
    (ProviderError, 502),
    (SettingsError, 409),
)
_TITLES: Final = {
    403: "Not for you",
    404: "Not here",
    405: "Not like this",
    409: "Not now",
    413: "Too large",
    422: "Something isn't right",
    429: "Too many tries",
    502: "The provider did not do it",
    503: "Not ready",
}
_WORDS: Final = {
    403: "Your role doesn't allow this. Ask an admin.",
    404: "There is no such page. It may have been moved or removed.",
    405: "This address can't be used that way.",
    413: "That was more than the hub takes at once.",
    429: "Wait a minute, then try again.",
}
Answer = tuple[str, int]


def register(app: Flask) -> None:
    """Show errors of pages as pages; the API has answers of its own."""
    elsewhere: Any = app.error_handler_spec[None][None].get(HTTPException)

    def not_here(error: HTTPException) -> Any:
        if elsewhere is not None and request.path.startswith("/api/"):
            return elsewhere(error)
        return of_http_error(error)

    app.register_error_handler(404, not_here)
    for name, blueprint in app.blueprints.items():
        if blueprint.import_name.startswith("web."):
            # A blueprint takes no handlers any more once it is registered; the ones
            # it has are its own.
            app.error_handler_spec[name][None] = {
                HubError: of_hub_error,
                CSRFError: of_old_form,
                HTTPException: of_http_error,
                **app.error_handler_spec[name][None],
            }


def status_of(error: HubError) -> int:
    """The HTTP status that says the same."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def of_hub_error(error: HubError) -> Answer:
    """Show an error of the hub."""
    status = status_of(error)
    return page(status, str(error))


def of_old_form(_error: CSRFError) -> Answer:
    """A form that was open for too long, or that another site sent."""
    return page(400, "This page was open for too long. Go back, reload it, try again.")


def of_http_error(error: HTTPException) -> Answer:
    """Show an error of the web framework."""
    status = error.code or 500
    return page(status, _WORDS.get(status, "It failed; the hub's log says why."))


def page(status: int, text: str) -> Answer:
    """An error page; only its message where a part of a page was asked for."""
    title = _TITLES.get(status, "That did not work")
    g.without_frame = status == 503  # who is signed in can't be asked either
    if request.headers.get("HX-Request"):
        return render_template("parts/problem.html", text=text), status
    framed = not g.without_frame and current_user.is_authenticated
    frame = "frame.html" if framed else "alone.html"
    shown = render_template("error.html", frame=frame, title=title, text=text)
    return shown, status

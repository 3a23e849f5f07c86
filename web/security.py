"""Headers on every page, and CSRF protection on every form."""

from flask import Blueprint, Flask, Response, request
from flask_wtf import CSRFProtect

csrf = CSRFProtect()

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "img-src 'self' data:",
        "connect-src 'self' {feed}",
    )
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def register(app: Flask) -> None:
    """Set the headers; CSRF is checked where `protect` says. The API takes no
    cookies, so it needs no token; webhooks are believed by their signature."""
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    csrf.init_app(app)

    @app.after_request
    def _headers(answer: Response) -> Response:
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        if answer.mimetype == "text/html":
            answer.headers.setdefault("Content-Security-Policy", _policy())
            answer.headers.setdefault("Cache-Control", "no-store")
        return answer


def protect(blueprint: Blueprint) -> None:
    """Check the CSRF token of every form of these pages."""
    blueprint.before_request(csrf.protect)


def _policy() -> str:
    # Safari takes 'self' for https only, not for wss on the same host.
    scheme = "wss" if request.is_secure else "ws"
    return _POLICY.format(feed=f"{scheme}://{request.host}")

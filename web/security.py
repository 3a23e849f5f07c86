"""Headers on every page, and CSRF protection on every form."""

from flask import Flask, Response, request
from flask_wtf import CSRFProtect

csrf = CSRFProtect()
_WITHOUT_COOKIES = ("/api/", "/webhooks/")

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
    """Protect forms and set the headers. The API takes no cookies, so it needs no
    CSRF token; webhooks are believed by their signature."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    csrf.init_app(app)

    @app.before_request
    def _check_form() -> None:
        if not request.path.startswith(_WITHOUT_COOKIES):
            csrf.protect()

    @app.after_request
    def _headers(answer: Response) -> Response:
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        if answer.mimetype == "text/html":
            answer.headers.setdefault("Content-Security-Policy", _policy())
            answer.headers.setdefault("Cache-Control", "no-store")
        return answer


def _policy() -> str:
    # Safari takes 'self' for https only, not for wss on the same host.
    scheme = "wss" if request.is_secure else "ws"
    return _POLICY.format(feed=f"{scheme}://{request.host}")

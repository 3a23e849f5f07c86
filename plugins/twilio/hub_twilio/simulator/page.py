"""What a person sees: the phones, and the thread on one of them."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader
from werkzeug.wrappers import Response

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


def shown(name: str, **values: Any) -> Response:
    """Fill a template."""
    html = _environment().get_template(f"hub_twilio/{name}.html").render(values)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return Response(html, headers=headers, content_type="text/html; charset=utf-8")


def style() -> Response:
    """Answer the style sheet."""
    sheet = files("hub_twilio") / "templates" / "hub_twilio" / "twilio.css"
    return Response(sheet.read_bytes(), content_type="text/css; charset=utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("hub_twilio"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )

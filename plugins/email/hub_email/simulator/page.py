"""The mail view: what came, as a person reads it."""

from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The mail itself runs nothing and fetches nothing.
MAIL_POLICY: Final = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';"
    " style-src 'unsafe-inline'; frame-ancestors 'self'"
)


def render(**values: Any) -> str:
    """Fill the view's template."""
    return _environment().get_template("hub_email/mailbox.html").render(values)


def web(url: object) -> str:
    """Return an address that may be opened."""
    text = str(url)
    return text if text.startswith(("https://", "http://")) else "#"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("hub_email"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["web"] = web
    return made

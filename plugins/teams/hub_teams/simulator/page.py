"""The channel view: cards as a person sees them in Teams."""

import re
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none';"
    " frame-ancestors 'none'"
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_HELD = re.compile("\x00(\\d+)\x00")
_LINK = re.compile(r"\[([^\[\]\n]+)\]\((https?://[^()\s]+)\)")
_STYLES = (
    (re.compile(r"\*\*(\S(?:[^\n]*?\S)?)\*\*"), "strong"),
    (re.compile(r"(?<![\w*])[*_](\S(?:[^*_\n]*\S)?)[*_](?![\w*])"), "em"),
)
_NAMES = re.compile(r"[A-Za-z]{1,20}")


def render(**values: Any) -> str:
    """Fill the channel's template."""
    return _environment().get_template("hub_teams/channel.html").render(values)


def markdown(text: object) -> Markup:
    """Show the Markdown that Teams knows as HTML; everything else in it is text."""
    held: list[Markup] = []

    def hold(shown: Markup) -> str:
        held.append(shown)
        return f"\x00{len(held) - 1}\x00"

    plain = _ESCAPED.sub(lambda m: hold(escape(m[1])), str(text).replace("\x00", ""))
    linked = _LINK.sub(lambda m: hold(_link(m[2], m[1])), plain)
    html = str(escape(linked))
    for pattern, tag in _STYLES:
        html = pattern.sub(rf"<{tag}>\1</{tag}>", html)
    html = html.replace("\n\n", "<br>")
    # Only what was escaped above and the tags put around it are left here.
    while _HELD.search(html):
        html = _HELD.sub(lambda found: str(held[int(found[1])]), html)
    return Markup(html)  # noqa: S704


def name(value: object, default: str = "default") -> str:
    """Return a style's name as a class; what is none becomes the default."""
    text = str(value or default)
    return text.lower() if _NAMES.fullmatch(text) else default


def web(url: object) -> str:
    """Return an address that may be opened."""
    text = str(url)
    return text if text.startswith(("https://", "http://")) else "#"


def _link(url: str, label: str) -> Markup:
    link = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
    return link.format(url, label)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("hub_teams"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"markdown": markdown, "name": name, "web": web}
    return made

"""The channel view: messages as a person sees them in Slack."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from html import unescape
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from hub.sdk import clock

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:;"
    " base-uri 'none'; frame-ancestors 'none'"
)
COLOURS = {"good": "#2EB67D", "warning": "#ECB22E", "danger": "#E01E5A"}
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_TOKEN = re.compile(r"<([^<>]*)>")
_HELD = re.compile("\x00(\\d+)\x00")
_QUOTE = re.compile(r"^&gt; ?(.*)$", re.MULTILINE)
_STYLES = (
    (re.compile(r"`([^`\n]+)`"), "code"),
    (re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])"), "strong"),
    (re.compile(r"(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])"), "em"),
    (re.compile(r"(?<![\w~])~(\S(?:[^~\n]*\S)?)~(?![\w~])"), "s"),
)


def render(template: str, **values: Any) -> str:
    """Fill a template of the simulator."""
    return _environment().get_template(f"hub_slack/{template}").render(values)


def mrkdwn(text: object) -> Markup:
    """Show mrkdwn as HTML; everything else in it is text."""
    held: list[Markup] = []

    def hold(found: re.Match[str]) -> str:
        held.append(_token(found[1]))
        return f"\x00{len(held) - 1}\x00"

    plain = _TOKEN.sub(hold, str(text).replace("\x00", ""))
    html = str(escape(_decoded(plain)))
    for pattern, tag in _STYLES:
        html = pattern.sub(rf"<{tag}>\1</{tag}>", html)
    html = _QUOTE.sub(r"<blockquote>\1</blockquote>", html)
    html = html.replace("</blockquote>\n", "</blockquote>").replace("\n", "<br>")
    # Only what was escaped above and the tags put around it are left here.
    return Markup(_HELD.sub(lambda found: str(held[int(found[1])]), html))  # noqa: S704


def colour(value: object) -> str:
    """Return the colour of an attachment's bar."""
    text = COLOURS.get(str(value), str(value))
    return text if _HEX.fullmatch(text) else "#8a8a8d"


def _token(inner: str) -> Markup:
    target, _, label = inner.partition("|")
    if target.startswith("!date^"):
        return _date(target, label)
    if target.startswith(("!", "@", "#")):
        shown = _decoded(label) or target.replace("!", "@")
        kind = "ping" if target.startswith("!") else "mention"
        return Markup('<span class="{}">{}</span>').format(kind, shown)
    address = _decoded(target)
    if not address.startswith(("https://", "http://", "mailto:")):
        return escape(f"<{_decoded(inner)}>")
    link = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
    return link.format(address, _decoded(label) or address)


def _date(target: str, fallback: str) -> Markup:
    _, seconds, shape, *_ = [*target.split("^"), "", ""]
    try:
        moment = datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return escape(_decoded(fallback))
    words = {
        "{date_short_pretty}": day(moment),
        "{date_num}": moment.strftime("%Y-%m-%d"),
        "{time}": moment.strftime("%H:%M"),
    }
    for name, word in words.items():
        shape = shape.replace(name, word)
    html = Markup('<time datetime="{}" title="{}">{}</time>')
    return html.format(moment.isoformat(), _decoded(fallback), _decoded(shape))


def day(moment: datetime) -> str:
    """Name a day as Slack does."""
    days = (clock.now().date() - moment.date()).days
    named = {0: "Today", 1: "Yesterday"}.get(days)
    return named or f"{moment:%b} {moment.day}, {moment.year}"


def _decoded(text: str) -> str:
    for entity in ("&lt;", "&gt;", "&amp;"):
        text = text.replace(entity, unescape(entity))
    return text


def plain(value: Mapping[str, Any] | None) -> Markup:
    """Show a text object, mrkdwn or plain."""
    value = value if isinstance(value, Mapping) else {}
    if value.get("type") == "mrkdwn":
        return mrkdwn(value.get("text", ""))
    return escape(value.get("text", "")).replace("\n", Markup("<br>"))


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("hub_slack"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"mrkdwn": mrkdwn, "colour": colour, "shown": plain, "day": day}
    return made

"""What templates can say: times, money, states, the frame around each page."""

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from flask import Flask, g, request
from flask_login import current_user
from markupsafe import Markup, escape

from hub.core import notify
from hub.sdk.clock import now
from hub.sdk.money import Money
from web import words
from web.hub import the_hub
from web.session import person

# Area, its pages as (title, endpoint, the blueprint's name, icon), admins only.
_ADMIN: Final = "admin"
_MENU: Final = (
    ("", "", (("Overview", "dashboard.index", "dashboard", "home"),)),
    (
        "Ledger",
        "",
        (
            ("Invoices", "invoices.index", "invoices", "invoice"),
            ("Quotes", "quotes.index", "quotes", "quote"),
            ("Credit notes", "credit_notes.index", "credit_notes", "credit"),
            ("Companies", "companies.index", "companies", "company"),
            ("Products", "catalogue.products", "product", "product"),
        ),
    ),
    (
        "Money",
        "",
        (
            ("Payments", "payments.index", "payments", "payment"),
            ("Payouts", "money.payouts", "payout", "payout"),
            ("Disputes", "money.disputes", "dispute", "dispute"),
            ("Mandates", "money.mandates", "mandate", "mandate"),
        ),
    ),
    (
        "Work",
        "",
        (
            ("Tickets", "catalogue.tickets", "ticket", "ticket"),
            ("Time", "catalogue.time_entries", "time", "time"),
            ("Devices", "catalogue.devices", "device", "device"),
        ),
    ),
    (
        "Road",
        _ADMIN,
        (
            ("Webhooks in", "trail.webhooks", "webhook", "in"),
            ("Events", "trail.events", "event", "event"),
            ("Deliveries out", "trail.deliveries", "deliver", "out"),
            ("API calls", "trail.calls", "call", "call"),
        ),
    ),
    (
        "Hub",
        _ADMIN,
        (
            ("Connections", "settings.index", "settings", "plug"),
            ("Who is told what", "sending.index", "sending", "bell"),
            ("Message texts", "texts.index", "texts", "text"),
            ("People", "people.users", "user", "people"),
            ("API tokens", "people.tokens", "token", "key"),
        ),
    ),
)
# Blueprints of several areas: there the view's name says which.
_SHARED: Final = frozenset(("trail", "people", "catalogue", "money", "bulk"))
_WITHIN: Final = {
    "connections": "settings",
    "syncs": "settings",
    "contacts": "companies",
    "writing": "settings",
    "asking": "invoices",
    "debits": "mandate",
}


def register(app: Flask) -> None:
    """Give templates their words."""
    filters: dict[str, Callable[..., Any]] = {
        "money": money,
        "when": when,
        "day": day,
        "word": words.word,
        "tone": words.tone,
        "told": words.told,
        "hook": words.hook_word,
        "pretty": pretty,
        "plain": plain,
        "who": who,
        "worked": worked,
    }
    app.jinja_env.filters.update(filters)
    app.context_processor(_frame)


def money(minor: int | None, currency: str) -> str:
    """`1,200.00 EUR`, or a dash where nothing is known."""
    known = minor is not None and currency
    return Money(minor or 0, currency).format() if known else "—"


def when(moment: datetime | None, otherwise: str = "—") -> Markup:
    """A time where the installation is, with the exact one for programs."""
    if moment is None:
        return escape(otherwise)
    local = moment.astimezone(the_hub().settings.time_zone)
    text = f"{local.day} {local:%b %Y, %H:%M:%S}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), f"{local:%Z}", text
    )


def day(value: date | None, otherwise: str = "—") -> Markup:
    """A date."""
    if value is None:
        return escape(otherwise)
    text = f"{value.day} {value:%b %Y}"
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), text)


def pretty(value: object) -> str:
    """Data as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def plain(data: bytes | None) -> str:
    """Bytes as they came, readable: JSON indented, other bytes escaped."""
    if data is None:
        return ""
    try:
        return pretty(json.loads(data))
    except (ValueError, RecursionError):
        text = data.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def who(actor: str) -> str:
    """Who did it: a person by e-mail, a program by its name."""
    kind, _, name = actor.partition(":")
    return name if kind == "user" else actor.replace(":", " ")


def worked(minutes: int) -> str:
    """`1 h 30 min`."""
    hours, rest = divmod(minutes, 60)
    return " ".join(f"{n} {unit}" for n, unit in ((hours, "h"), (rest, "min")) if n)


def _frame() -> dict[str, Any]:
    base: dict[str, Any] = {"today": today}
    if g.get("without_frame") or not current_user.is_authenticated:
        return base
    who = person()
    with the_hub().read() as session:
        unread = notify.unread_count(session, who.user_id)
    return base | {
        "me": who,
        "is_admin": who.role == _ADMIN,
        "menu": _menu(who.role),
        "unread": unread,
    }


def today() -> date:
    """Today where the installation is."""
    return now().astimezone(the_hub().settings.time_zone).date()


def _menu(role: str) -> list[tuple[str, list[tuple[str, str, str, bool]]]]:
    endpoint = request.endpoint or ""
    return [
        (
            title,
            [
                (name, target, icon, endpoint == target or _inside(endpoint, mark))
                for name, target, mark, icon in pages
            ],
        )
        for title, only, pages in _MENU
        if only in ("", role)
    ]


def _inside(endpoint: str, mark: str) -> bool:
    blueprint, _, view = endpoint.partition(".")
    if blueprint in _SHARED:
        return view.startswith(mark)
    return mark == _WITHIN.get(blueprint, blueprint)

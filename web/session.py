"""Who is signed in: Flask-Login over the accounts of the hub."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, abort, flash, g, redirect, request, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user
from werkzeug.wrappers import Response

from hub.core.people import accounts
from hub.core.people.accounts import Principal
from web.hub import the_hub

View = TypeVar("View", bound=Callable[..., Any])


@dataclass
class Person(UserMixin):  # type: ignore[misc] # without types
    """Whoever is signed in, in this session."""

    principal: Principal
    epoch: int

    def get_id(self) -> str:
        """What the session keeps: ending all sessions raises the epoch."""
        return f"{self.principal.user_id}:{self.epoch}"


def register(app: Flask) -> None:
    """Read who is signed in from the session."""
    manager = LoginManager()
    manager.session_protection = None  # addresses of phones change
    manager.user_loader(_load)
    manager.init_app(app, add_context_processor=False)


def _load(kept: str) -> Person | None:
    user_id, _, epoch = kept.partition(":")
    if not epoch.isdigit():
        return None
    principal = accounts.signed_in(the_hub(), user_id, int(epoch))
    return Person(principal, int(epoch)) if principal else None


def sign_in(user: Any) -> None:
    """Begin a session for this user."""
    principal = Principal(user_id=user.id, name=user.email, role=user.role)
    login_user(Person(principal, user.session_epoch))


def person() -> Principal:
    """Whoever is signed in; only behind `ask_to_sign_in`."""
    return cast(Principal, current_user.principal)


def who_and_epoch() -> tuple[str, int] | None:
    """User id and session epoch of whoever is signed in."""
    if not current_user.is_authenticated:
        return None
    return person().user_id, current_user.epoch


def ask_to_sign_in() -> Response | None:
    """Before each page: send who isn't signed in to the sign-in page and back."""
    if current_user.is_authenticated:
        g.person = person()
        return None
    if request.method != "GET" or request.headers.get("HX-Request"):
        answer = redirect(url_for("entry.login"))
        answer.headers["HX-Redirect"] = url_for("entry.login")
        return answer
    here = request.full_path.rstrip("?")
    if here == "/":
        return redirect(url_for("entry.login"))
    flash("Sign in to go on.", "info")
    return redirect(url_for("entry.login", next=here))


def admins(view: View) -> View:
    """Let admins in only."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if person().role != "admin":
            abort(403)
        return view(*args, **kwargs)

    return cast(View, checked)

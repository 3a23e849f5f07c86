"""One connection: its form, its events, test, switches, and its newest traffic."""

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core import connection_calls, connections, messages, sync, told_what
from hub.core.configuration.form import form
from hub.core.configuration.live import LiveConnection, live
from hub.core.contexts import webhook_url
from hub.core.queries import listing
from hub.sdk.errors import InvalidError, UserError
from web import setting_values
from web.area import area
from web.hub import the_hub
from web.pages import syncs
from web.session import admins, person

pages = area("connections")
_RECENT = 5


@pages.get("/settings/connections/<slug>")
@admins
def single(slug: str) -> str:
    """The whole connection on one page; no secret on it."""
    return _page(slug)


def _page(slug: str, problem: UserError | None = None) -> str:
    hub = the_hub()
    known = live(hub)
    known.refresh()
    connection = known.by_slug(slug)
    plugin = hub.plugins.get(connection.plugin)
    mine = {"connection_id": connection.id}
    with hub.read() as session:
        recent = {
            "deliveries": listing.rows(
                session, listing.DELIVERIES, mine, limit=_RECENT
            ).items,
            "webhooks": listing.rows(
                session, listing.WEBHOOKS, mine, limit=_RECENT
            ).items,
            "calls": listing.rows(
                session, listing.API_CALLS, mine, limit=_RECENT
            ).items,
        }
        return render_template(
            "settings/connection.html",
            connection=connection,
            plugin=plugin,
            plugin_state=known.plugin_state(connection.plugin),
            settings=form(connection),
            given=request.form,
            lines=told_what.lines(session, connection),
            writes=messages.HOOK in plugin.hooks,
            takes_webhooks="verify_webhook" in plugin.hooks,
            registers="register_webhook" in plugin.hooks,
            tests="test_connection" in plugin.hooks,
            can_sync=sync.can_sync(hub, connection),
            syncs=syncs.recent(session, connection.id),
            is_running=sync.is_running,
            webhook_url=webhook_url(hub, slug),
            names={connection.id: slug},
            problem=problem,
            fields=problem.fields if isinstance(problem, InvalidError) else {},
            **recent,
        )


@pages.post("/settings/connections/<slug>")
@admins
def save(slug: str) -> Response | tuple[str, int]:
    """Save the settings."""
    connection = _fresh(slug)
    changes, gone = setting_values.read(form(connection), request.form)
    try:
        with the_hub().write() as session:
            connections.set_settings(
                session, slug, changes, remove=gone, actor=person().actor
            )
    except UserError as error:
        return _page(slug, error), 422
    flash("The settings are saved and in force.", "good")
    return _back(slug)


@pages.post("/settings/connections/<slug>/test")
@admins
def test(slug: str) -> str | Response:
    """Make the provider's cheapest call and show what it said."""
    tested = connection_calls.test(the_hub(), slug, actor=person().actor)
    if request.headers.get("HX-Request"):
        return render_template("parts/tested.html", tested=tested)
    flash(tested.message, "good" if tested.ok else "bad")
    return _back(slug)


@pages.post("/settings/connections/<slug>/webhook")
@admins
def register(slug: str) -> Response:
    """Register the webhook at the provider."""
    connection_calls.register_webhook(the_hub(), slug, actor=person().actor)
    flash("The provider knows the webhook's address now.", "good")
    return _back(slug)


@pages.post("/settings/connections/<slug>/<any(enable, disable):action>")
@admins
def switch(slug: str, action: str) -> Response:
    """Put to use, or hold."""
    acts: Mapping[str, Any] = {
        "enable": connections.enable,
        "disable": connections.disable,
    }
    with the_hub().write() as session:
        acts[action](session, slug, actor=person().actor)
    flash(f"{slug} is {action}d.", "good")
    return _back(slug)


@pages.route("/settings/connections/<slug>/remove", methods=["GET", "POST"])
@admins
def remove(slug: str) -> str | Response:
    """Ask once more, then remove."""
    connection = _fresh(slug)
    if request.method == "GET":
        return render_template("settings/remove.html", connection=connection)
    left = connection_calls.remove(the_hub(), slug, actor=person().actor)
    flash(left or f"{connection.title} is removed.", "warn" if left else "good")
    return redirect(url_for("settings.index"))


def _fresh(slug: str) -> LiveConnection:
    known = live(the_hub())
    known.refresh()
    return known.by_slug(slug)


def _back(slug: str) -> Response:
    return redirect(url_for("connections.single", slug=slug))

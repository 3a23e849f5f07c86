"""The catalogue of plugins and all connections."""

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core import connections
from hub.core.configuration import switches as plugin_switches
from hub.core.configuration.form import empty_form
from hub.core.configuration.live import live
from hub.sdk.errors import InvalidError, UserError
from web import setting_values
from web.area import area
from web.hub import the_hub
from web.session import admins, person

pages = area("settings")
_CATEGORIES = {
    "payment": "Payments",
    "notify": "Messages",
    "accounting": "Books",
    "rmm": "Monitoring",
    "psa": "Tickets and time",
    "export": "Exports",
    "other": "Other",
}


@dataclass(frozen=True)
class Entry:
    """One plugin in the catalogue."""

    plugin: Any
    state: str
    error: str
    connections: list[Any]

    @property
    def category(self) -> str:
        """Where it stands."""
        provider = self.plugin.provider
        return _CATEGORIES[provider.category] if provider else "Broken"


@pages.get("/settings")
@admins
def index() -> str:
    """What is connected, and what could be."""
    known = live(the_hub())
    known.refresh()
    entries = [
        Entry(
            plugin,
            *known.plugin_state(plugin.name),
            [each for each in known.all() if each.plugin == plugin.name],
        )
        for plugin in the_hub().plugins.all()
    ]
    entries.sort(key=lambda e: (e.category == "Broken", e.category, e.plugin.name))
    return render_template(
        "settings/index.html", entries=entries, connections=known.all()
    )


@pages.post("/settings/plugins/<name>/<any(enable, disable):action>")
@admins
def switch(name: str, action: str) -> Response:
    """Switch a plugin on or off."""
    act = {"enable": plugin_switches.enable, "disable": plugin_switches.disable}
    with the_hub().write() as session:
        act[action](session, name, actor=person().actor)
    flash(f"{name} is {action}d.", "good")
    return redirect(url_for("settings.index"))


@pages.get("/settings/connections/new")
@admins
def new() -> str:
    """An empty form for a plugin's connection."""
    return _form(request.args.get("plugin", ""))


@pages.post("/settings/connections/new")
@admins
def add() -> Response | tuple[str, int]:
    """Add a connection; it calls nobody yet."""
    name = request.form.get("plugin", "")
    form = empty_form(the_hub().plugins.provider(name))
    changes, _ = setting_values.read(form, request.form, new=True)
    slug = request.form.get("slug", "").strip() or None
    try:
        with the_hub().write() as session:
            made = connections.add(session, name, slug, changes, actor=person().actor)
    except UserError as error:
        return _form(name, error), 422
    flash("The connection is added. Test it before you rely on it.", "good")
    return redirect(url_for("connections.single", slug=made.slug))


def _form(name: str, problem: UserError | None = None) -> str:
    hub = the_hub()
    provider = hub.plugins.provider(name)
    return render_template(
        "settings/new.html",
        plugin=hub.plugins.get(name),
        provider=provider,
        settings=empty_form(provider),
        given=request.form,
        problem=problem,
        fields=problem.fields if isinstance(problem, InvalidError) else {},
    )

"""Sync a connection now, and watch it."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core import sync
from hub.core.configuration.live import live
from hub.core.queries import listing
from web.area import area
from web.hub import the_hub
from web.session import admins, person

pages = area("syncs")
_RECENT = 5


@pages.post("/settings/connections/<slug>/sync")
@admins
def start(slug: str) -> str | Response:
    """Begin a run; the page shows how far it is."""
    sync.start(the_hub(), slug, actor=person().actor)
    if request.headers.get("HX-Request"):
        return _part(slug)
    flash("The sync has begun.", "good")
    return redirect(url_for("connections.single", slug=slug))


@pages.get("/settings/connections/<slug>/sync")
@admins
def progress(slug: str) -> str:
    """The newest runs; asked for again while one runs."""
    return _part(slug)


def recent(session: Any, connection_id: str) -> Any:
    """The newest runs of a connection."""
    mine = {"connection_id": connection_id}
    return listing.rows(session, listing.SYNC_RUNS, mine, limit=_RECENT).items


def _part(slug: str) -> str:
    known = live(the_hub())
    known.refresh()
    connection = known.by_slug(slug)
    with the_hub().read() as session:
        return render_template(
            "parts/syncs.html",
            connection=connection,
            syncs=recent(session, connection.id),
            is_running=sync.is_running,
        )

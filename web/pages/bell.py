"""Notifications: the page, the bell's list, and what it asks for without a socket."""

from typing import Any

from flask import abort, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core import notify
from web.area import area
from web.feed import mark_read
from web.hub import the_hub
from web.session import person

pages = area("bell")
_PAGE = 50
_IN_BELL = 10


@pages.get("/notifications")
def index() -> str:
    """All notifications, newest first."""
    before = request.args.get("before", type=int)
    only_unread = request.args.get("unread") == "true"
    with the_hub().read() as session:
        found = notify.listed(
            session,
            person().user_id,
            unread=only_unread,
            before=before,
            limit=_PAGE + 1,
        )
    return render_template(
        "notifications.html",
        items=found[:_PAGE],
        older=found[_PAGE - 1].id if len(found) > _PAGE else None,
        only_unread=only_unread,
    )


@pages.get("/notifications/bell")
def recent() -> str:
    """The newest few, for the bell."""
    with the_hub().read() as session:
        items = notify.listed(session, person().user_id, limit=_IN_BELL)
    return render_template("parts/bell.html", items=items)


@pages.get("/notifications.json")
def poll() -> Response:
    """What is new: asked for while there is no WebSocket."""
    after = request.args.get("after", 0, type=int)
    who = person().user_id
    with the_hub().read() as session:
        told: dict[str, Any] = {
            "unread": notify.unread_count(session, who),
            "last_id": notify.last_id(session, who),
            "notifications": [
                {"id": row.id, "title": row.title, "body": row.body, "url": row.url}
                for row in notify.since(session, who, after, limit=20)
            ],
        }
    return jsonify(told)


@pages.post("/notifications/<int:id>/read")
def read(id: int) -> Response:
    """Mark one as read."""
    if id >= 2**63:
        abort(404)
    mark_read(the_hub(), person().user_id, id)
    return _back()


@pages.post("/notifications/read-all")
def read_all() -> Response:
    """Mark all as read."""
    mark_read(the_hub(), person().user_id, None)
    return _back()


@pages.get("/notifications/<int:id>")
def follow(id: int) -> Response:
    """Mark one as read and go to what it tells of."""
    base = the_hub().settings.base_url
    with the_hub().read() as session:
        listed = notify.listed(session, person().user_id, before=id + 1, limit=1)
    if not listed or listed[0].id != id:
        abort(404)
    mark_read(the_hub(), person().user_id, id)
    url = listed[0].url
    if not url.startswith(base + "/"):
        return redirect(url_for("bell.index"))
    return redirect(url.removeprefix(base))


def _back() -> Response:
    if request.headers.get("HX-Request"):
        return Response(status=204)
    return redirect(url_for("bell.index"))

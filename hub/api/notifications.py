"""The notifications of whoever asks."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import STAFF, allowed, the_hub, who
from hub.api.blueprint import Resources
from hub.api.fields import Moment
from hub.core import notify
from hub.core.queries.paging import DEFAULT_LIMIT, MAX_LIMIT

blueprint = Resources("notifications", __name__, description="What people are told.")


class Notification(ma.Schema):
    """One notification; ids ascend in the order in which they appeared."""

    id = fields.Integer()
    type = fields.String()
    title = fields.String()
    body = fields.String()
    url = fields.String()
    data = fields.Dict()
    created_at = Moment()
    read_at = Moment(allow_none=True)


class NotificationPage(ma.Schema):
    """A page of them; `unread` counts all."""

    items = fields.List(fields.Nested(Notification))
    next_cursor = fields.String(allow_none=True)
    unread = fields.Integer()


class NotificationFilters(ma.Schema):
    """`unread=true` for those not read yet."""

    unread = fields.Boolean(load_default=False)
    cursor = fields.Integer(strict=False, validate=ma.validate.Range(1, 2**62))
    limit = fields.Integer(
        load_default=DEFAULT_LIMIT, validate=ma.validate.Range(1, MAX_LIMIT)
    )


class Count(ma.Schema):
    """How many it were."""

    count = fields.Integer()


@blueprint.route("/notifications")
@allowed(*STAFF)
@blueprint.filters(NotificationFilters)
@blueprint.response(200, NotificationPage)
def index(query: dict[str, Any]) -> Any:
    """List notifications, newest first."""
    limit = query["limit"]
    with the_hub().read() as session:
        found = notify.listed(
            session,
            who().user_id,
            unread=query["unread"],
            before=query.get("cursor"),
            limit=limit + 1,
        )
        count = notify.unread_count(session, who().user_id)
    items = found[:limit]
    cursor = str(items[-1].id) if len(found) > limit else None
    return {"items": items, "next_cursor": cursor, "unread": count}


@blueprint.route("/notifications/<int:id>/read", methods=["POST"])
@allowed(*STAFF)
@blueprint.response(200, Notification)
def read(id: int) -> Any:
    """Mark one as read."""
    with the_hub().write() as session:
        return notify.mark_read(session, who().user_id, id)


@blueprint.route("/notifications/read-all", methods=["POST"])
@allowed(*STAFF)
@blueprint.response(200, Count)
def read_all() -> Any:
    """Mark all as read."""
    with the_hub().write() as session:
        return {"count": notify.mark_all_read(session, who().user_id)}

"""Events: what happened in the ledger, and what others report."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import WRITERS, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Free, Moment, Text
from hub.api.lists import readable
from hub.core.emit import emit
from hub.core.queries.listing import EVENTS

blueprint = Resources("events", __name__, description="What happened in the ledger.")


class Event(ma.Schema):
    """One event; `data` is a snapshot of its subject."""

    id = fields.String()
    type = fields.String()
    subject = fields.String()
    data = fields.Dict()
    url = fields.String()
    occurred_at = Moment()
    created_at = Moment()


class NewEvent(ma.Schema):
    """An event of type invoice.anomaly, alert.raised, alert.resolved or custom.*."""

    type = Text(required=True, most=100)
    data = Free(required=True)


readable(blueprint, "/events", EVENTS, Event)


@blueprint.route("/events", methods=["POST"])
@allowed(*WRITERS)
@blueprint.arguments(NewEvent)
@blueprint.response(201, Event)
def create(values: dict[str, Any]) -> Any:
    """Report an event."""
    with the_hub().write() as session:
        made = emit(session, values["type"], values["data"], actor=actor())
    return made

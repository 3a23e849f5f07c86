"""The payloads that outgoing webhooks carry, as JSON Schema."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import WRITERS, allowed
from hub.api.blueprint import Resources
from hub.sdk.errors import NotFoundError
from hub.sdk.event_schemas import TYPES, VERSION, payload_schema

blueprint = Resources(
    "event-schemas", __name__, description="What outgoing webhooks carry."
)


class PayloadShape(ma.Schema):
    """The JSON Schema (2020-12) of one event type's payload."""

    type = fields.String()
    version = fields.Integer()
    schema = fields.Dict()


class PayloadShapes(ma.Schema):
    """All of them."""

    items = fields.List(fields.Nested(PayloadShape))


@blueprint.route("/event-schemas")
@allowed(*WRITERS)
@blueprint.response(200, PayloadShapes)
def index() -> Any:
    """List the schema of each event type's payload."""
    return {"items": [_shown(type) for type in TYPES]}


@blueprint.route("/event-schemas/<string:type>")
@allowed(*WRITERS)
@blueprint.response(200, PayloadShape)
def single(type: str) -> Any:
    """Return the schema of one event type's payload."""
    if type not in TYPES:
        raise NotFoundError(f"There is no event type {type}.")
    return _shown(type)


def _shown(type: str) -> dict[str, Any]:
    return {"type": type, "version": VERSION, "schema": payload_schema(type)}

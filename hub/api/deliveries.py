"""Deliveries over HTTP: what was sent where, and what a person does about it."""

from typing import Any

import marshmallow as ma
from flask import abort
from marshmallow import fields

from hub.api.access import ADMIN, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Moment, OfConnection, Text
from hub.api.lists import readable, show, with_slugs
from hub.core.deliveries import retry
from hub.core.queries.listing import DELIVERIES, WEBHOOKS
from hub.core.webhooks import replay

blueprint = Resources("deliveries", __name__, description="What was sent where.")


class Delivery(OfConnection):
    """One event, or free message, bound for one connection's hook."""

    id = fields.String()
    event_id = fields.String(allow_none=True)
    hook = fields.String()
    target = fields.String()
    subject = fields.String()
    audience = fields.String()
    kind = fields.String()
    company_id = fields.String(allow_none=True)
    contact_id = fields.String(allow_none=True)
    state = fields.String()
    reason = fields.String()
    explanation = fields.String()
    attempts = fields.Integer()
    next_attempt_at = Moment(allow_none=True)
    provider_reference = fields.String(allow_none=True)
    replay_of = fields.String(allow_none=True)
    created_at = Moment()
    finished_at = Moment(allow_none=True)


class Bulk(ma.Schema):
    """Which ones, by the list's filters; `dry_run` only counts them."""

    filters = fields.Dict(keys=fields.String(), values=Text(), load_default={})
    dry_run = fields.Boolean(load_default=False)


class BulkCount(ma.Schema):
    """How many it were, or would be."""

    count = fields.Integer()
    dry_run = fields.Boolean()


readable(
    blueprint, "/deliveries", DELIVERIES, Delivery, prepare=with_slugs, roles=ADMIN
)


def _act(act: Any, id: str) -> Any:
    with the_hub().write() as session:
        done = act(session, id, actor())
        return show(session, DELIVERIES, done.id, with_slugs)


@blueprint.route("/deliveries/<string:id>/retry", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(202, Delivery)
def retry_one(id: str) -> Any:
    """Do a delivery again, with the same idempotency key."""
    return _act(retry.retry, id)


@blueprint.route("/deliveries/<string:id>/replay", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(202, Delivery)
def replay_one(id: str) -> Any:
    """Make a new delivery of the same event."""
    return _act(retry.replay, id)


@blueprint.route("/deliveries/<string:id>/confirm", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(200, Delivery)
def confirm(id: str) -> Any:
    """Somebody looked: what was in doubt has been carried out."""
    return _act(retry.confirm, id)


@blueprint.route("/deliveries/retry", methods=["POST"])
@allowed(*ADMIN)
@blueprint.arguments(Bulk, required=False)
@blueprint.response(202, BulkCount)
def retry_many(values: dict[str, Any]) -> Any:
    """Retry all that the filters name; without a state, the dead ones."""
    return _many(retry.retry_many, DELIVERIES, values)


@blueprint.route("/deliveries/replay", methods=["POST"])
@allowed(*ADMIN)
@blueprint.arguments(Bulk, required=False)
@blueprint.response(202, BulkCount)
def replay_many(values: dict[str, Any]) -> Any:
    """Replay all finished ones that the filters name."""
    return _many(retry.replay_many, DELIVERIES, values)


@blueprint.route("/inbound-webhooks/replay", methods=["POST"])
@allowed(*ADMIN)
@blueprint.arguments(Bulk, required=False)
@blueprint.response(202, BulkCount)
def replay_webhooks(values: dict[str, Any]) -> Any:
    """Hear all webhooks again that the filters name; without a state, failed ones."""
    return _many(replay.webhooks, WEBHOOKS, values)


def _many(act: Any, known: Any, values: dict[str, Any]) -> dict[str, Any]:
    unknown = set(values["filters"]) - known.parameters()
    if unknown:
        abort(400, f"There is no filter {min(unknown)!r}.")
    dry_run = values["dry_run"]
    count = act(the_hub(), values["filters"], actor(), dry_run=dry_run)
    return {"count": count, "dry_run": dry_run}

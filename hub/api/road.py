"""The trail of the road: webhooks, API calls, sync runs, and the audit."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import ADMIN, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Moment, OfConnection
from hub.api.lists import readable, show, with_slugs
from hub.core.queries.listing import API_CALLS, AUDIT, SYNC_RUNS, WEBHOOKS
from hub.core.webhooks import replay

blueprint = Resources("trail", __name__, description="What the hub heard and did.")


class InboundWebhook(OfConnection):
    """A request from a provider, kept as it came."""

    id = fields.String()
    method = fields.String()
    path = fields.String()
    size = fields.Integer()
    state = fields.String()
    event_types = fields.String()
    attempts = fields.Integer()
    error = fields.String()
    received_at = Moment()
    processed_at = Moment(allow_none=True)
    next_attempt_at = Moment(allow_none=True)
    replay_of = fields.String(allow_none=True)


class ApiCall(OfConnection):
    """A call to a provider; excerpts hold no secret."""

    id = fields.String()
    plugin = fields.String()
    delivery_id = fields.String(allow_none=True)
    webhook_id = fields.String(allow_none=True)
    method = fields.String()
    url = fields.String()
    status = fields.Integer(allow_none=True)
    error = fields.String()
    duration_ms = fields.Integer()
    request_size = fields.Integer()
    response_size = fields.Integer()
    request_excerpt = fields.String()
    response_excerpt = fields.String()
    created_at = Moment()


class SyncRun(OfConnection):
    """One run of a sync."""

    id = fields.String()
    state = fields.String()
    pages = fields.Integer()
    facts = fields.Integer()
    error = fields.String()
    started_at = Moment()
    finished_at = Moment(allow_none=True)


class AuditEntry(ma.Schema):
    """One change by a person, token or command."""

    id = fields.String()
    actor = fields.String()
    action = fields.String()
    subject = fields.String()
    data = fields.Dict()
    created_at = Moment()


for _path, _known, _shown in (
    ("/inbound-webhooks", WEBHOOKS, InboundWebhook),
    ("/api-calls", API_CALLS, ApiCall),
    ("/sync-runs", SYNC_RUNS, SyncRun),
):
    readable(blueprint, _path, _known, _shown, prepare=with_slugs, roles=ADMIN)
readable(blueprint, "/audit", AUDIT, AuditEntry, roles=ADMIN)


@blueprint.route("/inbound-webhooks/<string:id>/replay", methods=["POST"])
@allowed(*ADMIN)
@blueprint.response(202, InboundWebhook)
def replay_webhook(id: str) -> Any:
    """Hear a webhook again; the answer is the new row."""
    with the_hub().write() as session:
        again = replay.webhook(session, id)
        return show(session, WEBHOOKS, again.id, with_slugs)

"""Replay a webhook: hear it again with today's plugin (ROAD 13).

It is a new row with `replay_of`; its facts are a new revision of those heard before,
and the ledger is computed again from the newest.
"""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import audit
from hub.core.models import Connection, InboundWebhook, new_id
from hub.core.queries.listing import WEBHOOKS, narrowed
from hub.jobs import ring_after
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, NotFoundError

_BATCH = 200


def webhook(session: Session, webhook_id: str) -> InboundWebhook:
    """Queue a kept webhook once more and return the new row.

    ConflictError if its bytes are gone, or its connection is disabled or removed.
    """
    original = session.get(InboundWebhook, webhook_id)
    if original is None:
        raise NotFoundError(f"There is no inbound webhook {webhook_id!r}.")
    if original.body is None or original.headers is None:
        raise ConflictError(
            "Its bytes are gone: webhooks are kept in full for HUB_WEBHOOK_DAYS only."
        )
    connection = session.get_one(Connection, original.connection_id)
    if connection.state == "disabled" or connection.removed_at is not None:
        raise ConflictError(f"Enable the connection {connection.slug} first.")
    at = now()
    again = InboundWebhook(
        id=new_id("whk"),
        connection_id=original.connection_id,
        dedupe_key=None,
        method=original.method,
        path=original.path,
        query=original.query,
        headers=original.headers,
        body=original.body,
        size=original.size,
        received_at=at,
        state="received",
        next_attempt_at=at,
        replay_of=original.replay_of or original.id,
    )
    session.add(again)
    session.flush()
    ring_after(session, "process")
    return again


def webhooks(
    hub: Hub, filters: Mapping[str, str], actor: str, *, dry_run: bool = False
) -> int:
    """Replay all kept webhooks the filters (those of the list) name, but for those
    of disabled connections; returns how many. Without a filter on the state: the
    failed ones."""
    wanted = {"state": "failed", **filters}
    chosen = (
        select(InboundWebhook.id)
        .join(Connection, Connection.id == InboundWebhook.connection_id)
        .where(
            InboundWebhook.body.is_not(None),
            Connection.state != "disabled",
            Connection.removed_at.is_(None),
        )
    )
    with hub.read() as session:
        found = session.scalars(narrowed(chosen, WEBHOOKS, wanted)).all()
    if dry_run:
        return len(found)
    for start in range(0, len(found), _BATCH):
        with hub.write() as session:
            for id in found[start : start + _BATCH]:
                webhook(session, id)
            audit.record(session, actor, "webhooks.replayed", "webhooks", **wanted)
    return len(found)

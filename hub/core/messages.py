"""Free messages: deliveries without an event, over the same road (ROAD 15)."""

from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core import audit, connections
from hub.core.ledger import companies
from hub.core.models import Connection, Delivery, new_id, same_id
from hub.core.policy import asking
from hub.core.rows import insert_new
from hub.jobs import ring_after
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError
from hub.sdk.events import Message
from hub.sdk.provider import Provider

HOOK = "send_message"
LONGEST = 40_000  # characters
_UNUSABLE = {
    "setup": "is not set up yet: add its settings",
    "disabled": "is disabled: enable it",
}


def send(
    session: Session,
    slug: str,
    message: Message,
    actor: str,
    *,
    company_id: str | None = None,
    key: str = "",
) -> Delivery:
    """Queue a message to a connection's channel, phone or address. What holds for a
    client (consent, quiet hours, one text a day) holds for this, too. With a client's
    `company_id` a number may be written as in its country. The same `key` is the same
    message, however often it is sent."""
    _check(message)
    connection, provider = _usable(session, slug)
    id, moment = _id(connection, actor, key), now()
    target, contact = message.to or "", None
    if provider.reach != "channel":
        country = companies.get(session, company_id).country if company_id else None
        target = asking.address(provider.reach, message.to, country)
        contact = asking.addressee(session, provider.reach, target)
    row = {
        "id": id,
        "connection_id": connection.id,
        "hook": HOOK,
        "target": target,
        "audience": "contact" if contact else "channel",
        "company_id": contact.company_id if contact else None,
        "contact_id": contact.id if contact else None,
        "subject": f"message:{id}",
        "message": _kept(message),
        "state": "pending",
        "next_attempt_at": moment,
        "created_at": moment,
    }
    if insert_new(session, Delivery, [row], unique=("id",)):
        audit.record(session, actor, "message.sent", f"connection:{connection.id}")
        ring_after(session, "deliver")
    return session.get_one(Delivery, id)


def _id(connection: Connection, actor: str, key: str) -> str:
    if not key:
        return new_id("dlv")
    return same_id("dlv", "message", connection.id, actor, key)


def _usable(session: Session, slug: str) -> tuple[Connection, Provider]:
    connection = connections.find(session, slug)
    provider = hub_of(session).plugins.provider(connection.plugin)
    if not hub_of(session).plugins.has(connection.plugin, HOOK):
        raise ConflictError(f"{provider.title} takes no messages.")
    if connection.state in _UNUSABLE:
        raise ConflictError(f"{slug} {_UNUSABLE[connection.state]} first.")
    return connection, provider


def _kept(message: Message) -> dict[str, object]:
    kept: dict[str, object] = {
        "text": message.text,
        "blocks": [dict(b) for b in message.blocks],
    }
    return kept | ({"subject": message.subject} if message.subject else {})


def _check(message: Message) -> None:
    if not message.text.strip() and not message.blocks:
        raise InvalidError("Write a text, or give blocks.", {"text": ["Empty."]})
    if len(message.text) > LONGEST:
        raise InvalidError(
            f"The text has more than {LONGEST} characters.", {"text": ["Too long."]}
        )

"""What would happen if it were asked for now: to whom, with what text, or why not.

All of it is done in a transaction that is undone, so that it can't differ from what
happens then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import messages
from hub.core.configuration.live import live
from hub.core.models import Contact, Delivery
from hub.core.policy import asking
from hub.core.policy.screen import Screen
from hub.core.policy.verdict import Wait
from hub.sdk.clock import now
from hub.sdk.events import Message


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One message. `why` says why it isn't sent, or what it waits for (`until`)."""

    title: str  # of the connection
    reach: str
    name: str
    address: str
    why: str = ""
    until: datetime | None = None
    message: dict[str, Any] = field(default_factory=dict)

    @property
    def goes(self) -> bool:
        """True if it will be sent, now or when it may."""
        return not self.why or self.until is not None


class _UndoneError(Exception):
    """Raised to leave nothing of it behind."""


def reminder(hub: Hub, invoice_id: str, actor: str) -> list[Proposal]:
    """What a reminder of this invoice would be; ConflictError if there is none."""
    return _tried(hub, lambda s: asking.remind(s, invoice_id, actor, key="proposed"))


def statement(hub: Hub, company_id: str, actor: str) -> list[Proposal]:
    """What a statement for this company would be; ConflictError if there is none."""
    return _tried(hub, lambda s: asking.statement(s, company_id, actor, key="proposed"))


def free(hub: Hub, slug: str, message: Message, actor: str) -> Proposal:
    """What a free message would be; UserError if it can't be sent at all."""
    return _tried(hub, lambda s: [messages.send(s, slug, message, actor)])[0]


def _tried(hub: Hub, ask: Callable[[Session], Sequence[Delivery]]) -> list[Proposal]:
    found: list[Proposal] = []
    try:
        with hub.write() as session:
            found = [_proposal(session, hub, row) for row in ask(session)]
            raise _UndoneError
    except _UndoneError:
        return found


def _proposal(session: Session, hub: Hub, row: Delivery) -> Proposal:
    connection = live(hub).by_id(row.connection_id)
    contact = session.get(Contact, row.contact_id) if row.contact_id else None
    why, until = row.explanation, None
    if row.state == "pending":
        answer = Screen(session, hub, connection, [row], now()).of(row, None)
        if isinstance(answer, Wait):
            why, until = answer.explanation, answer.until
        elif answer is not None:
            why = answer.explanation or answer.reason
    return Proposal(
        title=connection.title,
        reach=connection.provider.reach if connection.provider else "",
        name=contact.name if contact else "",
        address=row.target,
        why=why,
        until=until,
        message=dict(row.message or {}),
    )

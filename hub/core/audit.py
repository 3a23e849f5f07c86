"""Who changed what: one entry in the same transaction as the change."""

from typing import Any

from sqlalchemy.orm import Session

from hub.core.models import AuditEntry
from hub.sdk import clock

HUB = "hub"  # the actor of what nobody asked for


def record(
    session: Session, actor: str, action: str, subject: str, **data: Any
) -> None:
    """Note that `actor` (`user:…`, `token:…`, `cli:…`, `hub`) did `action`
    (`connection.added`) to `subject` (`connection:cnn_…`).

    `data` names what changed; it never holds a secret or its length.
    """
    session.add(
        AuditEntry(
            actor=actor,
            action=action,
            subject=subject,
            data=data,
            created_at=clock.now(),
        )
    )

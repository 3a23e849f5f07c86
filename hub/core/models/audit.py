"""Who changed what, and answers kept for idempotent requests."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, new_id


class AuditEntry(Base):
    """One change by a person, token or command; `data` never holds a secret."""

    __tablename__ = "audit_entries"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("aud"))
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(index=True)


class IdempotencyKey(Base):
    """The answer to a POST, kept 24 hours for its Idempotency-Key."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    status: Mapped[int | None]
    answer: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(index=True)

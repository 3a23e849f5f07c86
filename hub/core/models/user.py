"""Users, API tokens and one-time sign-in links."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, Stamped, new_id


class User(Stamped, Base):
    """A person, or the service user a token acts as (`service`).

    `role`: admin, billing, ingest. `session_epoch` is raised to end all sessions.
    """

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("usr"))
    email: Mapped[str] = mapped_column(unique=True)  # lower case
    name: Mapped[str] = mapped_column(default="")
    role: Mapped[str]
    password_hash: Mapped[str | None]
    service: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    session_epoch: Mapped[int] = mapped_column(default=0)
    last_login_at: Mapped[datetime | None]
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Token(Base):
    """An API token; only the SHA-256 of it is kept."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("tok"))
    name: Mapped[str]
    role: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    hint: Mapped[str]  # the last four characters
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInLink(Base):
    """A one-time link that makes the first admin or resets a password."""

    __tablename__ = "sign_in_links"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("lnk"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

"""One-time links: to make the first admin, to set a password."""

import secrets
from datetime import timedelta

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core import audit
from hub.core.models import SignInLink, User
from hub.core.people import accounts
from hub.sdk import clock
from hub.sdk.errors import ConflictError, NotFoundError

PATH = "/login/link/"
_LASTS = timedelta(days=1)


def first_admin_link(session: Session) -> str | None:
    """A link that makes the first admin; None if there is one. It takes the place
    of those given out before."""
    if accounts.has_admin(session):
        return None
    session.execute(
        delete(SignInLink).where(
            SignInLink.user_id.is_(None), SignInLink.used_at.is_(None)
        )
    )
    return create(session)


def create(session: Session, user: User | None = None) -> str:
    """Make a link that lets `user` set a password (None: makes the first admin)."""
    plain = secrets.token_urlsafe(32)
    session.add(
        SignInLink(
            token_hash=accounts.digest(plain),
            user_id=user.id if user else None,
            expires_at=clock.now() + _LASTS,
        )
    )
    return hub_of(session).url(PATH + plain)


def look(session: Session, plain: str) -> User | None:
    """Whose link it is (None: the first admin's); NotFoundError if it is used up."""
    link = session.scalar(_valid(plain))
    if link is None:
        raise _used_up()
    return session.get(User, link.user_id) if link.user_id else None


def redeem(session: Session, plain: str, password: str, *, email: str = "") -> User:
    """Use the link up: set the password of its user, or make the first admin."""
    link = session.scalar(_valid(plain).with_for_update())
    if link is None:
        raise _used_up()
    link.used_at = clock.now()
    if link.user_id is None:
        return _first_admin(session, email, password)
    user = session.get_one(User, link.user_id, with_for_update=True)
    accounts.set_password(session, user, password, actor=f"user:{user.email}")
    return user


def _first_admin(session: Session, email: str, password: str) -> User:
    if accounts.has_admin(session):
        raise ConflictError("There is an admin already: ask them for an account.")
    return accounts.create_user(
        session, email, "admin", password=password, actor=audit.HUB
    )


def _valid(plain: str) -> Select[SignInLink]:
    return select(SignInLink).where(
        SignInLink.token_hash == accounts.digest(plain),
        SignInLink.used_at.is_(None),
        SignInLink.expires_at > clock.now(),
    )


def _used_up() -> NotFoundError:
    return NotFoundError(
        "This link was used or is too old. Start the hub again for a new one, or ask"
        " an admin."
    )

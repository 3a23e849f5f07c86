"""Accounts: people who sign in, and tokens that act as users of their own."""

import hashlib
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import audit
from hub.core.models import Token, User, new_id
from hub.core.people import passwords
from hub.sdk import clock
from hub.sdk.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    UnreadyError,
)

ROLES = ("admin", "billing", "ingest")
PEOPLES_ROLES = ("admin", "billing")
TOKEN_PREFIX = "hub_"  # noqa: S105 - scanners find leaked tokens by it
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_USED_NOTED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Whoever asks: a person, or a token with the user it acts as."""

    user_id: str
    name: str
    role: str
    token_id: str | None = None

    @property
    def actor(self) -> str:
        """How the audit names them."""
        return f"{'token' if self.token_id else 'user'}:{self.name}"


def create_user(
    session: Session,
    email: str,
    role: str,
    *,
    name: str = "",
    password: str | None = None,
    actor: str = audit.HUB,
) -> User:
    """Add a person; without a password they need a link to set one."""
    email = email.strip().lower()
    _check_role(role, PEOPLES_ROLES)
    if not _EMAIL.fullmatch(email):
        said = f"{email!r} is not an e-mail address."
        raise InvalidError(said, {"email": [said]})
    user = User(id=new_id("usr"), email=email, name=name, role=role, service=False)
    if password is not None:
        passwords.check(password, email)
        user.password_hash = passwords.hashed(password)
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError:
        raise ConflictError(f"There is a user {email} already.") from None
    audit.record(session, actor, "user.created", f"user:{user.id}", role=role)
    return user


def set_password(
    session: Session, user: User, password: str, *, actor: str = audit.HUB
) -> None:
    """Set a new password and end all sessions."""
    passwords.check(password, user.email)
    user.password_hash = passwords.hashed(password)
    user.session_epoch += 1
    audit.record(session, actor, "user.password_set", f"user:{user.id}")


def end_sessions(session: Session, user_id: str, *, actor: str = audit.HUB) -> None:
    """Sign the user out everywhere."""
    user = session.get(User, user_id, with_for_update=True)
    if user is None:
        raise NotFoundError("There is no such user.")
    user.session_epoch += 1
    audit.record(session, actor, "user.sessions_ended", f"user:{user.id}")


def authenticate(hub: Hub, email: str, password: str) -> User | None:
    """Return the person, None if e-mail or password is wrong (which, it won't say)."""
    with hub.read() as session:
        user = session.scalar(select(User).where(_person(email)))
    if not passwords.matches(user.password_hash if user else None, password):
        return None
    assert user is not None  # noqa: S101 - nobody has no password
    kept = user.password_hash or ""
    anew = passwords.hashed(password) if passwords.is_old(kept) else kept
    with hub.write() as session:
        session.execute(
            update(User)
            .where(User.id == user.id, User.password_hash == kept)
            .values(last_login_at=clock.now(), password_hash=anew)
        )
    return user


def signed_in(hub: Hub, user_id: str, epoch: int) -> Principal | None:
    """Return the person of a session, None if it was ended or they left."""
    with hub.read() as session:
        user = session.get(User, user_id)
    if user is None or not user.active or user.service or user.session_epoch != epoch:
        return None
    return Principal(user_id=user.id, name=user.email, role=user.role)


def users(session: Session) -> list[User]:
    """All people, by e-mail."""
    query = select(User).where(User.service.is_(False)).order_by(User.email)
    return list(session.scalars(query))


def person(session: Session, email: str) -> User:
    """Return the person with this e-mail address."""
    user = session.scalar(select(User).where(_person(email)))
    if user is None:
        raise NotFoundError(f"There is no user {email.strip().lower()}.")
    return user


def has_admin(session: Session) -> bool:
    """True if a person may administrate this hub."""
    admin = (User.role == "admin", User.active, User.service.is_(False))
    return bool(session.scalar(select(exists().where(*admin))))


def create_token(
    session: Session, name: str, role: str, *, actor: str = audit.HUB
) -> tuple[Token, str]:
    """Make a token and the service user it acts as. The plain text is returned this
    once; only its SHA-256 is kept."""
    _check_role(role, ROLES)
    if not name.strip():
        raise InvalidError("A token needs a name.", {"name": ["Missing."]})
    plain = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = Token(
        id=new_id("tok"),
        name=name.strip(),
        role=role,
        token_hash=digest(plain),
        hint=plain[-4:],
        created_at=clock.now(),
    )
    user = User(
        id=new_id("usr"),
        email=f"{token.id}@service.invalid",
        name=token.name,
        role=role,
        service=True,
    )
    session.add(user)
    session.flush()
    token.user_id = user.id
    session.add(token)
    audit.record(
        session, actor, "token.created", f"token:{token.id}", name=name, role=role
    )
    return token, plain


def tokens(session: Session) -> list[Token]:
    """All tokens that are not revoked, newest first."""
    query = select(Token).where(Token.revoked_at.is_(None))
    return list(session.scalars(query.order_by(Token.created_at.desc())))


def find_token(session: Session, plain: str) -> Token | None:
    """Return the token, None if it is unknown or was revoked."""
    return session.scalar(
        select(Token)
        .join(User, User.id == Token.user_id)
        .where(Token.token_hash == digest(plain), Token.revoked_at.is_(None))
        .where(User.active)
    )


def principal_of(hub: Hub, plain: str) -> Principal | None:
    """Whom a token acts as, None if it is unknown or was revoked."""
    with hub.read() as session:
        token = find_token(session, plain)
    if token is None:
        return None
    with suppress(UnreadyError):  # not worth refusing a request that only reads
        _note_use(hub, token)
    return Principal(
        user_id=token.user_id, name=token.name, role=token.role, token_id=token.id
    )


def revoke_token(session: Session, token_id: str, *, actor: str = audit.HUB) -> None:
    """End a token and the user it acts as."""
    token = session.get(Token, token_id, with_for_update=True)
    if token is None:
        raise NotFoundError("There is no such token.")
    if token.revoked_at is not None:
        return
    token.revoked_at = clock.now()
    session.execute(update(User).where(User.id == token.user_id).values(active=False))
    audit.record(session, actor, "token.revoked", f"token:{token.id}", name=token.name)


def digest(plain: str) -> str:
    """What is kept of a token or link: enough to find it, not to make it."""
    return hashlib.sha256(plain.encode()).hexdigest()


def _note_use(hub: Hub, token: Token) -> None:
    now = clock.now()
    used = token.last_used_at
    if used is not None and now - used < _USED_NOTED_EVERY:
        return
    late = or_(
        Token.last_used_at.is_(None), Token.last_used_at < now - _USED_NOTED_EVERY
    )
    with hub.write() as session:
        session.execute(
            update(Token).where(Token.id == token.id, late).values(last_used_at=now)
        )


def _person(email: str) -> ColumnElement[bool]:
    return (User.email == email.strip().lower()) & User.active & User.service.is_(False)


def _check_role(role: str, roles: tuple[str, ...]) -> None:
    if role not in roles:
        said = f"A role is one of {', '.join(roles)}."
        raise InvalidError(said, {"role": [said]})

"""Links that let a client open what is theirs without signing in.

A token is the signed id of a row: nobody makes one without the hub's key, and the
row ends it. A thing has one link at a time, so that the one in an e-mail stays good.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from itsdangerous import BadSignature, Signer
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.boot import Hub, hub_of
from hub.core import audit
from hub.core.models import Company, Invoice, PortalLink, Quote, new_id
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError

PATH: Final = "/pay/"
DAYS: Final = 90
MOST_DAYS: Final = 730
_LONGEST: Final = 200
_KINDS: Final[Mapping[str, type[Any]]] = {
    "invoice": Invoice,
    "quote": Quote,
    "company": Company,
}
Why = Literal["unknown", "expired", "revoked"]
_WORDS: Final[Mapping[Why, str]] = {
    "unknown": "This link is not known. Check that it was copied as a whole.",
    "expired": "This link is too old. Ask for a new one.",
    "revoked": "This link was replaced or taken back. Ask for a new one.",
}


class LinkError(NotFoundError):
    """A link that opens nothing (any more); `why` says which way."""

    def __init__(self, why: Why) -> None:
        super().__init__(_WORDS[why])
        self.why = why


def make(
    session: Session, subject: str, *, actor: str = audit.HUB, days: int | None = None
) -> tuple[str, datetime]:
    """Give out the link of `invoice:…`, `quote:…` or `company:…`, good for so many
    days from now: the present one if there is one, which without `days` ends when it
    did. Returns its address and end."""
    if days is not None and not 1 <= days <= MOST_DAYS:
        text = f"A link lasts 1 to {MOST_DAYS} days."
        raise InvalidError(text, {"days": [text]})
    _check_subject(session, subject)
    link = current(session, subject)
    if link is not None and days is None:
        return url_of(session, link), link.expires_at
    days = days or DAYS
    if link is None:
        link = PortalLink(id=new_id("lnk"), subject=subject, made_by=actor)
        session.add(link)
    link.expires_at = now() + timedelta(days=days)
    audit.record(session, actor, "portal_link.made", subject, link=link.id, days=days)
    session.flush()
    return url_of(session, link), link.expires_at


def revoke(session: Session, subject: str, *, actor: str = audit.HUB) -> int:
    """End all links of this thing; returns how many there were."""
    _check_subject(session, subject, only_known=True)
    ended = session.execute(
        update(PortalLink)
        .where(PortalLink.subject == subject, PortalLink.revoked_at.is_(None))
        .values(revoked_at=now())
        .returning(PortalLink.id)
    ).all()
    if ended:
        audit.record(session, actor, "portal_link.revoked", subject)
    return len(ended)


def current(session: Session, subject: str) -> PortalLink | None:
    """The link of this thing that is good now."""
    return session.scalars(
        select(PortalLink)
        .where(
            PortalLink.subject == subject,
            PortalLink.revoked_at.is_(None),
            PortalLink.expires_at > now(),
        )
        .order_by(PortalLink.id.desc())
    ).first()


def resolve(session: Session, token: str) -> PortalLink:
    """The link a token stands for; LinkError says why there is none."""
    try:
        if len(token) > _LONGEST:
            raise LinkError("unknown")
        id = _signer(hub_of(session)).unsign(token.encode()).decode()
    except (BadSignature, UnicodeError):
        raise LinkError("unknown") from None
    link = session.get(PortalLink, id)
    if link is None:
        raise LinkError("unknown")
    if link.revoked_at is not None:
        raise LinkError("revoked")
    if link.expires_at <= now():
        raise LinkError("expired")
    return link


def leads_back(session: Session, back: str) -> bool:
    """False if an address that a payer was to come back to is a link that ended."""
    _, found, token = back.rpartition(PATH)
    if not found:
        return True
    try:
        resolve(session, token)
    except LinkError:
        return False
    return True


def note_opened(hub: Hub, link: PortalLink) -> None:
    """Keep when a link was opened first."""
    if link.opened_at is not None:
        return
    with hub.write() as session:
        session.execute(
            update(PortalLink)
            .where(PortalLink.id == link.id, PortalLink.opened_at.is_(None))
            .values(opened_at=now())
        )


def url_of(session: Session, link: PortalLink) -> str:
    """The address a link is given out as."""
    hub = hub_of(session)
    return hub.url(PATH + _signer(hub).sign(link.id).decode())


def _signer(hub: Hub) -> Signer:
    return Signer(hub.secret_key, salt=b"portal link", digest_method=hashlib.sha256)


def _check_subject(session: Session, subject: str, *, only_known: bool = False) -> None:
    kind, _, id = subject.partition(":")
    if kind not in _KINDS:
        raise ValueError(f"there are no links to {kind!r}")
    found = session.get(_KINDS[kind], id)
    if found is None:
        raise NotFoundError(f"There is no {kind} {id}.")
    if kind == "invoice" and found.state == "draft" and not only_known:
        raise ConflictError(
            f"Invoice {found.number} is a draft: issue it before a client sees it."
        )

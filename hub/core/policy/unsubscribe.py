"""Links by which a client's contact stops our e-mail, without signing in (RFC 8058).

A token is the signed id of the contact; what ends is the consent of all contacts with
the same address, or the mailbox would go on getting what it said no to.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from itsdangerous import BadSignature, Signer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.boot import Hub, hub_of
from hub.core.models import Consent, Contact
from hub.sdk.clock import now
from hub.sdk.errors import NotFoundError

PATH: Final = "/unsubscribe/"
_LONGEST: Final = 200
_MAIL: Final = "email"
_HOW: Final = "unsubscribed by the link in an e-mail"


@dataclass(frozen=True)
class Standing:
    """Whose link it is: the address with its middle hidden, and if it gets e-mail."""

    address: str
    subscribed: bool


def url(session: Session, contact_id: str | None) -> str:
    """The address by which this contact unsubscribes; "" for nobody."""
    hub = hub_of(session)
    return hub.url(PATH + _signer(hub).sign(contact_id).decode()) if contact_id else ""


def standing(session: Session, token: str) -> Standing:
    """How the token's contact stands; NotFoundError if the token is not ours."""
    contact = session.get(Contact, _contact_id(session, token))
    if contact is None:
        return Standing("", subscribed=False)
    agreed = any(_agreed(each) for each in _same_address(session, contact))
    return Standing(_hidden(contact.email or ""), agreed)


def unsubscribe(session: Session, token: str) -> None:
    """End the consent to e-mail of whoever has the contact's address; asked again,
    or of a contact that is gone, it does nothing."""
    contact = session.get(Contact, _contact_id(session, token))
    if contact is None:
        return
    by = f"contact:{contact.id}"
    for each in _same_address(session, contact):
        if _agreed(each):
            each.consents.append(
                Consent(channel=_MAIL, given=False, at=now(), how=_HOW, by=by)
            )


def _agreed(contact: Contact) -> bool:
    said = [consent.given for consent in contact.consents if consent.channel == _MAIL]
    return bool(said and said[-1])


def _same_address(session: Session, contact: Contact) -> list[Contact]:
    others = (
        select(Contact)
        .where(func.lower(Contact.email) == (contact.email or "").lower())
        .order_by(Contact.id)
    )
    found = list(session.scalars(others)) if contact.email else []
    return found if contact in found else [contact, *found]


def _contact_id(session: Session, token: str) -> str:
    try:
        if len(token) > _LONGEST:
            raise BadSignature("too long")
        return _signer(hub_of(session)).unsign(token.encode()).decode()
    except (BadSignature, UnicodeError):
        raise NotFoundError(
            "This link is not known. Check that it was copied as a whole."
        ) from None


def _signer(hub: Hub) -> Signer:
    return Signer(hub.secret_key, salt=b"unsubscribe", digest_method=hashlib.sha256)


def _hidden(address: str) -> str:
    """`a…@example.com`: a forwarded mail need not tell the whole."""
    name, _, host = address.rpartition("@")
    return f"{name[:1]}…@{host}" if name else ""

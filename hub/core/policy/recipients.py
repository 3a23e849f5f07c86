"""Who may be told of events: clients with their contacts, and staff, each read for
many events at once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.models import Company, Consent, Contact, User
from hub.core.policy import kinds, preferences
from hub.core.policy.preferences import Preferences

_BATCH = 500
_ROLES = ("admin", "billing")


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A contact with the channels (sms, email) they last agreed to."""

    id: str
    email: str
    phone: str
    agreed: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Client:
    """A company and its contacts, in the order of their ids; `texts`: by its switch."""

    id: str
    name: str
    texts: bool
    contacts: tuple[Reached, ...]


@dataclass(frozen=True, kw_only=True)
class Member:
    """A person of ours, who may have chosen to be told."""

    id: str
    role: str
    email: str
    chosen: Preferences

    def address(self, reach: str) -> str:
        """Where they are reached."""
        return self.chosen.phone if reach == "phone" else self.email

    def hears(self, type: str) -> bool:
        """True if this is for their role at all."""
        return self.role == "admin" or not kinds.of(type).admins


def clients(session: Session, company_ids: Collection[str]) -> dict[str, Client]:
    """Read these companies, those that exist."""
    found: dict[str, Client] = {}
    ids = sorted(company_ids)
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        found |= {each.id: each for each in _clients(session, batch)}
    return found


def staff(session: Session) -> list[Member]:
    """All people who work here and chose to be told of something by themselves."""
    users = session.scalars(
        select(User)
        .where(User.active, User.service.is_(False), User.role.in_(_ROLES))
        .order_by(User.id)
    )
    read = (
        Member(id=u.id, role=u.role, email=u.email, chosen=preferences.of(u))
        for u in users
    )
    return [member for member in read if member.chosen.channels]


def _clients(session: Session, ids: Sequence[str]) -> Iterator[Client]:
    contacts: dict[str, list[Reached]] = {}
    agreed = _agreed(session, ids)
    people = session.execute(
        select(Contact.id, Contact.company_id, Contact.email, Contact.phone)
        .where(Contact.company_id.in_(ids))
        .order_by(Contact.id)
    )
    for id, company_id, email, phone in people:
        reached = Reached(
            id=id,
            email=email or "",
            phone=phone or "",
            agreed=frozenset(c for c, given in agreed.get(id, {}).items() if given),
        )
        contacts.setdefault(company_id, []).append(reached)
    companies = session.execute(
        select(Company.id, Company.name, Company.sms_notifications_enabled).where(
            Company.id.in_(ids)
        )
    )
    for id, name, texts in companies:
        yield Client(
            id=id, name=name, texts=texts, contacts=tuple(contacts.get(id, ()))
        )


def _agreed(session: Session, ids: Sequence[str]) -> Mapping[str, Mapping[str, bool]]:
    """Contact → channel → their newest word on it."""
    found: dict[str, dict[str, bool]] = {}
    words = session.execute(
        select(Consent.contact_id, Consent.channel, Consent.given)
        .join(Contact, Contact.id == Consent.contact_id)
        .where(Contact.company_id.in_(ids))
        .order_by(Consent.at, Consent.id)
    )
    for contact_id, channel, given in words:
        found.setdefault(contact_id, {})[channel] = given
    return found

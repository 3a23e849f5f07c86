"""Companies (the MSP's clients), their contacts, and those contacts' consent."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core import audit
from hub.core.ledger import checks
from hub.core.ledger.snapshots import company_data
from hub.core.models import Company, Consent, Contact, new_id
from hub.core.publish import publish
from hub.sdk.clock import now
from hub.sdk.errors import NotFoundError

_COMPANY: checks.Spec = {
    "name": checks.text(200, needed=True),
    "currency": checks.currency,
    "country": checks.optional(checks.country),
    "time_zone": checks.optional(checks.time_zone),
    "email": checks.optional(checks.email),
    "phone": checks.optional(checks.phone),
    "sms_notifications_enabled": checks.flag,
    "autobill": checks.flag,
}
_CONTACT: checks.Spec = {
    "name": checks.text(200, needed=True),
    "email": checks.optional(checks.email),
    "phone": checks.optional(checks.phone),
}
_CONSENT: checks.Spec = {
    "channel": checks.choice("sms", "email"),
    "given": checks.flag,
    "how": checks.text(500),
}


def get(session: Session, company_id: str) -> Company:
    """Return the company; NotFoundError if there is none."""
    found = session.get(Company, company_id)
    if found is None:
        raise NotFoundError(f"There is no company {company_id}.")
    return found


def create(
    session: Session,
    values: Mapping[str, Any],
    *,
    actor: str = audit.HUB,
    origin_id: str | None = None,
) -> Company:
    """Create a company from name, currency, country, time_zone, email, phone,
    sms_notifications_enabled, autobill; the first two are needed."""
    spec = _in_country(_COMPANY, values.get("country"))
    given = checks.checked(spec, values, needed=("name", "currency"))
    company = Company(id=new_id("com"), **given)
    session.add(company)
    session.flush()
    audit.record(session, actor, "company.created", f"company:{company.id}")
    _publish(session, company, sorted(given), origin_id)
    return company


def update(
    session: Session,
    company_id: str,
    changes: Mapping[str, Any],
    *,
    actor: str = audit.HUB,
    origin_id: str | None = None,
) -> Company:
    """Change a company; what changes nothing publishes nothing."""
    company = get(session, company_id)
    spec = _in_country(_COMPANY, changes.get("country", company.country))
    changed = _change(company, checks.checked(spec, changes))
    if changed:
        subject = f"company:{company.id}"
        audit.record(session, actor, "company.changed", subject, changed=changed)
        _publish(session, company, changed, origin_id)
    return company


def get_contact(session: Session, contact_id: str) -> Contact:
    """Return the contact; NotFoundError if there is none."""
    found = session.get(Contact, contact_id)
    if found is None:
        raise NotFoundError(f"There is no contact {contact_id}.")
    return found


def add_contact(
    session: Session,
    company_id: str,
    values: Mapping[str, Any],
    *,
    actor: str = audit.HUB,
) -> Contact:
    """Add a contact (name, email, phone) to a company."""
    company = get(session, company_id)
    spec = _in_country(_CONTACT, company.country)
    given = checks.checked(spec, values, needed=("name",))
    contact = Contact(id=new_id("con"), company_id=company.id, **given)
    session.add(contact)
    session.flush()
    audit.record(session, actor, "contact.added", f"company:{company.id}")
    return contact


def update_contact(
    session: Session,
    contact_id: str,
    changes: Mapping[str, Any],
    *,
    actor: str = audit.HUB,
) -> Contact:
    """Change a contact."""
    contact = get_contact(session, contact_id)
    spec = _in_country(_CONTACT, contact.company.country)
    changed = _change(contact, checks.checked(spec, changes))
    if changed:
        subject = f"company:{contact.company_id}"
        audit.record(session, actor, "contact.changed", subject, changed=changed)
    return contact


def remove_contact(
    session: Session, contact_id: str, *, actor: str = audit.HUB
) -> None:
    """Remove a contact with its consents."""
    contact = get_contact(session, contact_id)
    session.delete(contact)
    audit.record(session, actor, "contact.removed", f"company:{contact.company_id}")


def set_consent(
    session: Session,
    contact_id: str,
    values: Mapping[str, Any],
    *,
    actor: str = audit.HUB,
) -> Consent:
    """Note that a contact gave or withdrew consent: channel (sms, email), given,
    and how. Every note is kept; the newest per channel counts."""
    contact = get_contact(session, contact_id)
    given = checks.checked({**_CONSENT}, values, needed=("channel", "given"))
    consent = Consent(contact_id=contact.id, at=now(), by=actor, **{"how": "", **given})
    session.add(consent)
    session.flush()
    return consent


def has_consent(session: Session, contact_id: str, channel: str) -> bool:
    """True if the contact's newest word on this channel is yes."""
    newest = (
        select(Consent.given)
        .where(Consent.contact_id == contact_id, Consent.channel == channel)
        .order_by(Consent.at.desc(), Consent.id.desc())
        .limit(1)
    )
    return bool(session.scalar(newest))


def may_text(session: Session, contact: Contact) -> bool:
    """A text needs both: the company's switch and the contact's consent."""
    company = get(session, contact.company_id)
    return company.sms_notifications_enabled and has_consent(session, contact.id, "sms")


def _in_country(spec: checks.Spec, country: Any) -> checks.Spec:
    """The same checks, with phone numbers read as they are written there."""
    region = country if isinstance(country, str) else None
    return {**spec, "phone": checks.optional(partial(checks.phone, country=region))}


def _change(row: Company | Contact, values: Mapping[str, Any]) -> list[str]:
    changed = sorted(name for name in values if getattr(row, name) != values[name])
    for name in changed:
        setattr(row, name, values[name])
    return changed


def _publish(
    session: Session, company: Company, changed: list[str], origin_id: str | None
) -> None:
    publish(
        session,
        "company.changed",
        subject=f"company:{company.id}",
        key=f"company.changed:{company.id}:{new_id('upd')}",
        data={
            "company_id": company.id,
            "name": company.name,
            "currency": company.currency,
            "country": company.country,
            "email": company.email,
            "phone": company.phone,
            "changed": changed,
            "company": company_data(company),
        },
        origin_id=origin_id,
    )

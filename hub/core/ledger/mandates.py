"""Mandates: whose each is, how it stands, and which one a company pays by.

A mandate whose company isn't known yet waits in its row (ROAD 6); nothing is told of
it until it is adopted.
"""

from datetime import date

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from hub.core import audit
from hub.core.ledger.locks import (
    checkout_name,
    lock_companies,
    lock_names,
    movement_name,
    request_name,
)
from hub.core.ledger.mandate_owners import find, get, heir_of, request_of
from hub.core.ledger.movements import Folded, Key
from hub.core.ledger.settling import Booked
from hub.core.ledger.snapshots import mandate_data
from hub.core.models import (
    Charge,
    Company,
    Connection,
    FactRow,
    Mandate,
    MandateRequest,
    new_id,
)
from hub.core.publish import publish
from hub.jobs import ring_after
from hub.sdk.clock import iso, now
from hub.sdk.errors import ConflictError, NotFoundError

ENDED = ("failed", "cancelled", "expired", "replaced")
_WITHDRAWN = "The provider's message turned out to say something else."


def book_mandate(
    session: Session, key: Key, folded: Folded | None, row: FactRow
) -> Booked:
    """Bring a mandate in line with its facts, its company with its mandates."""
    mandate = find(session, key.provider, key.reference)
    if folded is None:
        return _withdraw(session, mandate, row)
    known = mandate is not None
    mandate = mandate or Mandate(
        id=new_id("mdt"), provider=key.provider, reference=key.reference
    )
    before = _description(mandate)
    was, successor = (mandate.state, mandate.replaced_by) if known else (None, None)
    _describe(mandate, folded)
    session.add(mandate)
    session.flush()
    request = request_of(session, key.provider, folded.request, folded.checkout)
    if request is not None:
        _finish(request, mandate)
    owner = mandate.company_id
    found = request.company_id if request else heir_of(session, mandate)
    changed = (was, successor) != (mandate.state, mandate.replaced_by)
    if owner is None and found is not None:
        _adopt(session, mandate, found, row)
    elif owner is not None and changed:
        _tell(session, mandate, was, row)
    if changed and mandate.state in ENDED:
        check_debits(session, mandate)
    _pass_on(session, mandate, row)
    if mandate.company_id is None:
        return Booked("parked")
    new = not known or before != _description(mandate) or owner is None
    return Booked("recorded" if new else "unchanged", f"mandate:{mandate.id}")


def started(
    session: Session, request: MandateRequest, reference: str, url: str
) -> None:
    """Keep the provider's page of a request; a mandate that named it is adopted."""
    provider = session.get_one(Connection, request.connection_id).plugin
    lock_names(session, [checkout_name(provider, reference), request_name(request.id)])
    lock_companies(session, [request.company_id])
    request.reference, request.url = reference, url
    waiting = select(Mandate).where(
        Mandate.company_id.is_(None),
        Mandate.provider == provider,
        or_(
            Mandate.match_request == request.id,
            Mandate.match_checkout == reference,
        ),
    )
    for mandate in session.scalars(waiting.order_by(Mandate.id)).all():
        _finish(request, mandate)
        _adopt(session, mandate, request.company_id, None)


def assign(
    session: Session, mandate_id: str, company_id: str, *, actor: str = audit.HUB
) -> Mandate:
    """Say whose a mandate is that was given somewhere else than through the hub."""
    mandate = get(session, mandate_id)
    key = Key(mandate.provider, "mandate", mandate.reference)
    lock_names(session, [movement_name(key)])
    session.refresh(mandate)
    if mandate.company_id is not None:
        raise ConflictError("This mandate belongs to a company already.")
    if session.get(Company, company_id) is None:
        raise NotFoundError(f"There is no company {company_id}.")
    lock_companies(session, [company_id])
    _adopt(session, mandate, company_id, None)
    audit.record(
        session, actor, "mandate.assigned", f"mandate:{mandate.id}", company=company_id
    )
    return mandate


def check_debits(session: Session, mandate: Mandate) -> None:
    """Have the open debits of a mandate looked at: most will not come any more."""
    due = session.execute(
        update(Charge)
        .where(Charge.mandate_id == mandate.id, Charge.state == "open")
        .values(next_check_at=now())
        .returning(Charge.id)
        .execution_options(synchronize_session=False)
    )
    if due.first() is not None:
        ring_after(session, "process")


def _describe(mandate: Mandate, folded: Folded) -> None:
    mandate.connection_id = folded.connection_id
    mandate.match_request = folded.request or None
    mandate.match_checkout = folded.checkout or None
    mandate.state, mandate.as_of = folded.state, folded.as_of
    mandate.reason, mandate.url = folded.reason, folded.url
    mandate.scheme, mandate.currency = folded.scheme, folded.currency
    mandate.replaced_by = folded.replaced_by or None
    mandate.next_charge_date = _date(folded.next_charge_date)


def _description(mandate: Mandate) -> tuple[object, ...]:
    return (
        *(mandate.state, mandate.reason, mandate.url, mandate.scheme),
        *(mandate.currency, mandate.replaced_by, mandate.next_charge_date),
    )


def _finish(request: MandateRequest, mandate: Mandate) -> None:
    """A mandate came of it, whatever becomes of that."""
    request.mandate_id = mandate.id
    if request.state != "finished":
        request.state, request.closed_at = "finished", now()
        request.next_check_at, request.problem = None, ""


def _pass_on(session: Session, mandate: Mandate, row: FactRow | None) -> None:
    """The one that took its place belongs to the same company."""
    if mandate.company_id is None or not mandate.replaced_by:
        return
    heir = find(session, mandate.provider, mandate.replaced_by)
    if heir is not None and heir.company_id is None:
        _adopt(session, heir, mandate.company_id, row)


def _adopt(
    session: Session, mandate: Mandate, company_id: str, row: FactRow | None
) -> None:
    mandate.company_id = company_id
    session.execute(
        update(FactRow)
        .where(
            FactRow.movement
            == str(Key(mandate.provider, "mandate", mandate.reference)),
            FactRow.state == "parked",
        )
        .values(state="recorded", subject=f"mandate:{mandate.id}")
    )
    _tell(session, mandate, None, row)
    _pass_on(session, mandate, row)


def _tell(
    session: Session, mandate: Mandate, was: str | None, row: FactRow | None
) -> None:
    session.flush()
    company = session.get_one(Company, mandate.company_id, populate_existing=True)
    _choose(session, company)
    successor = mandate.replaced_by or ""
    publish(
        session,
        "mandate.changed",
        subject=f"mandate:{mandate.id}",
        key=f"mandate.changed:{mandate.id}:{mandate.state}:{successor}"
        f":{iso(mandate.as_of)}",
        data=mandate_data(mandate, company, was),
        origin_id=row.connection_id if row else mandate.connection_id,
        fact_id=row.id if row else None,
        occurred_at=mandate.as_of,
    )


def _choose(session: Session, company: Company) -> None:
    """The mandate a company pays by: its newest active one, else its newest pending
    one. None, and autobill pauses, once all have ended."""
    session.flush()
    found = session.scalars(
        select(Mandate)
        .where(
            Mandate.company_id == company.id, Mandate.state.in_(("active", "pending"))
        )
        .order_by(Mandate.state, Mandate.created_at.desc(), Mandate.id.desc())
    ).first()
    company.mandate_id = found.id if found else None


def _withdraw(session: Session, mandate: Mandate | None, row: FactRow) -> Booked:
    """No fact tells of it any more (a replay): nothing is collected by it."""
    if mandate is None or mandate.state == "cancelled":
        return Booked("unchanged")
    was, mandate.state = mandate.state, "cancelled"
    mandate.reason, mandate.as_of = _WITHDRAWN, row.as_of
    if mandate.company_id is not None:
        _tell(session, mandate, was, row)
    check_debits(session, mandate)
    return Booked("recorded", f"mandate:{mandate.id}")


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None

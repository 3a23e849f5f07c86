"""Whose a mandate is: by its request, by the one it took the place of."""

from collections.abc import Iterable, Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.core.ledger.locks import (
    checkout_name,
    lock_companies,
    movement_name,
    request_name,
)
from hub.core.ledger.movements import Key
from hub.core.models import Connection, Mandate, MandateRequest
from hub.sdk.errors import NotFoundError
from hub.sdk.facts import Fact, MandateSeen


def names_of(provider: str, fact: MandateSeen) -> Iterable[str]:
    """Name what a fact of a mandate refers to, for locking."""
    if fact.request:
        yield request_name(fact.request)
    if fact.checkout:
        yield checkout_name(provider, fact.checkout)
    if fact.replaced_by:
        yield movement_name(Key(provider, "mandate", fact.replaced_by))


def lock_owners(session: Session, provider: str, facts: Sequence[Fact]) -> None:
    """Lock the companies that these facts can move; the names are held already."""
    owners: set[str | None] = set()
    for fact in facts:
        if not isinstance(fact, MandateSeen):
            continue
        request = request_of(session, provider, fact.request, fact.checkout)
        owners.add(request.company_id if request else None)
        references = (fact.reference, fact.replaced_by or fact.reference)
        owners |= set(
            session.scalars(
                select(Mandate.company_id).where(
                    Mandate.provider == provider,
                    or_(
                        Mandate.reference.in_(references),
                        Mandate.replaced_by == fact.reference,
                    ),
                )
            )
        )
    lock_companies(session, owners)


def find(session: Session, provider: str, reference: str) -> Mandate | None:
    """The mandate by the provider's id of it."""
    return session.scalars(
        select(Mandate).where(
            Mandate.provider == provider, Mandate.reference == reference
        )
    ).first()


def get(session: Session, mandate_id: str) -> Mandate:
    """Return the mandate; NotFoundError if there is none."""
    found = session.get(Mandate, mandate_id)
    if found is None:
        raise NotFoundError(f"There is no mandate {mandate_id}.")
    return found


def request_of(
    session: Session, provider: str, request: str | None, checkout: str | None
) -> MandateRequest | None:
    """The request a mandate came of, by our id or the provider's."""
    found = session.get(MandateRequest, request) if request else None
    if found is not None or not checkout:
        return found
    return session.scalars(
        select(MandateRequest)
        .join(Connection, Connection.id == MandateRequest.connection_id)
        .where(MandateRequest.reference == checkout, Connection.plugin == provider)
    ).first()


def heir_of(session: Session, mandate: Mandate) -> str | None:
    """Whose it is if it took the place of another."""
    return session.scalar(
        select(Mandate.company_id).where(
            Mandate.provider == mandate.provider,
            Mandate.replaced_by == mandate.reference,
            Mandate.company_id.is_not(None),
        )
    )

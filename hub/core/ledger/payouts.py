"""Payouts: money a provider sent to our bank, and the payments it is made of."""

from dataclasses import replace
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.ledger.movement_rows import find_payment, minor_of, put
from hub.core.ledger.movements import Folded, Key
from hub.core.ledger.settling import Booked, cause_of_fact, settle_all, standings
from hub.core.models import FactRow, Movement, Payout, new_id
from hub.sdk.facts import PayoutLine
from hub.sdk.money import Money


def book_payout(
    session: Session, key: Key, folded: Folded | None, row: FactRow
) -> Booked:
    """A payout moves each payment it is made of; each link is a movement. One that
    a replay found not to be one is taken back, links first."""
    payout = _found(session, key)
    if folded is not None:
        payout = _write(session, payout or _new(key), folded)
    if payout is None:
        return Booked("unchanged")
    wanted = folded.payments if folded else ()
    old = [link.payment_reference for link in _links(session, payout)]
    references = sorted({*wanted, *old})
    found = {ref: find_payment(session, key.provider, ref) for ref in references}
    before = standings(session, found.values())
    changed = False
    for reference in references:
        link = Key(key.provider, "payout", f"{key.reference}/{reference}")
        told = folded if reference in wanted else None
        told = replace(told, payment=reference, amount=None) if told else None
        changed |= put(session, link, told, found[reference], payout_id=payout.id)
    if changed:
        settle_all(session, before, cause_of_fact(key, folded, row))
    if folded is None:
        session.delete(payout)
    state = "recorded" if changed or not references else "unchanged"
    return Booked(state, f"payout:{payout.id}")


def _found(session: Session, key: Key) -> Payout | None:
    return session.scalars(
        select(Payout).where(
            Payout.provider == key.provider, Payout.reference == key.reference
        )
    ).first()


def _new(key: Key) -> Payout:
    return Payout(id=new_id("pot"), provider=key.provider, reference=key.reference)


def _write(session: Session, payout: Payout, folded: Folded) -> Payout:
    amount = folded.amount or Money(0, "")
    payout.connection_id = folded.connection_id
    payout.amount_minor, payout.currency = amount.minor, amount.currency
    payout.fee_minor = minor_of(folded.fee, amount.currency)
    payout.state, payout.as_of = folded.state, folded.as_of
    payout.arrives_on = _date(folded.arrives_on)
    payout.url, payout.lines = folded.url, [_line(line) for line in folded.lines]
    session.add(payout)
    session.flush()
    return payout


def _line(line: PayoutLine) -> dict[str, str | None]:
    """As the provider told it; other currencies than the payout's are possible."""
    return {
        "kind": line.kind,
        "amount": str(line.amount),
        "currency": line.amount.currency,
        "payment": line.payment,
    }


def _links(session: Session, payout: Payout) -> list[Movement]:
    return list(
        session.scalars(select(Movement).where(Movement.payout_id == payout.id))
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None

"""Book what all facts of one movement say: its row, its payment, its invoice.

hub.core.record holds the locks and folds the facts; a movement whose facts all
turned out to speak of something else (a replay) is taken back.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.core.ledger import matching
from hub.core.ledger.balance import settle, standing
from hub.core.ledger.charges import approve
from hub.core.ledger.mandates import book_mandate
from hub.core.ledger.movement_rows import find_payment, payment_of, put
from hub.core.ledger.movements import Folded, Key
from hub.core.ledger.payouts import book_payout
from hub.core.ledger.settling import (
    Booked,
    booked,
    cause_of_fact,
    settle_all,
    standings,
)
from hub.core.models import Charge, FactRow, Movement, Payment, new_id
from hub.sdk.facts import Match


def book(session: Session, key: Key, folded: Folded | None, row: FactRow) -> Booked:
    """Bring one movement and all that follows from it in line with its facts."""
    return _BOOKS.get(key.kind, _book_movement)(session, key, folded, row)


def _book_capture(
    session: Session, key: Key, folded: Folded | None, row: FactRow
) -> Booked:
    payment = find_payment(session, key.provider, key.reference)
    if payment is None and folded is None:
        return Booked("unchanged")
    before = standing(session, payment)
    payment = payment or _new_payment(key, folded)
    changed = _describe(session, payment, folded, replayed=row.revision > 0)
    session.add(payment)
    changed |= put(session, key, folded, payment)
    changed |= _adopt(session, payment)
    if changed:
        settle(session, payment, before, cause_of_fact(key, folded, row))
    return booked(changed, payment)


def _book_movement(
    session: Session, key: Key, folded: Folded | None, row: FactRow
) -> Booked:
    """A refund, running total, chargeback, dispute or fee. Parked (no payment yet)
    it waits in its row until the capture adopts it (ROAD 6)."""
    payment = find_payment(session, key.provider, folded.payment) if folded else None
    old = payment_of(session, key)
    before = standings(session, [payment, old])
    changed = put(session, key, folded, payment)
    if changed:
        settle_all(session, before, cause_of_fact(key, folded, row))
    if payment is None:
        return Booked("parked" if folded else "recorded")
    return booked(changed, payment)


def _book_approval(
    session: Session, key: Key, folded: Folded | None, row: FactRow
) -> Booked:
    """A checkout was approved. Its charge may not know its reference yet: parked."""
    charge = matching.find_checkout(session, key.provider, key.reference)
    if charge is None and folded is not None:
        found = matching.find(session, key.provider, folded.matches)
        id = found.charge_id if found else None
        charge = session.get(Charge, id) if id else None
    if charge is None:
        return Booked("parked")
    changed = approve(session, charge, row) if folded else _disapprove(charge)
    return Booked("recorded" if changed else "unchanged", f"charge:{charge.id}")


def _disapprove(charge: Charge) -> bool:
    """No fact tells of an approval any more."""
    known, charge.approved_at = charge.approved_at is not None, None
    return known


_Book = Callable[[Session, Key, Folded | None, FactRow], Booked]
_BOOKS: Mapping[str, _Book] = {
    "capture": _book_capture,
    "payout": book_payout,
    "checkout": _book_approval,
    "mandate": book_mandate,
}


def _new_payment(key: Key, folded: Folded | None) -> Payment:
    amount = folded.amount if folded else None
    return Payment(
        id=new_id("pay"),
        provider=key.provider,
        reference=key.reference,
        amount_minor=amount.minor if amount else 0,
        currency=amount.currency if amount else "",
    )


def _describe(
    session: Session, payment: Payment, folded: Folded | None, *, replayed: bool
) -> bool:
    """Copy what the facts tell beside the money, and find the invoice."""
    was = _description(payment)
    matches: tuple[Match, ...] = ()
    if folded is not None:
        matches = folded.matches
        payment.connection_id = folded.connection_id
        payment.method, payment.payer = folded.method, folded.payer
        payment.url = folded.url
    matching.note_match(payment, matches)
    if payment.assigned_by is None:
        with session.no_autoflush:  # one UPDATE at the end is enough
            found = matching.find(session, payment.provider, matches)
        # Facts that name nothing we know leave the match alone; only a replay takes
        # back what a fact named before.
        if found or replayed:
            payment.invoice_id = found.invoice_id if found else None
            payment.charge_id = found.charge_id if found else None
    return _description(payment) != was


def _description(payment: Payment) -> tuple[str | None, ...]:
    return (
        payment.method,
        payment.payer,
        payment.url,
        payment.invoice_id,
        payment.charge_id,
        payment.match_charge,
        payment.match_checkout,
        payment.match_invoice_number,
    )


def _adopt(session: Session, payment: Payment) -> bool:
    """Take in what came before the capture (ROAD 6)."""
    parked = session.scalars(
        select(Movement).where(
            Movement.provider == payment.provider,
            Movement.payment_reference == payment.reference,
            Movement.payment_id.is_(None),
        )
    ).all()
    if not parked:
        return False
    for movement in parked:
        movement.payment_id = payment.id
    keys = [str(Key(m.provider, m.kind, m.reference)) for m in parked]
    session.execute(
        update(FactRow)
        .where(FactRow.movement.in_(keys), FactRow.state == "parked")
        .values(state="recorded", subject=f"payment:{payment.id}")
    )
    return True

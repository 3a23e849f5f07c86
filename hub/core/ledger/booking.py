"""Book what all facts of one movement say: its row, its payment, its invoice.

hub.core.record holds the locks and folds the facts; a movement whose facts all
turned out to speak of something else (a replay) is taken back.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.core.ledger import matching
from hub.core.ledger.balance import Before, Cause, settle, standing
from hub.core.ledger.charges import approve
from hub.core.ledger.movements import Folded, Key
from hub.core.models import Charge, FactRow, Movement, Payment, Payout, new_id
from hub.sdk.clock import iso
from hub.sdk.money import Money

_Row = TypeVar("_Row", Movement, Payout)


@dataclass(frozen=True)
class Booked:
    """What became of a fact: recorded, unchanged or parked, and where."""

    state: str
    subject: str | None = None


def book(session: Session, key: Key, folded: Folded | None, row: FactRow) -> Booked:
    """Bring one movement and all that follows from it in line with its facts."""
    return _BOOKS.get(key.kind, _book_movement)(session, key, folded, row)


def _book_capture(
    session: Session, key: Key, folded: Folded | None, row: FactRow
) -> Booked:
    payment = _payment(session, key.provider, key.reference)
    if payment is None and folded is None:
        return Booked("unchanged")
    before = standing(session, payment)
    payment = payment or _new_payment(session, key, folded)
    changed = _put(session, key, folded, payment)
    changed |= _describe(session, payment, folded)
    changed |= _adopt(session, payment)
    if changed:
        settle(session, payment, before, _cause(key, folded, row))
    return _booked(changed, payment)


def _book_movement(
    session: Session, key: Key, folded: Folded | None, row: FactRow
) -> Booked:
    """A refund, running total, chargeback, dispute or fee. Parked (no payment yet)
    it waits in its row until the capture adopts it (ROAD 6)."""
    payment = _payment(session, key.provider, folded.payment) if folded else None
    old = _payment_of(session, key)
    before = _standings(session, [payment, old])
    changed = _put(session, key, folded, payment)
    if changed:
        _settle_all(session, before, _cause(key, folded, row))
    if payment is None:
        return Booked("parked" if folded else "recorded")
    return _booked(changed, payment)


def _book_payout(
    session: Session, key: Key, folded: Folded | None, row: FactRow
) -> Booked:
    """A payout moves each payment it is made of; each link is a movement."""
    payout = _put_payout(session, key, folded)
    links = _links(session, payout)
    wanted = folded.payments if folded else ()
    references = sorted({*wanted, *(link.payment_reference for link in links)})
    found = {ref: _payment(session, key.provider, ref) for ref in references}
    before = _standings(session, found.values())
    changed = False
    for reference in references:
        link = Key(key.provider, "payout", f"{key.reference}/{reference}")
        told = folded if reference in wanted else None
        told = replace(told, payment=reference, amount=None) if told else None
        changed |= _put(session, link, told, found[reference], payout_id=payout.id)
    if changed:
        _settle_all(session, before, _cause(key, folded, row))
    state = "recorded" if changed or not references else "unchanged"
    return Booked(state, f"payout:{payout.id}")


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
    changed = approve(charge, row)
    return Booked("recorded" if changed else "unchanged", f"charge:{charge.id}")


_Book = Callable[[Session, Key, Folded | None, FactRow], Booked]
_BOOKS: Mapping[str, _Book] = {
    "capture": _book_capture,
    "payout": _book_payout,
    "checkout": _book_approval,
}


def _payment(session: Session, provider: str, reference: str) -> Payment | None:
    return session.scalars(
        select(Payment).where(
            Payment.provider == provider, Payment.reference == reference
        )
    ).first()


def _payment_of(session: Session, key: Key) -> Payment | None:
    """The payment a movement belongs to so far."""
    return session.scalars(
        select(Payment)
        .join(Movement, Movement.payment_id == Payment.id)
        .where(_is(key))
    ).first()


def _new_payment(session: Session, key: Key, folded: Folded | None) -> Payment:
    amount = folded.amount if folded else None
    payment = Payment(
        id=new_id("pay"),
        provider=key.provider,
        reference=key.reference,
        amount_minor=amount.minor if amount else 0,
        currency=amount.currency if amount else "",
    )
    session.add(payment)
    session.flush()
    return payment


def _describe(session: Session, payment: Payment, folded: Folded | None) -> bool:
    """Copy what the facts tell beside the money, and find the invoice."""
    if folded is None:
        return False
    was = _description(payment)
    payment.connection_id = folded.connection_id
    payment.method, payment.payer = folded.method, folded.payer
    payment.url = folded.url
    waited = _waits_for(payment)
    matching.note_match(payment, folded.matches)
    # What is matched stays so until a fact names something else.
    if payment.assigned_by is None and (
        payment.invoice_id is None or waited != _waits_for(payment)
    ):
        found = matching.find(session, payment.provider, folded.matches)
        if found:
            payment.invoice_id = found.invoice_id
            payment.charge_id = found.charge_id or payment.charge_id
    return _description(payment) != was


def _description(payment: Payment) -> tuple[str | None, ...]:
    return (
        payment.method,
        payment.payer,
        payment.url,
        payment.invoice_id,
        payment.charge_id,
        *_waits_for(payment),
    )


def _waits_for(payment: Payment) -> tuple[str | None, ...]:
    return (
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
    for movement in parked:
        movement.payment_id = payment.id
    keys = [str(Key(m.provider, m.kind, m.reference)) for m in parked]
    session.execute(
        update(FactRow)
        .where(FactRow.movement.in_(keys), FactRow.state == "parked")
        .values(state="recorded", subject=f"payment:{payment.id}")
    )
    return bool(parked)


def _put(
    session: Session,
    key: Key,
    folded: Folded | None,
    payment: Payment | None,
    payout_id: str | None = None,
) -> bool:
    """Write the movement's row as the facts tell it; True if anything changed."""
    movement = session.scalars(select(Movement).where(_is(key))).first()
    if folded is None:
        if movement is not None:
            session.delete(movement)
            session.flush()
        return movement is not None
    values = _values(key, folded) | {
        "payment_id": payment.id if payment else None,
        "payout_id": payout_id,
    }
    if movement is None:
        row = Movement(provider=key.provider, kind=key.kind, reference=key.reference)
        session.add(_set(row, values))
        session.flush()
        return True
    changed = any(getattr(movement, name) != value for name, value in values.items())
    _set(movement, values)
    session.flush()
    return changed


def _is(key: Key) -> Any:
    return (
        (Movement.provider == key.provider)
        & (Movement.kind == key.kind)
        & (Movement.reference == key.reference)
    )


def _values(key: Key, folded: Folded) -> dict[str, Any]:
    amount = folded.amount or Money(0, "")
    return {
        "connection_id": folded.connection_id,
        "payment_reference": folded.payment or key.reference,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "state": folded.state,
        "as_of": folded.as_of,
        "since": folded.since,
        "reason": folded.reason,
        "url": folded.url,
        "fee_minor": _minor(folded.fee, amount.currency),
        "net_minor": _minor(folded.net, amount.currency),
        "respond_by": folded.respond_by,
    }


def _minor(money: Money | None, currency: str) -> int | None:
    """Fees in another currency than the money can't be set against it."""
    return money.minor if money and money.currency == currency else None


def _set(row: _Row, values: Mapping[str, Any]) -> _Row:
    for name, value in values.items():
        setattr(row, name, value)
    return row


def _put_payout(session: Session, key: Key, folded: Folded | None) -> Payout:
    payout = session.scalars(
        select(Payout).where(
            Payout.provider == key.provider, Payout.reference == key.reference
        )
    ).first()
    if payout is None:
        payout = Payout(
            id=new_id("pot"), provider=key.provider, reference=key.reference
        )
        session.add(payout)
    if folded is None:
        payout.state = "failed"
        return payout
    amount = folded.amount or Money(0, "")
    _set(
        payout,
        {
            "connection_id": folded.connection_id,
            "amount_minor": amount.minor,
            "currency": amount.currency,
            "fee_minor": _minor(folded.fee, amount.currency),
            "state": folded.state,
            "arrives_on": _date(folded.arrives_on),
            "as_of": folded.as_of,
        },
    )
    session.flush()
    return payout


def _links(session: Session, payout: Payout) -> list[Movement]:
    return list(
        session.scalars(select(Movement).where(Movement.payout_id == payout.id))
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _standings(
    session: Session, payments: Iterable[Payment | None]
) -> dict[Payment, Before]:
    return {each: standing(session, each) for each in payments if each is not None}


def _settle_all(
    session: Session, before: Mapping[Payment, Before], cause: Cause
) -> None:
    for payment, stood in sorted(before.items(), key=lambda item: item[0].id):
        settle(session, payment, stood, cause)


def _cause(key: Key, folded: Folded | None, row: FactRow) -> Cause:
    state = f"{folded.state}:{iso(folded.since)}" if folded else "withdrawn"
    return Cause(
        movement=f"{key.provider}:{key.kind}:{key.reference}:{state}",
        occurred_at=folded.as_of if folded else row.as_of,
        origin_id=row.connection_id,
        fact_id=row.id,
    )


def _booked(changed: bool, payment: Payment) -> Booked:
    state = "recorded" if changed else "unchanged"
    return Booked(state, f"payment:{payment.id}")

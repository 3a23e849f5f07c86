"""Record facts into the ledger. After process and sync, before publish.

A fact is kept once by its unique key (ROAD 2). All facts of one movement are folded
into its newest state, the payment and the invoice are computed anew from their
movements (ROAD 3), and what changed is published in the same transaction (ROAD 1).
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from hub.core.ledger import matching
from hub.core.ledger.booking import book
from hub.core.ledger.locks import (
    checkout_name,
    fact_name,
    lock_invoices,
    lock_names,
    lock_payments,
    movement_name,
    payment_name,
)
from hub.core.ledger.movements import Heard, Key, fold, key_of, payments_of
from hub.core.ledger.settling import Booked
from hub.core.models import Connection, FactRow, Payment, new_id
from hub.core.rows import insert_new
from hub.sdk.clock import now
from hub.sdk.facts import CheckoutApproved, Fact, PaymentFact, from_data, to_data


def record(
    session: Session,
    connection: Connection,
    fact: Fact,
    *,
    webhook_id: str | None = None,
    sync_run_id: str | None = None,
    revision: int = 0,
) -> FactRow:
    """Record one fact. Heard before (same connection, id and revision): the kept
    row is returned and nothing changes."""
    return record_all(
        session,
        connection,
        [fact],
        webhook_id=webhook_id,
        sync_run_id=sync_run_id,
        revision=revision,
    )[0]


def record_all(
    session: Session,
    connection: Connection,
    facts: Sequence[Fact],
    *,
    webhook_id: str | None = None,
    sync_run_id: str | None = None,
    revision: int = 0,
) -> list[FactRow]:
    """Record the facts of one result or page in one transaction. The locks of all
    are taken first, in one order (ROAD 5); a replay's `revision` is above 0."""
    _lock(session, connection, facts, revision)
    rows = []
    for fact in facts:
        row = _keep(session, connection, fact, revision)
        if row is None:
            rows.append(_kept(session, connection, fact, revision))
            continue
        row.webhook_id, row.sync_run_id = webhook_id, sync_run_id
        _note(row, [_book(session, key, row) for key in _keys(session, row)])
        rows.append(row)
    return rows


def _lock(
    session: Session, connection: Connection, facts: Sequence[Fact], revision: int
) -> None:
    """Take all locks: names, then invoices, then payments. What other facts of the
    same movements spoke of is touched too (a payout names its payments only once).
    """
    provider = connection.plugin
    spoken = {key_of(provider, fact) for fact in facts}
    names = {fact_name(connection.id, fact.id) for fact in facts}
    if revision:
        lock_names(session, names)
        spoken |= _earlier(session, connection, facts)
    names |= {movement_name(key) for key in spoken}
    lock_names(session, names.union(*(_names(provider, fact) for fact in facts)))
    references = {
        ref
        for fact in [*facts, *_related(session, spoken)]
        for ref in payments_of(fact)
    }
    lock_names(session, (payment_name(provider, each) for each in references))
    _lock_rows(session, provider, facts, references)


def _lock_rows(
    session: Session, provider: str, facts: Sequence[Fact], references: set[str]
) -> None:
    known = session.execute(
        select(Payment.id, Payment.invoice_id).where(
            Payment.provider == provider, Payment.reference.in_(references)
        )
    ).all()
    found = [
        matching.find(session, provider, [fact.match])
        for fact in facts
        if isinstance(fact, PaymentFact)
    ]
    targets = [match.invoice_id for match in found if match]
    lock_invoices(session, [*targets, *(row.invoice_id for row in known)])
    lock_payments(session, (row.id for row in known))


def _names(provider: str, fact: Fact) -> Iterable[str]:
    if isinstance(fact, PaymentFact | CheckoutApproved):
        yield from matching.names_of(provider, fact.match)
    if isinstance(fact, CheckoutApproved):
        yield checkout_name(provider, fact.reference)


def _earlier(
    session: Session, connection: Connection, facts: Sequence[Fact]
) -> set[Key]:
    """What earlier revisions of these facts spoke of."""
    found = select(FactRow.movement).where(
        FactRow.connection_id == connection.id,
        FactRow.fact_id.in_([fact.id for fact in facts]),
    )
    return {Key.parse(text) for text in session.scalars(found)}


def _related(session: Session, keys: set[Key]) -> list[Fact]:
    """The other facts of these movements. Those of a capture name it alone."""
    texts = [str(key) for key in keys if key.kind != "capture"]
    if not texts:
        return []
    rows = session.scalars(select(FactRow).where(FactRow.movement.in_(texts)))
    return [from_data(row.kind, row.data) for row in rows]


def _keep(
    session: Session, connection: Connection, fact: Fact, revision: int
) -> FactRow | None:
    """Insert the fact; None if it is there already."""
    row = {
        "id": new_id("fct"),
        "connection_id": connection.id,
        "fact_id": fact.id,
        "revision": revision,
        "kind": type(fact).__name__,
        "data": to_data(fact),
        "as_of": fact.as_of,
        "state": "unchanged",
        "movement": str(key_of(connection.plugin, fact)),
        "created_at": now(),
    }
    unique = ("connection_id", "fact_id", "revision")
    found = insert_new(session, FactRow, [row], unique=unique, returning=FactRow)
    return found[0] if found else None


def _kept(
    session: Session, connection: Connection, fact: Fact, revision: int
) -> FactRow:
    return session.scalars(
        select(FactRow).where(
            FactRow.connection_id == connection.id,
            FactRow.fact_id == fact.id,
            FactRow.revision == revision,
        )
    ).one()


def _keys(session: Session, row: FactRow) -> list[Key]:
    """The movement the fact speaks of, and those it spoke of before a replay."""
    before = select(FactRow.movement).where(
        FactRow.connection_id == row.connection_id,
        FactRow.fact_id == row.fact_id,
        FactRow.movement != row.movement,
    )
    others = session.scalars(before).all() if row.revision else []
    return [Key.parse(text) for text in dict.fromkeys([row.movement, *others])]


def _book(session: Session, key: Key, row: FactRow) -> Booked:
    heard = _heard(session, key)
    return book(session, key, fold(heard) if heard else None, row)


def _heard(session: Session, key: Key) -> list[Heard]:
    """All facts of a movement, each in its newest revision. A fact whose newest
    revision speaks of something else is not among them (ROAD 13)."""
    newer = aliased(FactRow)
    replaced = exists().where(
        newer.connection_id == FactRow.connection_id,
        newer.fact_id == FactRow.fact_id,
        newer.revision > FactRow.revision,
    )
    rows = session.scalars(
        select(FactRow).where(FactRow.movement == str(key), ~replaced)
    )
    return [
        Heard(fact=from_data(row.kind, row.data), connection_id=row.connection_id)
        for row in rows
    ]


def _note(row: FactRow, booked: Sequence[Booked]) -> None:
    """Keep what became of the fact: the strongest of what it did."""
    states = {each.state for each in booked}
    row.state = next(s for s in ("recorded", "parked", "unchanged") if s in states)
    row.subject = booked[0].subject

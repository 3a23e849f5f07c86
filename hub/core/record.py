"""Record facts into the ledger. After process and sync, before publish.

A fact is kept once by its unique key (ROAD 2). All facts of one movement are folded
into its newest state, the payment and the invoice are computed anew from their
movements (ROAD 3), and what changed is published in the same transaction (ROAD 1).
"""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core import conversations
from hub.core.ledger import fact_rows, mandate_owners, matching
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
from hub.core.ledger.movements import Key, fold, key_of, payments_of
from hub.core.ledger.settling import Booked
from hub.core.models import Connection, FactRow, Payment
from hub.sdk.fact_data import FACT_KINDS, from_data
from hub.sdk.facts import (
    CheckoutApproved,
    ConversationFact,
    Fact,
    MandateSeen,
    PaymentFact,
)

# Where a fact is heard, if not in a webhook: windows of syncs overlap.
_SYNC, _HUB = "sync", "hub"
CONVERSATION = {
    name for name, kind in FACT_KINDS.items() if issubclass(kind, ConversationFact)
}


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


def record_all(  # noqa: PLR0913 - what a fact is kept with
    session: Session,
    connection: Connection,
    facts: Sequence[Fact],
    *,
    webhook_id: str | None = None,
    sync_run_id: str | None = None,
    revision: int = 0,
    source: str = "",
) -> list[FactRow]:
    """Record the facts of one result or page in one transaction. The locks of all
    are taken first, in one order (ROAD 5); a replay's `revision` is above 0, and its
    `source` is the webhook it hears again."""
    if not facts:
        return []
    _lock(session, connection, facts, revision)
    source = source or webhook_id or (_SYNC if sync_run_id else _HUB)
    fact_rows.hear(session, connection, facts, source)
    rows = []
    for fact in facts:
        row = fact_rows.keep(session, connection, fact, revision)
        if row is None:
            row, again = _known(session, connection, fact, revision)
            if not again:
                rows.append(row)
                continue
        row.webhook_id, row.sync_run_id = webhook_id, sync_run_id
        if isinstance(fact, ConversationFact):
            _note(row, [conversations.hear(session, connection, fact, row)])
        else:
            _note(row, [_book(session, key, row) for key in _keys(session, row)])
        rows.append(row)
    return rows


def withdraw(
    session: Session,
    connection: Connection,
    source: str,
    *,
    heard: Collection[str],
    webhook_id: str,
) -> int:
    """Take back what was heard in a webhook before and, as its replay shows, isn't
    in it: all but the ids in `heard`. What is heard elsewhere, too, stays (ROAD 13).
    """
    gone = fact_rows.heard_in(session, connection, source).difference(heard)
    if not gone:
        return 0
    rows = fact_rows.newest(session, connection, gone)
    facts = [from_data(row.kind, row.data) for row in rows]
    _lock(session, connection, facts, revision=1)
    lost = fact_rows.unhear(session, connection, gone, source)
    taken = [
        fact_rows.take_back(session, row, webhook_id)
        for row in fact_rows.newest(session, connection, lost)
        if row.state != fact_rows.WITHDRAWN
    ]
    # Booked when all are taken back, each movement once: what is in between never was.
    # What was said once was said: there is nothing to compute anew.
    money = {row.movement: row for row in taken if row.kind not in CONVERSATION}
    for movement, row in money.items():
        _book(session, Key.parse(movement), row)
    return len(taken)


def _known(
    session: Session, connection: Connection, fact: Fact, revision: int
) -> tuple[FactRow, bool]:
    """The row of a fact that was heard before. One that was taken back stands again
    in a new revision: then True."""
    (last,) = fact_rows.newest(session, connection, [fact.id])
    if last.state == fact_rows.WITHDRAWN:
        row = fact_rows.keep(session, connection, fact, last.revision + 1)
        if row is not None:
            return row, True
    return fact_rows.kept(session, connection, fact, revision), False


def _lock(
    session: Session, connection: Connection, facts: Sequence[Fact], revision: int
) -> None:
    """Take all locks: names, invoices, payments, companies. What other facts of the
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
    mandate_owners.lock_owners(session, provider, facts)


def _names(provider: str, fact: Fact) -> Iterable[str]:
    if isinstance(fact, PaymentFact | CheckoutApproved):
        yield from matching.names_of(provider, fact.match)
    if isinstance(fact, CheckoutApproved):
        yield checkout_name(provider, fact.reference)
    if isinstance(fact, MandateSeen):
        yield from mandate_owners.names_of(provider, fact)


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
    said = fact_rows.said_of(session, key)
    return book(session, key, fold(said) if said else None, row)


def _note(row: FactRow, booked: Sequence[Booked]) -> None:
    """Keep what became of the fact: the strongest of what it did."""
    states = {each.state for each in booked}
    row.state = next(s for s in ("recorded", "parked", "unchanged") if s in states)
    row.subject = booked[0].subject

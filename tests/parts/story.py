"""Stories of payments, made up by hypothesis: facts that may come in any order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import (
    Connection,
    Event,
    FactRow,
    Invoice,
    Movement,
    Payment,
    Payout,
    new_id,
)
from hub.sdk.facts import (
    ChargebackMade,
    DisputeSeen,
    Fact,
    FeeCharged,
    Match,
    PaymentCancelled,
    PaymentFact,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    PayoutMade,
    RefundMade,
    RefundTotal,
)
from tests.parts.ledger import START, add_company, add_invoice, at, eur

INVOICES = ("A", "B")
PAYMENTS = ("1", "2")


@dataclass(frozen=True)
class Said:
    """A fact as one of two connections says it, at first or on a replay."""

    fact: Fact
    connection: int = 0
    revision: int = 0


def _amounts(*values: str) -> st.SearchStrategy[Any]:
    return st.sampled_from([eur(value) for value in values])


_minutes = st.integers(0, 6).map(at)
_reasons = st.sampled_from(["", "no funds", "closed"])
_matches = st.builds(
    Match, invoice_number=st.sampled_from([*INVOICES, "unknown"]) | st.none()
)


def _payment(kind: type[PaymentFact], **values: Any) -> st.SearchStrategy[Fact]:
    return st.builds(
        kind,
        id=st.just(""),
        as_of=_minutes,
        reference=st.sampled_from(PAYMENTS),
        amount=_amounts("60.00", "100.00", "40.00"),
        match=_matches,
        method=st.sampled_from(["", "card"]),
        payer=st.sampled_from(["", "Ann", "Bob"]),
        **values,
    )


def _about(kind: type[Fact], references: str, **values: Any) -> st.SearchStrategy[Fact]:
    """One movement always speaks of the same payment, as at a real provider."""
    return st.sampled_from(references).flatmap(
        lambda name: st.builds(
            kind,
            id=st.just(""),
            as_of=_minutes,
            reference=st.just(f"{kind.__name__}-{name}"),
            payment=st.just(PAYMENTS[references.index(name) % 2]),
            **values,
        )
    )


_FACTS = st.one_of(
    _payment(PaymentReceived, fee=_amounts("1.00", "2.00") | st.none()),
    _payment(PaymentPending, reason=_reasons),
    _payment(PaymentFailed, reason=_reasons),
    _payment(PaymentCancelled),
    _about(
        RefundMade,
        "abcd",
        amount=_amounts("10.00", "60.00"),
        state=st.sampled_from(["pending", "done", "failed", "cancelled"]),
    ),
    st.builds(
        RefundTotal,
        id=st.just(""),
        as_of=_minutes,
        payment=st.sampled_from(PAYMENTS),
        total=_amounts("10.00", "60.00", "70.00"),
    ),
    _about(
        ChargebackMade,
        "ef",
        amount=_amounts("100.00", "20.00"),
        state=st.sampled_from(["done", "cancelled"]),
    ),
    _about(
        DisputeSeen,
        "gh",
        amount=_amounts("100.00") | st.none(),
        state=st.sampled_from(["open", "won", "lost", "closed"]),
        reason=_reasons,
    ),
    _about(FeeCharged, "ij", amount=_amounts("1.00")),
    st.builds(
        PayoutMade,
        id=st.just(""),
        as_of=_minutes,
        reference=st.sampled_from("kl"),
        amount=_amounts("100.00"),
        state=st.sampled_from(["pending", "paid", "failed"]),
        payments=st.sets(st.sampled_from(PAYMENTS)).map(lambda s: tuple(sorted(s))),
    ),
)


@st.composite
def stories(draw: st.DrawFn) -> list[Said]:
    """A set of facts; some are replayed, with what a mended parser made of them."""
    facts = draw(st.lists(_FACTS, min_size=1, max_size=9))
    said = []
    for number, fact in enumerate(facts):
        named = replace(fact, id=f"fact-{number}")
        said.append(Said(named, draw(st.integers(0, 1))))
        if draw(st.integers(0, 5)) == 0:
            mended = replace(draw(_FACTS), id=named.id)
            said.append(Said(mended, said[-1].connection, 1))
    return said


@st.composite
def tellings(draw: st.DrawFn, said: Sequence[Said]) -> list[list[Said]]:
    """The same facts in another order, some twice, in one or several transactions."""
    twice = draw(st.lists(st.sampled_from(said), max_size=3))
    left = list(draw(st.permutations([*said, *twice])))
    groups = []
    while left:
        size = draw(st.integers(1, len(left)))
        groups.append(left[:size])
        left = left[size:]
    return groups


@dataclass
class World:
    """Invoices A and B of their own, so that many stories share a database."""

    hub: Hub
    connections: Sequence[Connection]
    tag: str

    @classmethod
    def make(cls, hub: Hub, connections: Sequence[Connection]) -> "World":
        world = cls(hub, connections, new_id("w"))
        company = add_company(hub)
        for name in INVOICES:
            add_invoice(
                hub, "100.00", company, number=world.own(name), issue_date=START.date()
            )
        return world

    def own(self, name: str) -> str:
        return f"{self.tag}/{name}"

    def fact(self, fact: Fact) -> Fact:
        """The fact with all its references made this world's own."""
        changes: dict[str, Any] = {"id": self.own(fact.id)}
        for name in ("reference", "payment"):
            if hasattr(fact, name):
                changes[name] = self.own(getattr(fact, name))
        if isinstance(fact, PayoutMade):
            changes["payments"] = tuple(self.own(each) for each in fact.payments)
        if isinstance(fact, PaymentFact) and fact.match.invoice_number:
            number = self.own(fact.match.invoice_number)
            changes["match"] = Match(invoice_number=number)
        return replace(fact, **changes)

    def ledger(self) -> dict[str, Any]:
        """All that must not depend on the order of arrival."""
        with self.hub.read() as session:
            invoices = session.scalars(
                select(Invoice).where(Invoice.number.startswith(self.tag))
            )
            return {
                "invoices": {
                    self._name(row.number): (row.state, row.paid_minor, row.open_minor)
                    for row in invoices
                },
                "payments": dict(self._payments(session)),
                "movements": dict(self._movements(session)),
                "payouts": {
                    self._name(row.reference): (row.state, row.as_of, row.amount_minor)
                    for row in session.scalars(self._mine(Payout))
                },
                "facts": sorted(
                    (self._name(row.fact_id), row.revision)
                    for row in session.scalars(
                        select(FactRow).where(FactRow.fact_id.startswith(self.tag))
                    )
                ),
            }

    def told(self) -> list[tuple[str, str]]:
        """What was told of payments: type, and the key without our random ids."""
        with self.hub.read() as session:
            names = {
                row.id: self._name(row.reference)
                for row in session.scalars(self._mine(Payment))
            }
            events = session.scalars(select(Event).order_by(Event.id))
            return [
                (event.type, self._plain(event.key, names))
                for event in events
                if event.data.get("payment_id") in names
            ]

    def _plain(self, key: str, names: dict[str, str]) -> str:
        for id, name in names.items():
            key = key.replace(id, name)
        return key.replace(f"{self.tag}/", "")

    def _mine(self, model: Any) -> Any:
        return select(model).where(model.reference.startswith(self.tag))

    def _name(self, text: str | None) -> str:
        return (text or "").replace(f"{self.tag}/", "")

    def _payments(self, session: Session) -> Iterator[tuple[Any, Any]]:
        numbers = dict(session.execute(select(Invoice.id, Invoice.number)).all())
        captured = self._captured(session)
        for row in session.scalars(self._mine(Payment)):
            if row.id not in captured:
                continue
            yield (
                self._name(row.reference),
                {
                    "state": row.state,
                    "amount": row.amount_minor,
                    "refunded": row.refunded_minor,
                    "charged_back": row.charged_back_minor,
                    "disputed": row.disputed,
                    "attention": row.attention,
                    "fee": (row.fee_minor, row.net_minor),
                    "received_at": row.received_at,
                    "reason": row.reason,
                    "said": (row.method, row.payer),
                    "waits": self._name(row.match_invoice_number),
                    "invoice": self._name(numbers.get(row.invoice_id)),
                },
            )

    def _captured(self, session: Session) -> set[str]:
        """A payment that a replay found not to be one stays as a mere shell."""
        found = self._mine(Movement).where(Movement.kind == "capture")
        return {row.payment_id for row in session.scalars(found)}

    def _movements(self, session: Session) -> Iterator[tuple[Any, Any]]:
        captured = self._captured(session)
        for row in session.scalars(self._mine(Movement)):
            yield (
                (row.kind, self._name(row.reference)),
                (
                    self._name(row.payment_reference),
                    row.payment_id in captured,
                    row.amount_minor,
                    row.state,
                    row.as_of - START,
                    row.since - START if row.since else timedelta(),
                    row.reason,
                    row.fee_minor,
                ),
            )


def differences(one: World, other: World) -> dict[str, tuple[Any, Any]]:
    """Where two ledgers differ, place by place."""
    left, right = dict(_flat("", one.ledger())), dict(_flat("", other.ledger()))
    return {
        place: (left.get(place), right.get(place))
        for place in left.keys() | right.keys()
        if left.get(place) != right.get(place)
    }


def _flat(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{place} {key}", inner)
    else:
        yield place, value

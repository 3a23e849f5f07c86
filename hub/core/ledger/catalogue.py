"""Products, devices, tickets and time entries: kept and changed, no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core import audit
from hub.core.ledger import checks
from hub.core.models import (
    Company,
    Device,
    Invoice,
    Product,
    Ticket,
    TimeEntry,
    new_id,
)
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError

_PRICE = checks.number(0, 10**12)
_HIGHEST_TAX = 100


@dataclass(frozen=True, kw_only=True)
class _Kind:
    word: str
    prefix: str
    spec: checks.Spec
    needed: tuple[str, ...]


_KINDS: Mapping[type[Any], _Kind] = {
    Product: _Kind(
        word="product",
        prefix="pro",
        needed=("code", "name", "unit_price", "currency"),
        spec={
            "code": checks.text(100, needed=True),
            "name": checks.text(200, needed=True),
            "description": checks.text(1000),
            "unit_price": _PRICE,
            "currency": checks.currency,
            "tax_rate": checks.number(0, _HIGHEST_TAX),
            "active": checks.flag,
        },
    ),
    Device: _Kind(
        word="device",
        prefix="dev",
        needed=("name",),
        spec={
            "company_id": checks.optional(checks.text(50)),
            "name": checks.text(200, needed=True),
            "kind": checks.text(100),
            "serial_number": checks.text(200),
            "operating_system": checks.text(200),
            "state": checks.choice("active", "retired"),
            "last_seen_at": checks.optional(checks.moment),
        },
    ),
    Ticket: _Kind(
        word="ticket",
        prefix="tic",
        needed=("company_id", "title"),
        spec={
            "company_id": checks.text(50, needed=True),
            "number": checks.text(100),
            "title": checks.text(500, needed=True),
            "state": checks.choice("open", "closed"),
            "priority": checks.text(100),
        },
    ),
    TimeEntry: _Kind(
        word="time entry",
        prefix="tim",
        needed=("company_id", "person", "started_at", "minutes"),
        spec={
            "company_id": checks.text(50, needed=True),
            "ticket_id": checks.optional(checks.text(50)),
            "invoice_id": checks.optional(checks.text(50)),
            "person": checks.text(200, needed=True),
            "description": checks.text(2000),
            "started_at": checks.moment,
            "minutes": checks.whole(1, 100_000),
            "billable": checks.flag,
            "hourly_rate": checks.optional(_PRICE),
            "currency": checks.currency,
        },
    ),
}
_REFERS: Mapping[str, type[Any]] = {
    "company_id": Company,
    "ticket_id": Ticket,
    "invoice_id": Invoice,
}

Thing = TypeVar("Thing", Product, Device, Ticket, TimeEntry)


def get(session: Session, kind: type[Thing], id: str) -> Thing:
    """Return a product, device, ticket or time entry; NotFoundError if none."""
    found = session.get(kind, id)
    if found is None:
        raise NotFoundError(f"There is no {_KINDS[kind].word} {id}.")
    return found


def create(
    session: Session,
    kind: type[Thing],
    values: Mapping[str, Any],
    *,
    actor: str = audit.HUB,
) -> Thing:
    """Create one. A time entry takes its currency from the company if left out."""
    about = _KINDS[kind]
    given = checks.checked(about.spec, values, needed=about.needed)
    _check(session, kind, given)
    if kind is TimeEntry and "currency" not in given:
        given["currency"] = session.get_one(Company, given["company_id"]).currency
    row = kind(id=new_id(about.prefix), **given)
    session.add(row)
    session.flush()
    _audit(session, actor, "created", row)
    return row


def update(
    session: Session,
    kind: type[Thing],
    id: str,
    changes: Mapping[str, Any],
    *,
    actor: str = audit.HUB,
) -> Thing:
    """Change one."""
    row = get(session, kind, id)
    given = checks.checked(_KINDS[kind].spec, changes)
    _check(session, kind, given, but=row.id)
    changed = sorted(name for name in given if getattr(row, name) != given[name])
    for name in changed:
        setattr(row, name, given[name])
    if changed:
        session.flush()
        _audit(session, actor, "changed", row, changed=changed)
    return row


def delete_time_entry(session: Session, id: str, *, actor: str = audit.HUB) -> None:
    """Delete a time entry; ConflictError once it is on an invoice."""
    entry = get(session, TimeEntry, id)
    if entry.invoice_id:
        raise ConflictError("This time entry is on an invoice: it must stay.")
    session.delete(entry)
    _audit(session, actor, "deleted", entry)


def _check(
    session: Session,
    kind: type[Any],
    given: Mapping[str, Any],
    but: str | None = None,
) -> None:
    """What a row refers to must be there, and a product's code be its own."""
    missing = {
        name: [f"There is no {model.__name__.lower()} {given[name]}."]
        for name, model in _REFERS.items()
        if given.get(name) and session.get(model, given[name]) is None
    }
    if missing:
        names = ", ".join(sorted(missing))
        raise InvalidError(f"Some values can't be used: {names}.", missing)
    if kind is Product and "code" in given:
        owner = session.scalar(select(Product.id).where(Product.code == given["code"]))
        if owner and owner != but:
            raise ConflictError(f"A product has the code {given['code']} already.")


def _audit(
    session: Session,
    actor: str,
    action: str,
    row: Product | Device | Ticket | TimeEntry,
    **data: Any,
) -> None:
    word = _KINDS[type(row)].word.replace(" ", "_")
    audit.record(session, actor, f"{word}.{action}", f"{word}:{row.id}", **data)

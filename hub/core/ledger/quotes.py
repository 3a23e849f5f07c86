"""Quotes a client accepts or declines, once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from hub.core import audit
from hub.core.ledger import companies, invoices
from hub.core.ledger.amounts import check_currency, price
from hub.core.ledger.numbers import check_number, next_number
from hub.core.ledger.snapshots import quote_data
from hub.core.models import Quote, QuoteLine, new_id
from hub.core.publish import publish
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError

_CHANGEABLE = frozenset({"title", "valid_until", "lines", "note"})


@dataclass(frozen=True, kw_only=True)
class NewQuote:
    """What a quote is made from; left out: the next number, the company's
    currency, no end. `lines` as hub.core.ledger.amounts.price takes them."""

    company_id: str
    lines: Sequence[Mapping[str, Any]]
    title: str = ""
    number: str | None = None
    currency: str | None = None
    valid_until: date | None = None


def get(session: Session, quote_id: str) -> Quote:
    """Return the quote; NotFoundError if there is none."""
    found = session.get(Quote, quote_id)
    if found is None:
        raise NotFoundError(f"There is no quote {quote_id}.")
    return found


def create(session: Session, new: NewQuote, *, actor: str = audit.HUB) -> Quote:
    """Create an open quote."""
    company = companies.get(session, new.company_id)
    quote = Quote(
        id=new_id("quo"),
        number=(
            next_number(session, Quote)
            if new.number is None
            else check_number(session, Quote, new.number)
        ),
        company_id=company.id,
        title=new.title.strip(),
        currency=check_currency(new.currency or company.currency),
        valid_until=new.valid_until,
        state="open",
    )
    quote.company = company
    _set_lines(quote, new.lines)
    session.add(quote)
    session.flush()
    audit.record(session, actor, "quote.created", f"quote:{quote.id}")
    return quote


def update(
    session: Session,
    quote_id: str,
    changes: Mapping[str, Any],
    *,
    actor: str = audit.HUB,
) -> Quote:
    """Change title, valid_until, lines or note of an open quote."""
    quote = _locked(session, quote_id)
    unknown = sorted(changes.keys() - _CHANGEABLE)
    if unknown:
        fields = {name: ["It can't be changed."] for name in unknown}
        raise InvalidError(f"These can't be changed: {', '.join(unknown)}.", fields)
    _check_open(quote)
    if "lines" in changes:
        _set_lines(quote, changes["lines"])
    for name in changes.keys() - {"lines"}:
        setattr(quote, name, changes[name])
    subject = f"quote:{quote.id}"
    audit.record(session, actor, "quote.changed", subject, changed=sorted(changes))
    return quote


def is_expired(session: Session, quote: Quote) -> bool:
    """True for an open quote whose last day is over."""
    until = quote.valid_until
    return quote.state == "open" and bool(until and until < invoices.today(session))


def accept(
    session: Session,
    quote_id: str,
    *,
    by: str,
    note: str = "",
    actor: str = audit.HUB,
) -> Quote:
    """Accept an open quote in the name of `by`; ConflictError if it is decided or
    no longer valid."""
    return _decide(session, quote_id, "accepted", by, note, actor)


def decline(
    session: Session,
    quote_id: str,
    *,
    by: str,
    note: str = "",
    actor: str = audit.HUB,
) -> Quote:
    """Decline an open quote in the name of `by`; ConflictError if it is decided."""
    return _decide(session, quote_id, "declined", by, note, actor)


def _decide(
    session: Session, quote_id: str, state: str, by: str, note: str, actor: str
) -> Quote:
    quote = _locked(session, quote_id)
    _check_open(quote)
    if state == "accepted" and is_expired(session, quote):
        raise ConflictError(
            f"Quote {quote.number} was valid until {quote.valid_until}: make a new one."
        )
    quote.state, quote.decided_at, quote.decided_by = state, now(), by
    quote.note = note or quote.note
    audit.record(session, actor, f"quote.{state}", f"quote:{quote.id}", by=by)
    publish(
        session,
        f"quote.{state}",
        subject=f"quote:{quote.id}",
        key=f"quote.{state}:{quote.id}",
        data=quote_data(quote),
    )
    return quote


def _locked(session: Session, quote_id: str) -> Quote:
    quote = get(session, quote_id)
    session.refresh(quote, with_for_update={"key_share": True})
    return quote


def _check_open(quote: Quote) -> None:
    if quote.state != "open":
        raise ConflictError(f"Quote {quote.number} is {quote.state} already.")


def _set_lines(quote: Quote, lines: Sequence[Mapping[str, Any]]) -> None:
    if not lines:
        text = "A quote needs a line."
        raise InvalidError(text, {"lines": [text]})
    priced = price(lines, quote.currency)
    quote.lines = [
        QuoteLine(position=position, **vars(line))
        for position, line in enumerate(priced.lines)
    ]
    quote.net_minor, quote.tax_minor = priced.net_minor, priced.tax_minor
    quote.total_minor = priced.total_minor

"""What a plugin may look up in the ledger: `ctx.ledger`, reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import frozen
from hub.core.models import Company, Invoice
from hub.sdk import clock, ledger
from hub.sdk.money import Money
from hub.sdk.text import one_line

_UNPAID = ("open", "partially_paid")
_MOST = 50


@dataclass(frozen=True)
class StoredLedger:
    """The ledger, as a plugin may look into it."""

    _hub: Hub

    def invoice(self, number: str) -> ledger.Invoice | None:
        """Find an invoice by its number, typed in small letters perhaps."""
        wanted = one_line(number)
        with self._hub.read() as session:
            found = session.scalars(
                select(Invoice).where(Invoice.number.in_({wanted, wanted.upper()}))
            ).all()
            if not found:
                return None
            return frozen.invoice(min(found, key=lambda row: row.number != wanted))

    def companies(self, name: str, limit: int = 5) -> Sequence[ledger.Balance]:
        """Find companies by a part of their names, the best fit first, with what
        they owe."""
        wanted = one_line(name).casefold()
        if not wanted:
            return ()
        with self._hub.read() as session:
            ids = _named(session, wanted)[: min(limit, _MOST)]
            today = clock.now().astimezone(self._hub.settings.time_zone).date()
            return tuple(_balance(session, id, today) for id in ids)


def _named(session: Session, wanted: str) -> list[str]:
    """Companies whose names have these letters; SQLite's own comparison knows only
    those of English."""
    names = session.execute(select(Company.id, Company.name))
    folded = [(id, one_line(name).casefold()) for id, name in names]
    found = [(id, name) for id, name in folded if wanted in name]

    def misfit(each: tuple[str, str]) -> tuple[bool, bool, str, str]:
        id, name = each
        return (name != wanted, not name.startswith(wanted), name, id)

    return [id for id, _ in sorted(found, key=misfit)]


def _balance(session: Session, id: str, today: date) -> ledger.Balance:
    unpaid = (Invoice.company_id == id, Invoice.state.in_(_UNPAID))
    owed = session.execute(
        select(Invoice.currency, func.sum(Invoice.open_minor))
        .where(*unpaid)
        .group_by(Invoice.currency)
        .order_by(Invoice.currency)
    )
    late = select(func.count()).where(*unpaid, Invoice.due_date < today)
    return ledger.Balance(
        company=frozen.company(session.get_one(Company, id)),
        open_amounts=tuple(Money(int(minor), currency) for currency, minor in owed),
        overdue=session.scalar(late) or 0,
    )

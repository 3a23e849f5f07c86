"""Locks in one order: names, invoices, payments, companies (ROAD 5).

A name stands for something that may not exist yet: who creates an invoice and who
parks a payment that waits for it must not pass each other unseen. SQLite has one
writer and needs none of this.
"""

import hashlib
from collections.abc import Iterable

from sqlalchemy import ARRAY, BigInteger, bindparam, select, text
from sqlalchemy.orm import Session

from hub.core.models import Company, Invoice, Payment

_LOCK = text(
    "SELECT count(pg_advisory_xact_lock(name)) FROM"
    " (SELECT name FROM unnest(:names) WITH ORDINALITY AS t(name, n) ORDER BY n) AS s"
).bindparams(bindparam("names", type_=ARRAY(BigInteger)))


def fact_name(connection_id: str, fact_id: str) -> str:
    """The name of a fact, in all its revisions; sorted before all others, since
    what it spoke of before is looked up under it."""
    return f"!fact:{connection_id}:{fact_id}"


def movement_name(key: object) -> str:
    """The name of a movement."""
    return f"movement:{key}"


def payment_name(provider: str, reference: str) -> str:
    """The name of a payment, known or not yet."""
    return f"payment:{provider}:{reference}"


def charge_name(charge_id: str) -> str:
    """The name of a charge."""
    return f"charge:{charge_id}"


def checkout_name(provider: str, reference: str) -> str:
    """The name of a checkout at a provider."""
    return f"checkout:{provider}:{reference}"


def request_name(request_id: str) -> str:
    """The name of a mandate request."""
    return f"mandate-request:{request_id}"


def invoice_name(number: str) -> str:
    """The name of an invoice."""
    return f"invoice:{number}"


def lock_names(session: Session, names: Iterable[str]) -> None:
    """Hold these names to the end of the transaction, taken in alphabetical order."""
    numbers = [_number(name) for name in sorted(set(names))]
    if numbers and session.get_bind().dialect.name == "postgresql":
        session.execute(_LOCK, {"names": numbers})


def lock_invoices(session: Session, ids: Iterable[str | None]) -> dict[str, Invoice]:
    """Lock and read these invoices, in the order of their ids."""
    wanted = sorted({id for id in ids if id})
    if not wanted:
        return {}
    rows = session.scalars(
        select(Invoice)
        .where(Invoice.id.in_(wanted))
        .order_by(Invoice.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in rows}


def lock_payments(session: Session, ids: Iterable[str]) -> dict[str, Payment]:
    """Lock and read these payments, in the order of their ids; invoices first."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    rows = session.scalars(
        select(Payment)
        .where(Payment.id.in_(wanted))
        .order_by(Payment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in rows}


def lock_companies(session: Session, ids: Iterable[str | None]) -> None:
    """Lock these companies, in the order of their ids; payments first."""
    wanted = sorted({id for id in ids if id})
    if wanted:
        session.execute(
            select(Company.id)
            .where(Company.id.in_(wanted))
            .order_by(Company.id)
            .with_for_update(key_share=True)
        )


def _number(name: str) -> int:
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)

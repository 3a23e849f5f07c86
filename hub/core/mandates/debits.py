"""Collect an invoice by direct debit: a charge first, then the call, never twice.

Repeated after an unknown outcome the provider is asked first; what it knows nothing
of is sent again under the same key. A debit that failed is over: the next one is
begun by a person, or by autobill in its next period.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub, hub_of
from hub.core import audit, frozen
from hub.core.checkouts import leases
from hub.core.checkouts.asking import as_facts, ask, call, note_error, read, step
from hub.core.configuration.live import LiveConnection, live
from hub.core.ledger import charges
from hub.core.models import Charge, Company, Connection, Invoice, Mandate, Payment
from hub.core.record import record_all
from hub.sdk.clock import now
from hub.sdk.errors import (
    ConflictError,
    CredentialsError,
    HubError,
    NotFoundError,
    RejectedError,
    SettingsError,
)
from hub.sdk.facts import Fact

_HOOK = "collect_payment"
_ABANDONED = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a mandate can't be collected by right now."""

    code: str
    sentence: str


def collect(hub: Hub, invoice_id: str, *, actor: str = audit.HUB) -> Charge:
    """Collect what is open of an invoice by its company's mandate. The charge is open
    while the bank takes its time; ConflictError if it can't be collected, or a
    payment is under way."""
    with hub.write() as session:
        invoice = charges.locked_invoice(session, invoice_id)
        begun = _begun(session, invoice)
        charge = begun or begin(session, invoice)
        subject = f"invoice:{invoice_id}"
        audit.record(session, actor, "invoice.collected", subject, charge=charge.id)
    if begun is not None:
        check(hub, charge.id)  # what became of it is asked first
    else:
        error = run(hub, charge.id)
        if error is not None and not _unknown(error):
            raise error
    with hub.read() as session:
        return session.get_one(Charge, charge.id)


def begin(session: Session, invoice: Invoice, *, period: int | None = None) -> Charge:
    """Open a charge for a debit, invoice locked; commit before `run`."""
    mandate = mandate_of(session, invoice)
    problem = trouble(session, invoice.currency, mandate)
    if mandate is None or problem is not None:
        raise ConflictError(problem.sentence if problem else "")
    connection = session.get_one(Connection, mandate.connection_id)
    made = charges.open_charge(
        session, invoice.id, connection, mandate_id=mandate.id, period=period
    )
    session.flush()
    return made


def mandate_of(session: Session, invoice: Invoice) -> Mandate | None:
    """The mandate its company pays by now."""
    company = session.get_one(Company, invoice.company_id)
    return session.get(Mandate, company.mandate_id) if company.mandate_id else None


def trouble(session: Session, currency: str, mandate: Mandate | None) -> Trouble | None:
    """Say why nothing in this currency can be collected by a mandate, if so."""
    if mandate is None:
        return Trouble(
            code="no_mandate",
            sentence="The client has no mandate: set up a direct debit first.",
        )
    if mandate.state != "active":
        return Trouble(
            code="mandate_not_active",
            sentence=f"The client's mandate is {mandate.state}: it can't be used.",
        )
    if mandate.currency not in ("", currency):
        return Trouble(
            code="other_currency",
            sentence=f"The client's mandate is for {mandate.currency}, the invoice is"
            f" in {currency}.",
        )
    return _connected(session, mandate)


def run(hub: Hub, charge_id: str) -> HubError | None:
    """Send an open debit to the provider, as the only one; returns what went wrong.
    What isn't known stays open for `check`."""
    with leases.held(hub, Charge, charge_id) as claim:
        if claim is None:
            return None
        try:
            return _run(hub, charge_id, claim)
        except HubError as error:
            _note_error(hub, charge_id, claim, error)
            return error


def check(hub: Hub, charge_id: str) -> None:
    """What the janitor does about an open debit: ask; send what never arrived."""
    answer = ask(hub, charge_id)
    if answer is None:
        return
    with hub.read() as session:
        row = session.get_one(Charge, charge_id)
        told = _told(session, charge_id)
    if row.state != "open" or told:
        return
    if answer.error is None:
        run(hub, charge_id)
        return
    # Its connection is removed: nobody can say any more, and none will send it.
    gone = isinstance(answer.error, NotFoundError)
    if gone and now() - row.created_at > _ABANDONED:
        with hub.write() as session:
            charges.close(session, charge_id, "expired")


def _connected(session: Session, mandate: Mandate) -> Trouble | None:
    hub = hub_of(session)
    try:
        connection = live(hub).by_id(mandate.connection_id or "")
    except NotFoundError:
        return Trouble(
            code="no_connection",
            sentence="The connection of the client's mandate is removed.",
        )
    if not _able(hub, connection):
        return Trouble(
            code="connection_down",
            sentence=f"{connection.title} can't collect right now: mend or enable it.",
        )
    return None


def _able(hub: Hub, connection: LiveConnection) -> bool:
    has = hub.plugins.has(connection.plugin, _HOOK)
    fine = connection.state == "active" and connection.working
    return has and fine and not connection.error


def _begun(session: Session, invoice: Invoice) -> Charge | None:
    """A debit that was begun, and nobody knows if it arrived, is gone on with."""
    charge = charges.current(session, invoice.id)
    if charge is None:
        return None
    if charge.mandate_id is None:
        raise ConflictError(
            f"A payment page for invoice {invoice.number} is open: the client may be"
            " paying there. Wait until it is closed."
        )
    if _told(session, charge.id):
        raise ConflictError(f"Invoice {invoice.number} is being collected already.")
    return charge


def _told(session: Session, charge_id: str) -> bool:
    heard = select(Payment.id).where(Payment.charge_id == charge_id)
    return session.scalar(heard.limit(1)) is not None


def _run(hub: Hub, charge_id: str, claim: str) -> HubError | None:
    subject = read(hub, charge_id)
    with hub.read() as session:
        mandate = session.get_one(Mandate, subject.row.mandate_id)
        problem = trouble(session, subject.row.currency, mandate)
        if _told(session, charge_id):
            return None
    ended = mandate.state != "active"
    if subject.surplus or ended:
        words = problem.sentence if problem and ended else "It is not needed any more."
        _close(hub, charge_id, claim, "failed" if ended else "expired", words)
        return None
    invoice = subject.charge.invoice
    facts = call(
        hub,
        subject.connection,
        _HOOK,
        as_facts,
        invoice=invoice,
        charge=subject.charge,
        mandate=frozen.mandate(mandate, invoice.company),
    )
    _note(hub, subject.row, claim, facts)
    return None


def _note(hub: Hub, row: Charge, claim: str, facts: list[Fact]) -> None:
    values = {
        "problem": "",
        "checks": row.checks + 1,
        "next_check_at": now() + step(row.checks),
    }
    with hub.write() as session:
        connection = session.get_one(Connection, row.connection_id)
        record_all(session, connection, facts)
        leases.settle(session, Charge, row.id, claim, **values)


def _close(hub: Hub, charge_id: str, claim: str, state: str, problem: str) -> None:
    with hub.write() as session:
        values = _closed(state, problem)
        leases.settle(session, Charge, charge_id, claim, **values)


def _note_error(hub: Hub, charge_id: str, claim: str, error: HubError) -> None:
    values: dict[str, Any] = {}
    if not _unknown(error):
        values = _closed("failed", str(error))
        values.pop("problem")
        if not isinstance(error, RejectedError):
            # Nothing is wrong with this debit: autobill may begin it again.
            values["period"] = None
    note_error(hub, charge_id, claim, error, **values)


def _closed(state: str, problem: str) -> dict[str, Any]:
    return {
        "state": state,
        "problem": problem,
        "closed_at": now(),
        "next_check_at": None,
    }


def _unknown(error: HubError) -> bool:
    """True if money may have been asked for all the same, or the call is worth
    repeating."""
    final = isinstance(
        error, RejectedError | CredentialsError | SettingsError | ConflictError
    )
    return not final or bool(getattr(error, "outcome_unknown", False))

"""Ask a provider about an open charge, as the only one, and note what it says.

The call has no transaction open; its facts, what becomes of the charge and the end of
the lease commit together. What isn't known stays open for the janitor (ROAD 16).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import contexts, frozen
from hub.core.checkouts import leases
from hub.core.configuration.live import LiveConnection, live
from hub.core.deliveries import breaker
from hub.core.ledger import charges
from hub.core.models import Charge, Connection, Invoice, Payment
from hub.core.record import record_all
from hub.sdk import ledger
from hub.sdk.clock import now
from hub.sdk.context import Context
from hub.sdk.errors import (
    ConflictError,
    CredentialsError,
    HubError,
    PluginError,
    RateLimitError,
)
from hub.sdk.facts import Fact, PaymentCancelled, PaymentFailed, PaymentReceived

_SLOWEST = timedelta(days=1)
_log = structlog.get_logger("hub.checkouts")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A charge as it was when we took hold of it. `surplus`: its invoice doesn't
    need the money any more."""

    row: Charge
    charge: ledger.Charge
    connection: LiveConnection
    surplus: bool


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of asking; `error` says why nothing is known."""

    error: HubError | None = None


def ask(
    hub: Hub,
    charge_id: str,
    *,
    params: Mapping[str, str] | None = None,
    ending: bool = False,
) -> Answer | None:
    """Ask what became of a charge; None if it is closed or somebody else is at it.

    `params` are what the payer brought back. `ending`, or if its money isn't needed
    any more: its page is closed, and the charge unless money is coming through it.
    """
    with leases.held(hub, Charge, charge_id) as claim:
        if claim is None:
            return None
        try:
            subject = read(hub, charge_id)
            end = (ending or subject.surplus) and subject.row.mandate_id is None
            facts = _facts(hub, subject, params, end=end)
        except HubError as error:
            note_error(hub, charge_id, claim, error)
            return Answer(error=error)
        _note(hub, subject, claim, facts, end=end)
    return Answer()


def read(hub: Hub, charge_id: str) -> Subject:
    """Read a charge with all that a plugin is to see of it."""
    with hub.read() as session:
        row = session.get_one(Charge, charge_id)
        invoice = session.get_one(Invoice, row.invoice_id)
        surplus = charges.is_surplus(session, row, invoice)
        of = frozen.invoice(invoice)
    connection = live(hub).by_id(row.connection_id)
    charge = frozen.charge(row, of, connection.slug)
    return Subject(row=row, charge=charge, connection=connection, surplus=surplus)


def call(
    hub: Hub,
    connection: LiveConnection,
    hook: str,
    read_out: Callable[[Any], Any] = lambda made: made,
    **arguments: Any,
) -> Any:
    """Call a hook of a connection in use; whatever a plugin raises that isn't ours
    is a defect of it, and its outcome unknown. `read_out` runs what it yields."""
    if not connection.working:
        raise ConflictError(
            f"{connection.title} is {connection.state}: it has to be mended or enabled"
            " first."
        )
    about = arguments.pop("about", {})
    with contexts.opened(hub, connection, **about) as ctx:
        return _guarded(hub, connection, ctx, hook, read_out, arguments)


def note_error(
    hub: Hub, charge_id: str, claim: str, error: HubError, **values: Any
) -> None:
    """Keep why nothing is known, and when to ask again."""
    with hub.write() as session:
        row = session.get_one(Charge, charge_id)
        after = step(row.checks)
        if isinstance(error, RateLimitError) and error.retry_after:
            after = max(after, timedelta(seconds=error.retry_after))
        again = {"next_check_at": now() + after, "checks": row.checks + 1}
        problem = str(error)
        leases.settle(
            session, Charge, charge_id, claim, problem=problem, **(values or again)
        )
        refused(session, row.connection_id, error)


def refused(session: Session, connection_id: str, error: HubError) -> None:
    """Refused credentials hold the connection for a person."""
    if isinstance(error, CredentialsError):
        connection = session.get_one(Connection, connection_id)
        breaker.refuse(session, connection, str(error))


def step(checks: int) -> timedelta:
    """How long to wait after so many checks: a minute, then ever longer."""
    return min(charges.FIRST_CHECK * (1 << min(checks, 12)), _SLOWEST)


def _facts(
    hub: Hub, subject: Subject, params: Mapping[str, str] | None, *, end: bool
) -> list[Fact]:
    connection, charge = subject.connection, subject.charge
    if charge.reference is None and subject.row.mandate_id is None:
        return []  # its page was never shown to anybody: nothing can have come
    can_close = hub.plugins.has(connection.plugin, "cancel_checkout")
    if end and can_close:
        # What was under way when the last call broke off comes to its end first.
        broken_off = subject.row.problem and not subject.surplus
        known = (
            _asked(hub, connection, "check_payment", attempt=charge)
            if broken_off
            else []
        )
        return known or _asked(hub, connection, "cancel_checkout", charge=charge)
    if params is not None and not end:
        asked = {"charge": charge, "params": params}
        return _asked(hub, connection, "finish_checkout", **asked)
    return _asked(hub, connection, "check_payment", attempt=charge)


def _asked(
    hub: Hub, connection: LiveConnection, hook: str, **arguments: Any
) -> list[Fact]:
    facts: list[Fact] = call(hub, connection, hook, as_facts, **arguments)
    return facts


def as_facts(made: Any) -> list[Fact]:
    """Read out what a hook yields, while its call lasts."""
    found = list(made or ())
    if not all(isinstance(each, Fact) for each in found):
        raise PluginError("The plugin returned something that is no fact.")
    return found


def _guarded(
    hub: Hub,
    connection: LiveConnection,
    ctx: Context,
    hook: str,
    read_out: Callable[[Any], Any],
    arguments: Mapping[str, Any],
) -> Any:
    try:
        return read_out(hub.plugins.call(connection.plugin, hook, ctx=ctx, **arguments))
    except HubError as error:
        error.args = (connection.redactor.text(str(error)),)
        raise
    except Exception as error:
        _log.exception("hook.crashed", hook=hook, connection=connection.slug)
        raise PluginError(
            f"The plugin {connection.plugin} failed in {hook}"
            f" ({type(error).__name__}): this is a defect of the plugin; the log has"
            " the details."
        ) from error


def _note(
    hub: Hub, subject: Subject, claim: str, facts: Sequence[Fact], *, end: bool
) -> None:
    id = subject.row.id
    with hub.write() as session:
        connection = session.get_one(Connection, subject.row.connection_id)
        record_all(session, connection, facts)
        values = _outcome(session, subject.row, facts, end=end)
        leases.settle(session, Charge, id, claim, **values)


def _outcome(
    session: Session, row: Charge, facts: Sequence[Fact], *, end: bool
) -> dict[str, Any]:
    """What becomes of a charge after an answer. Money has finished it already, in
    this transaction or an earlier one; then none of this is written."""
    session.flush()
    states = set(
        session.scalars(select(Payment.state).where(Payment.charge_id == row.id))
    )
    if "pending" in states or any(isinstance(f, PaymentReceived) for f in facts):
        return _again(row)
    ended = _ended(facts, now(), end=end)
    # The payer may have approved and been declined: then it waits for him again.
    return ended or {**_again(row), "approved_at": None}


def _ended(facts: Sequence[Fact], at: datetime, *, end: bool) -> dict[str, Any]:
    failed = next((f for f in facts if isinstance(f, PaymentFailed)), None)
    if failed:
        return _closed("failed", failed.reason, at)
    if end or any(isinstance(f, PaymentCancelled) for f in facts):
        return _closed("expired", "", at)
    return {}


def _closed(state: str, problem: str, at: datetime) -> dict[str, Any]:
    return {
        "state": state,
        "closed_at": at,
        "problem": problem,
        "next_check_at": None,
    }


def _again(row: Charge) -> dict[str, Any]:
    return {
        "problem": "",
        "checks": row.checks + 1,
        "next_check_at": now() + step(row.checks),
    }

"""Write what became of deliveries: many results in one transaction, each only where
its claim still counts (ROAD 16, 32)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from hub.core import conversations
from hub.core.deliveries import breaker, steps
from hub.core.deliveries.breaker import Signs
from hub.core.deliveries.claims import Claimed
from hub.core.deliveries.outcomes import Outcome
from hub.core.deliveries.steps import Steps
from hub.core.models import Attempt, Delivery, SentMessage
from hub.core.policy import blocks
from hub.sdk import clock

_FINAL = ("delivered", "dead", "skipped")


@dataclass(frozen=True, kw_only=True)
class Done:
    """A try that ended; `sent_at` and `steps` as in `Claimed`, after it."""

    claimed: Claimed
    outcome: Outcome
    sent_at: datetime | None
    steps: Steps
    finished_at: datetime


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Bytes are about to leave that may take effect (ROAD 16, 17)."""

    claimed: Claimed
    steps: Steps


@dataclass(frozen=True, kw_only=True)
class Settled:
    """The results that counted, and whether an outage may have begun or ended."""

    counted: Sequence[Done] = ()
    trouble: bool = False


def settle(session: Session, done: Sequence[Done]) -> Settled:
    """Write the results. A late one, whose claim has passed to another, changes
    nothing."""
    mine = _still_mine(session, [each.claimed for each in done])
    counted = [each for each in done if each.claimed.id in mine]
    if not counted:
        return Settled()
    connection = session.connection()
    connection.execute(_delivery, [_delivery_values(each) for each in counted])
    connection.execute(_attempt, [_attempt_values(each) for each in counted])
    _block(session, counted)
    _settle_doubts(session, counted)
    return Settled(counted=counted, trouble=_tell_breaker(session, counted))


def mark(session: Session, marks: Sequence[Mark]) -> set[str]:
    """Note that these may reach the provider now; returns the ids still ours."""
    mine = _still_mine(session, [each.claimed for each in marks])
    moment = clock.now()
    for each in marks:
        if each.claimed.id in mine:
            session.execute(
                update(Delivery)
                .where(Delivery.id == each.claimed.id)
                .values(
                    sent_at=each.claimed.sent_at or moment,
                    steps=steps.dump(each.steps),
                )
                .execution_options(synchronize_session=False)
            )
    return mine


def _still_mine(session: Session, claims: Iterable[Claimed]) -> set[str]:
    wanted = {each.id: each.claim for each in claims}
    if not wanted:
        return set()
    rows = session.execute(
        select(Delivery.id, Delivery.claim)
        .where(Delivery.id.in_(wanted), Delivery.state == "sending")
        .order_by(Delivery.id)
        .with_for_update()
    )
    return {id for id, claim in rows if claim == wanted[id]}


_delivery = (
    update(Delivery)
    .where(Delivery.id == bindparam("b_id"))
    .values(claim=None, lease_until=None, lost_leases=0)
)
_attempt = update(Attempt).where(
    Attempt.delivery_id == bindparam("b_id"), Attempt.number == bindparam("b_number")
)


def _delivery_values(done: Done) -> dict[str, Any]:
    outcome = done.outcome
    retrying, skipped = outcome.state == "retrying", outcome.state == "skipped"
    return {
        "b_id": done.claimed.id,
        "state": outcome.state,
        "reason": "opt-out" if skipped else outcome.error,
        "explanation": _unsent(done) if skipped else "",
        "sent_at": done.sent_at,
        "steps": steps.dump(done.steps),
        "next_attempt_at": done.finished_at + outcome.wait if retrying else None,
        "provider_reference": outcome.reference,
        "finished_at": done.finished_at if outcome.state in _FINAL else None,
    }


def _unsent(done: Done) -> str:
    return f"Not sent to {done.claimed.target}: {done.outcome.error}"


def _attempt_values(done: Done) -> dict[str, Any]:
    outcome = done.outcome
    return {
        "b_id": done.claimed.id,
        "b_number": done.claimed.attempt,
        "finished_at": done.finished_at,
        "outcome": outcome.word,
        "error": outcome.error,
        "status": outcome.status,
    }


def _block(session: Session, counted: Sequence[Done]) -> None:
    """An address that takes nothing more is noted with the result that said so."""
    for each in counted:
        if each.outcome.blocked:
            blocks.block(
                session,
                connection_id=each.claimed.connection_id,
                sender=each.claimed.sender,
                address=each.claimed.target,
                kind=each.outcome.blocked,
                how=each.outcome.error,
                at=each.finished_at,
            )


def _settle_doubts(session: Session, counted: Sequence[Done]) -> None:
    """The provider may have told of a message before our own call came back."""
    unsure = [each.claimed.id for each in counted if each.outcome.state == "in_doubt"]
    if not unsure:
        return
    told = session.execute(
        select(Delivery, SentMessage.reference)
        .join(SentMessage, SentMessage.delivery_id == Delivery.id)
        .where(Delivery.id.in_(unsure))
        .execution_options(populate_existing=True)
    )
    for delivery, reference in told:
        conversations.settle_doubt(session, delivery, reference)


def _tell_breaker(session: Session, counted: Sequence[Done]) -> bool:
    by_connection: dict[str, list[Done]] = {}
    for each in sorted(counted, key=lambda each: each.finished_at):
        by_connection.setdefault(each.claimed.connection_id, []).append(each)
    signs = {id: _signs(found) for id, found in by_connection.items()}
    # Where all is well nothing is written.
    well = {id for id, sign in signs.items() if sign in (Signs(works=True), Signs())}
    noted = signs.keys() - well | breaker.troubled(session, well)
    for id in sorted(noted):
        breaker.note(session, id, signs[id])
    return bool(noted)


def _signs(done: Sequence[Done]) -> Signs:
    works, failures, reason, refused, gone, waits = False, 0, "", "", "", ""
    wait_until: datetime | None = None
    for each in done:
        outcome = each.outcome
        match outcome.sign:
            case "works":
                works, failures, waits = True, 0, ""
            case "fails":
                failures, reason = failures + 1, outcome.error
            case "credentials":
                refused = outcome.error
            case "gone":
                gone = outcome.error
            case "wait":
                until = each.finished_at + outcome.wait
                wait_until = max(until, wait_until or until)
                waits = outcome.error
    return Signs(
        works=works,
        failures=failures,
        reason=reason,
        refused=refused,
        gone=gone,
        wait_until=wait_until,
        waits=waits,
    )

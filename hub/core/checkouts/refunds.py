"""Refunds that people ask for: a row first, then the call, asked again until its
outcome is known. The row's id is the idempotency key: money goes back once.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import audit, calls, frozen
from hub.core.checkouts import leases, refundable
from hub.core.checkouts.asking import as_facts, call, refused, step
from hub.core.checkouts.refundable import HOOK, left
from hub.core.configuration.live import live
from hub.core.ledger import payments
from hub.core.ledger.locks import lock_invoices, lock_payments
from hub.core.models import Connection, Movement, Payment, RefundRequest, new_id
from hub.core.notify import notify_staff
from hub.core.record import record_all
from hub.sdk.clock import now
from hub.sdk.errors import (
    ConflictError,
    HubError,
    NotFoundError,
    RateLimitError,
    RejectedError,
)
from hub.sdk.facts import Fact, RefundMade
from hub.sdk.money import Money

__all__ = ["ask", "give_up", "left", "refund", "run"]

# Providers remember a key for a day at least. Later a person has to look.
_SAFE_TO_REPEAT = timedelta(hours=20)
_FIRST_CHECK = timedelta(minutes=1)


def ask(
    hub: Hub,
    payment_id: str,
    amount: Money | None = None,
    actor: str = audit.HUB,
    *,
    seen: Money | None = None,
) -> RefundRequest:
    """Ask for a refund of all that is left of a payment, or of `amount`; `run` does
    it. Money recorded by hand is given back by hand: it is only booked.

    `seen` is what the person saw as given back before: ConflictError if that isn't
    so any more (a form that is sent twice). One may be open per payment.
    """
    try:
        with hub.write() as session:
            return _ask(session, payment_id, amount, actor, seen)
    except IntegrityError:
        raise ConflictError("A refund of this payment is under way.") from None


def refund(
    hub: Hub,
    payment_id: str,
    amount: Money | None = None,
    actor: str = audit.HUB,
    *,
    seen: Money | None = None,
) -> RefundRequest:
    """Ask for a refund and try it at once; open still if its outcome isn't known."""
    request = ask(hub, payment_id, amount, actor, seen=seen)
    if request.state == "open":
        run(hub, request.id)
    with hub.read() as session:
        return session.get_one(RefundRequest, request.id)


def run(hub: Hub, request_id: str) -> None:
    """Do what was asked for, or ask again what became of it."""
    with leases.held(hub, RefundRequest, request_id) as claim:
        if claim is None:
            return
        request, payment = _read(hub, request_id)
        if request.checks and _heard_meanwhile(hub, request, claim):
            return
        if now() - request.created_at > _SAFE_TO_REPEAT:
            _leave_to_a_person(hub, request, claim)
            return
        try:
            facts = _call(hub, request, payment)
        except HubError as error:
            _note_error(hub, request, payment, claim, error)
            return
        _note(hub, request, payment, claim, facts)


def give_up(hub: Hub, request_id: str, *, actor: str = audit.HUB) -> RefundRequest:
    """A person looked at the provider: nothing was given back there, and nothing
    shall be. ConflictError while the hub itself goes on asking: one that is under
    way could still arrive."""
    _check_stopped(hub, request_id)
    with leases.held(hub, RefundRequest, request_id) as claim:
        if claim is None:
            raise ConflictError("This refund is under way, or over: look again.")
        with hub.write() as session:
            values = _closed("refused", "A person gave it up.")
            leases.settle(session, RefundRequest, request_id, claim, **values)
            request = session.get_one(RefundRequest, request_id)
            subject = f"payment:{request.payment_id}"
            audit.record(session, actor, "refund.given_up", subject)
            return request


def _check_stopped(hub: Hub, request_id: str) -> None:
    with hub.read() as session:
        row = session.get(RefundRequest, request_id)
        if row is None:
            raise NotFoundError(f"There is no refund request {request_id}.")
        if row.state == "open" and row.next_check_at is not None:
            raise ConflictError(
                "The hub still asks what became of this refund, and can't tell yet:"
                " check it now, or wait. It says so once a person has to decide."
            )


def _ask(
    session: Session,
    payment_id: str,
    amount: Money | None,
    actor: str,
    seen: Money | None,
) -> RefundRequest:
    payment = _locked(session, payment_id)
    by_hand = payment.provider == payments.MANUAL
    refundable.check(session, payment, by_hand=by_hand)
    if seen is not None and seen.minor != payment.refunded_minor:
        raise ConflictError("Something was given back meanwhile: look at it again.")
    wanted = refundable.amount_of(session, payment, amount)
    request = RefundRequest(
        id=new_id("rfr"),
        payment_id=payment.id,
        amount_minor=wanted.minor,
        currency=wanted.currency,
        asked_by=actor,
        next_check_at=now() + _FIRST_CHECK,
    )
    session.add(request)
    session.flush()
    subject = f"payment:{payment.id}"
    audit.record(
        session, actor, "refund.asked", subject, amount=wanted.format(), id=request.id
    )
    if by_hand:
        payments.refund_by_hand(session, payment, wanted, reference=request.id)
        for name, value in _closed("done", "").items():
            setattr(request, name, value)
        request.refund_reference = request.id
    return request


def _locked(session: Session, payment_id: str) -> Payment:
    given = payments.get(session, payment_id)
    lock_invoices(session, [given.invoice_id])
    return lock_payments(session, [payment_id])[payment_id]


def _read(hub: Hub, request_id: str) -> tuple[RefundRequest, Payment]:
    with hub.read() as session:
        request = session.get_one(RefundRequest, request_id)
        return request, session.get_one(Payment, request.payment_id)


def _call(hub: Hub, request: RefundRequest, payment: Payment) -> list[Fact]:
    connection = live(hub).by_id(payment.connection_id or "")
    # The trail knows deliveries only; the key comes from this request's id.
    trail = calls.calls(hub).recorder(connection.id)
    facts: list[Fact] = call(
        hub,
        connection,
        HOOK,
        as_facts,
        about={"delivery": request.id, "record": trail},
        payment=frozen.payment(payment),
        amount=Money(request.amount_minor, request.currency),
    )
    return facts


def _note(
    hub: Hub,
    request: RefundRequest,
    payment: Payment,
    claim: str,
    facts: list[Fact],
) -> None:
    made = next((f for f in facts if isinstance(f, RefundMade)), None)
    with hub.write() as session:
        connection = session.get_one(Connection, payment.connection_id)
        record_all(session, connection, facts)
        leases.settle(session, RefundRequest, request.id, claim, **_end(made))


def _end(made: RefundMade | None) -> dict[str, Any]:
    if made is None:
        return _closed("refused", "The provider made no refund of it.")
    if made.state in ("failed", "cancelled"):
        return _closed("refused", made.reason or f"The refund was {made.state}.")
    return {**_closed("done", ""), "refund_reference": made.reference}


def _note_error(
    hub: Hub, request: RefundRequest, payment: Payment, claim: str, error: HubError
) -> None:
    final = isinstance(error, RejectedError) and not error.outcome_unknown
    after = step(request.checks)
    if isinstance(error, RateLimitError) and error.retry_after:
        after = max(after, timedelta(seconds=error.retry_after))
    again = {"next_check_at": now() + after, "checks": request.checks + 1}
    values = _closed("refused", str(error)) if final else again
    with hub.write() as session:
        leases.settle(
            session,
            RefundRequest,
            request.id,
            claim,
            **{"problem": str(error), **values},
        )
        if payment.connection_id:
            refused(session, payment.connection_id, error)


def _heard_meanwhile(hub: Hub, request: RefundRequest, claim: str) -> bool:
    """A webhook or a sync may have told of the refund whose answer was lost."""
    others = select(RefundRequest.refund_reference).where(
        RefundRequest.payment_id == request.payment_id,
        RefundRequest.refund_reference.is_not(None),
    )
    heard = select(Movement.reference).where(
        Movement.payment_id == request.payment_id,
        Movement.kind == "refund",
        Movement.state.in_(("pending", "done")),
        Movement.amount_minor == request.amount_minor,
        Movement.created_at >= request.created_at,
        Movement.reference.not_in(others),
    )
    with hub.write() as session:
        reference = session.scalar(heard.order_by(Movement.created_at).limit(1))
        if reference is None:
            return False
        values = {**_closed("done", ""), "refund_reference": reference}
        return leases.settle(session, RefundRequest, request.id, claim, **values)


def _leave_to_a_person(hub: Hub, request: RefundRequest, claim: str) -> None:
    """The provider may have forgotten the key: repeating it could refund twice."""
    money = Money(request.amount_minor, request.currency).format()
    problem = (
        f"Whether {money} went back isn't known. Look at the provider's page of this"
        " payment: if a refund of it is there, done or under way, sync the connection"
        " and it is booked; if there is none, give this refund up."
    )
    with hub.write() as session:
        values = {"next_check_at": None, "problem": problem}
        leases.settle(session, RefundRequest, request.id, claim, **values)
        payment = session.get_one(Payment, request.payment_id)
        notify_staff(
            session,
            "refund.unknown",
            {"payment_id": payment.id, "refund_request_id": request.id},
            title=f"A refund of {money} may have failed",
            body=problem,
            url=hub.url(f"/payments/{payment.id}"),
            key=f"refund.unknown:{request.id}",
        )


def _closed(state: str, problem: str) -> dict[str, Any]:
    return {
        "state": state,
        "problem": problem,
        "closed_at": now(),
        "next_check_at": None,
    }

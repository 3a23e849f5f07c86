"""Leases: who talks to a provider about a row holds it alone (ROAD 7, 16).

A lease is committed before the call. Whoever was killed at it loses it when its time
is over; what comes of a call is written only while the lease is still ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeAlias

from sqlalchemy import case, or_, update
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import Charge, MandateRequest, RefundRequest, new_id
from hub.sdk.clock import now

LEASE_SECONDS = 150  # three calls of 30 s, and a minute to spare (ROAD 39)
Leased: TypeAlias = type[Charge] | type[RefundRequest] | type[MandateRequest]


@contextmanager
def held(
    hub: Hub, model: Leased, id: str, seconds: float = LEASE_SECONDS
) -> Iterator[str | None]:
    """Hold an open row; yields the claim, or None if it isn't open or somebody else
    is at it. Freed at the end, unless `settle` did so already."""
    claim = _take(hub, model, id, seconds)
    try:
        yield claim
    finally:
        if claim is not None:
            with hub.write() as session:
                settle(session, model, id, claim)


def settle(session: Session, model: Leased, id: str, claim: str, **values: Any) -> bool:
    """Write what came of it and free the row; False, and nothing is written, if the
    claim is not ours any more, or money closed the row meanwhile. Last in its
    transaction: facts take their locks before it (ROAD 5).

    A `next_check_at` gives way to a sooner one that was asked for meanwhile.
    """
    session.flush()
    if values.get("next_check_at") is not None:
        untouched = model.next_check_at == model.lease_until
        values["next_check_at"] = case(
            (untouched, values["next_check_at"]), else_=model.next_check_at
        )
    still = (model.state == "open",) if values else ()
    written = session.execute(
        update(model)
        .where(model.id == id, model.claim == claim, *still)
        .values(**values, claim=None, lease_until=None)
        .returning(model.id)
        .execution_options(synchronize_session="fetch")
    )
    return written.first() is not None


def _take(hub: Hub, model: Leased, id: str, seconds: float) -> str | None:
    claim, moment = new_id("clm"), now()
    until = moment + timedelta(seconds=seconds)
    free = or_(model.claim.is_(None), model.lease_until < moment)
    with hub.write() as session:
        taken = session.execute(
            update(model)
            .where(model.id == id, model.state == "open", free)
            # If we are killed at it, the janitor goes on when the lease is over.
            .values(claim=claim, lease_until=until, next_check_at=until)
            .returning(model.id)
        )
        return claim if taken.first() is not None else None

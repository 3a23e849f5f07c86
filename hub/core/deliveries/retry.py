"""What a person does about a delivery: retry it, replay it, confirm it (ROAD 13, 17).

A retry is the same delivery and keeps its idempotency key, unless the last failure
was definite: a provider answers a key it has refused with the refusal it remembers.
A replay is a new delivery.
"""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub, hub_of
from hub.core import audit
from hub.core.deliveries import steps
from hub.core.deliveries.steps import Steps
from hub.core.models import Connection, Delivery, new_id
from hub.core.queries.listing import DELIVERIES, narrowed
from hub.jobs import ring_after
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError

RETRIED = ("dead", "in_doubt", "retrying", "skipped")
REPLAYED = ("delivered", "dead", "skipped")
# Never to be sent there: it came from there (ROAD 8).
_ECHO = "echo"
_BATCH = 200
_Act = Callable[[Session, Delivery, str], Delivery]


def retry(session: Session, delivery_id: str, actor: str) -> Delivery:
    """Do a delivery again, as soon as its connection can."""
    delivery = _found(session, delivery_id)
    _refuse(session, delivery, RETRIED, "retried")
    return _retry(session, delivery, actor)


def replay(session: Session, delivery_id: str, actor: str) -> Delivery:
    """Make a new delivery of the same event and return it."""
    delivery = _found(session, delivery_id)
    _refuse(session, delivery, REPLAYED, "replayed")
    return _replay(session, delivery, actor)


def confirm(session: Session, delivery_id: str, actor: str) -> Delivery:
    """A person looked: what was in doubt has been carried out."""
    delivery = _found(session, delivery_id)
    _refuse(session, delivery, ("in_doubt",), "confirmed")
    delivery.state, delivery.reason = "delivered", "confirmed by a person"
    delivery.finished_at = now()
    audit.record(session, actor, "delivery.confirmed", f"delivery:{delivery.id}")
    ring_after(session, "deliver")  # what stood behind it
    return delivery


def retry_many(
    hub: Hub, filters: Mapping[str, str], actor: str, *, dry_run: bool = False
) -> int:
    """Retry all deliveries the filters (those of the list) name; returns how many.

    Without a filter on the state: the dead ones.
    """
    wanted = {"state": "dead", **filters}
    return _many(hub, wanted, RETRIED, _retry, actor, dry_run)


def replay_many(
    hub: Hub, filters: Mapping[str, str], actor: str, *, dry_run: bool = False
) -> int:
    """Replay all finished deliveries the filters name; returns how many."""
    if not filters:
        raise InvalidError("Name at least one filter: this would send everything.")
    return _many(hub, filters, REPLAYED, _replay, actor, dry_run)


def _many(
    hub: Hub,
    filters: Mapping[str, str],
    states: tuple[str, ...],
    act: _Act,
    actor: str,
    dry_run: bool,
) -> int:
    # What is made meanwhile is not meant, least of all what this makes.
    begun, after, count = now(), "", 0
    meant = (
        narrowed(select(Delivery.id), DELIVERIES, filters)
        .join(Connection, Connection.id == Delivery.connection_id)
        .where(
            Delivery.state.in_(states),
            Delivery.reason != _ECHO,
            Delivery.created_at <= begun,
            Connection.removed_at.is_(None),
        )
        .order_by(Delivery.id)
    )
    while True:
        with hub.read() as session:
            page = meant.where(Delivery.id > after).limit(_BATCH)
            ids = session.scalars(page).all()
        if not ids:
            return count
        after = ids[-1]
        count += len(ids) if dry_run else _act_on(hub, ids, states, act, actor)


def _act_on(
    hub: Hub, ids: Sequence[str], states: tuple[str, ...], act: _Act, actor: str
) -> int:
    with hub.write() as session:
        rows = session.scalars(
            select(Delivery)
            .where(Delivery.id.in_(ids), Delivery.state.in_(states))
            .order_by(Delivery.id)
            .with_for_update()
        ).all()
        for row in rows:
            act(session, row, actor)
    return len(rows)


def _retry(session: Session, delivery: Delivery, actor: str) -> Delivery:
    kept = steps.load(delivery.steps)
    # Who retries what is in doubt has looked; who retries a refusal knows nothing of
    # the steps before it.
    looked = delivery.state == "in_doubt" or not _any_made(kept)
    delivery.steps = steps.dump(steps.for_retry(kept, looked=looked))
    if looked and not _can_look(session, delivery):
        delivery.sent_at = None
    delivery.state, delivery.reason = "retrying", ""
    delivery.next_attempt_at = delivery.asked_at = now()
    delivery.deadline = delivery.finished_at = None
    delivery.lost_leases = 0
    audit.record(session, actor, "delivery.retried", f"delivery:{delivery.id}")
    ring_after(session, "deliver")
    return delivery


def _replay(session: Session, delivery: Delivery, actor: str) -> Delivery:
    id, moment = new_id("dlv"), now()
    again = Delivery(
        id=id,
        event_id=delivery.event_id,
        connection_id=delivery.connection_id,
        hook=delivery.hook,
        target=delivery.target,
        copy=id,
        subject=delivery.subject,
        position=delivery.position,
        # Whom it is for decides what it is held to: the policy is asked again.
        audience=delivery.audience,
        kind=delivery.kind,
        company_id=delivery.company_id,
        contact_id=delivery.contact_id,
        user_id=delivery.user_id,
        message=delivery.message,
        state="pending",
        next_attempt_at=moment,
        replay_of=delivery.replay_of or delivery.id,
        created_at=moment,
    )
    session.add(again)
    audit.record(
        session, actor, "delivery.replayed", f"delivery:{delivery.id}", delivery=id
    )
    ring_after(session, "deliver")
    return again


def _found(session: Session, delivery_id: str) -> Delivery:
    delivery = session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None:
        raise NotFoundError(f"There is no delivery {delivery_id!r}.")
    return delivery


def _refuse(
    session: Session, delivery: Delivery, states: tuple[str, ...], word: str
) -> None:
    """ConflictError if it can't be done in its present state."""
    if delivery.state not in states:
        raise ConflictError(
            f"It is {delivery.state}; only what is {' or '.join(states)} can be {word}."
        )
    if delivery.reason == _ECHO:
        raise ConflictError("It came from this connection and is not sent back to it.")
    connection = session.get_one(Connection, delivery.connection_id)
    if connection.removed_at is not None:
        raise ConflictError("Its connection was removed.")


def _any_made(kept: Steps) -> bool:
    return any(step.end == "made" for step in kept.values())


def _can_look(session: Session, delivery: Delivery) -> bool:
    connection = session.get_one(Connection, delivery.connection_id)
    return hub_of(session).plugins.has(connection.plugin, "find_made")

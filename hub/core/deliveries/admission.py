"""What of the claimed deliveries may go now: the rest is put aside or put off, each
with its reason. In the claim's transaction, after it and before anything is sent."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.configuration.live import LiveConnection
from hub.core.deliveries.screening import UNTICKED, is_off, of_digest, verdict
from hub.core.models import Connection, Delivery, Digest, Event
from hub.core.policy import digests, rules
from hub.core.policy.rules import Rules
from hub.core.policy.screen import Screen
from hub.core.policy.verdict import Verdict, Wait
from hub.sdk import clock

Admitted = tuple[Delivery, Event | None, str]  # and the sender it goes out from


def admitted(
    session: Session,
    hub: Hub,
    connection: Connection,
    live: LiveConnection,
    taken: Sequence[Delivery],
) -> list[Admitted]:
    """Put aside what is not to be sent after all, or not now; the rest may go."""
    moment = clock.now()
    events = _events(session, taken)
    told = {each.id: each for each in digests.write(session, taken, moment)}
    decided = rules.load(session, (connection.id,)) if taken else Rules({})
    screen = Screen(session, hub, live, taken, moment)
    kept: list[Admitted] = []
    for delivery in taken:
        event = events.get(delivery.event_id)
        digest = told.get(digests.digest_id(delivery))
        type = event.type if event else digest.event_type if digest else ""
        off = is_off(delivery, type, decided, connection.hooks_off)
        answer = (
            (Verdict("skipped", "policy", UNTICKED) if off else None)
            or _verdict(hub, screen, connection, delivery, event, digest)
            or screen.of(delivery, event)
        )
        if isinstance(answer, Wait):
            _put_off(delivery, answer, moment)
        elif answer is not None:
            _put_aside(delivery, answer, moment)
        else:
            delivery.explanation = ""
            kept.append((delivery, event, screen.sender))
    return kept


def _verdict(
    hub: Hub,
    screen: Screen,
    connection: Connection,
    delivery: Delivery,
    event: Event | None,
    digest: Digest | None,
) -> Verdict | Wait | None:
    provider, moment = hub.plugins.provider(connection.plugin), screen.at
    slept = partial(screen.slept, delivery)
    found = digest and of_digest(
        delivery, digest, provider=provider, at=moment, slept=slept
    )
    return found or verdict(
        delivery,
        event,
        provider=provider,
        can_look=hub.plugins.has(connection.plugin, "find_made"),
        at=moment,
        slept=slept,
    )


def _events(session: Session, taken: Sequence[Delivery]) -> dict[int | None, Event]:
    ids = {delivery.event_id for delivery in taken if delivery.event_id is not None}
    found = session.scalars(select(Event).where(Event.id.in_(ids))) if ids else ()
    return {event.id: event for event in found}


def _put_aside(delivery: Delivery, found: Verdict, moment: datetime) -> None:
    delivery.state, delivery.reason = found.state, found.reason
    delivery.explanation = found.explanation
    delivery.attempts -= 1  # it wasn't tried
    delivery.claim = delivery.lease_until = delivery.next_attempt_at = None
    delivery.finished_at = moment if found.state == "skipped" else None


def _put_off(delivery: Delivery, wait: Wait, moment: datetime) -> None:
    """It waits, and that counts neither as a try nor against its 72 hours. Pending, so
    that nobody takes it for a probe, or hurries it, before its time."""
    delivery.attempts -= 1
    delivery.state = "pending"
    delivery.explanation, delivery.next_attempt_at = wait.explanation, wait.until
    delivery.claim = delivery.lease_until = None
    if not delivery.attempts:
        delivery.deadline = None
    elif delivery.deadline is not None:
        delivery.deadline += wait.until - moment

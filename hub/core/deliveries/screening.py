"""What is claimed and yet not sent: old news, unticked hooks, doubt (ROAD 17, 19)."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from hub.core.deliveries import outcomes
from hub.core.models import Delivery, Digest, Event
from hub.core.policy.rules import Rules
from hub.core.policy.verdict import Verdict
from hub.sdk.events import hook_of
from hub.sdk.provider import Provider

DOUBT = (
    "It may have been carried out already, and the provider no longer knows it by its"
    " key. Look there, then retry it or confirm it."
)

Slept = Callable[[datetime], timedelta]


def _awake(since: datetime) -> timedelta:
    return timedelta()


UNTICKED = "Not sent: an admin switched this off for the connection."
OLD = "Not sent: it was too old to be news when its turn came."
TOLD = "Not sent: all of it was told by itself meanwhile."


def is_off(
    delivery: Delivery, type: str, decided: Rules, hooks_off: Collection[str]
) -> bool:
    """True if an admin switched this event type ("": none) off meanwhile. What a rule
    forbids a person may still send by hand; what is unticked nobody may."""
    if not type:
        return False
    if hook_of(type) in hooks_off:
        return True
    by_hand = delivery.asked_at is not None or delivery.replay_of is not None
    id, audience = delivery.connection_id, delivery.audience
    return not by_hand and decided.forbid(id, type, audience)


def verdict(
    delivery: Delivery,
    event: Event | None,
    *,
    provider: Provider,
    can_look: bool,
    at: datetime,
    slept: Slept = _awake,
) -> Verdict | None:
    """Say why this is not to be sent; None if it is. `slept` says for how long since
    a moment it had to wait for a night to end."""
    if event is not None and _is_stale(
        delivery, event.type, event.created_at, provider, at, slept
    ):
        return Verdict("skipped", "stale", OLD)
    repeatable = outcomes.is_repeatable(
        provider, can_look=can_look, sent_at=delivery.sent_at, at=at
    )
    return None if repeatable else Verdict("in_doubt", DOUBT)


def of_digest(
    delivery: Delivery,
    digest: Digest,
    *,
    provider: Provider,
    at: datetime,
    slept: Slept = _awake,
) -> Verdict | None:
    """Say why this digest is not to be sent; None if it is."""
    if delivery.message is None:  # each of its items was sent by itself meanwhile
        return Verdict("skipped", "digest", TOLD)
    stale = _is_stale(delivery, digest.event_type, digest.due_at, provider, at, slept)
    return Verdict("skipped", "stale", OLD) if stale else None


def _is_stale(
    delivery: Delivery,
    type: str,
    since: datetime,
    provider: Provider,
    at: datetime,
    slept: Slept,
) -> bool:
    """True if this is worse than nothing by now.

    The age counts from when the hub learned of it (a provider's own time may lie
    far back for good reasons), or from when a person asked for it again. While it
    has to wait for a night to end it doesn't age.
    """
    most = _max_age(provider, type)
    if most is None:
        return False
    born = [since]
    born += [delivery.asked_at] if delivery.asked_at else []
    born += [delivery.created_at] if delivery.replay_of else []
    age = at - max(born)
    return age > most and age - slept(max(born)) > most


def _max_age(provider: Provider, event_type: str) -> timedelta | None:
    ages = provider.max_age
    return ages.get(event_type, ages.get("*"))

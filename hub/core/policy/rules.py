"""What an admin decided about sending: rules per connection, event type and audience,
and the clients' quiet hours."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core import audit
from hub.core.models import Connection, SendingPolicy, SendingRule
from hub.core.policy import kinds
from hub.core.rows import insert_new
from hub.plugins import Plugins
from hub.sdk.errors import HubError, InvalidError, NotFoundError
from hub.sdk.events import EVENT_TYPES
from hub.sdk.provider import Provider

QUIET_FROM, QUIET_UNTIL = time(20), time(8)
MOST_TARGETS, LONGEST_TARGET = 20, 200
_ROW = 1
_LEAST_FREE = 60  # minutes
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True)
class Rule:
    """What holds: `given` if an admin decided it, else it is the default."""

    when: str
    targets: tuple[str, ...] = ()
    given: bool = False


@dataclass(frozen=True)
class Policy:
    """Clients' quiet hours, wall-clock times in their zone; equal ones mean none."""

    quiet_from: time = QUIET_FROM
    quiet_until: time = QUIET_UNTIL


Key = tuple[str, str, str]


class Rules:
    """The rules of all connections, read at once."""

    def __init__(self, given: Mapping[Key, Rule]) -> None:
        self._given = given

    def of(
        self, connection_id: str, provider: Provider, type: str, audience: str
    ) -> Rule:
        """What holds for this event type there. What can't be done by that provider
        any more (a digest) is told at once."""
        reach, chat = provider.reach, provider.summarises
        given = self._given.get((connection_id, type, audience))
        if given is None:
            return Rule(kinds.default(type, audience, reach=reach))
        allowed = kinds.choices(type, audience, reach=reach, summarises=chat)
        return given if given.when in allowed else Rule("now", given.targets, True)

    def forbid(self, connection_id: str, type: str, audience: str) -> bool:
        """True if an admin switched it off."""
        given = self._given.get((connection_id, type, audience))
        return given is not None and given.when == "off"


def load(session: Session, connection_ids: Collection[str] | None = None) -> Rules:
    """Read the rules of these connections (None: of all), in one query."""
    wanted = select(SendingRule)
    if connection_ids is not None:
        wanted = wanted.where(SendingRule.connection_id.in_(connection_ids))
    return Rules(
        {
            (row.connection_id, row.event_type, row.audience): _rule(row)
            for row in session.scalars(wanted)
        }
    )


def effective(
    session: Session, connection_id: str, event_type: str, audience: str
) -> Rule:
    """What holds for one event type at one connection."""
    provider = _provider(session, _connection(session, connection_id))
    rules = load(session, (connection_id,))
    return rules.of(connection_id, provider, event_type, audience)


def set_rule(  # noqa: PLR0913 - a rule has these parts
    session: Session,
    connection_id: str,
    event_type: str,
    audience: str,
    *,
    when: str | None,
    targets: Sequence[str] = (),
    actor: str = audit.HUB,
) -> Rule:
    """Decide about one event type; `when` None goes back to the default. Returns what
    holds then."""
    connection = _connection(session, connection_id)
    provider = _provider(session, connection)
    key = (connection_id, event_type, audience)
    kept = tuple(dict.fromkeys(each.strip() for each in targets if each.strip()))
    _check(provider, event_type, audience, when, kept)
    if when is None:
        _forget(session, key)
    else:
        _keep(session, key, when, kept)
    audit.record(
        session,
        actor,
        "rule.set",
        f"connection:{connection_id}",
        event=event_type,
        audience=audience,
        when=when or "default",
        targets=list(kept),
    )
    session.flush()
    return effective(session, *key)


def policy(session: Session) -> Policy:
    """What holds for all sending."""
    row = session.get(SendingPolicy, _ROW)
    if row is None:
        return Policy()
    return Policy(
        time.fromisoformat(row.quiet_from), time.fromisoformat(row.quiet_until)
    )


def set_policy(
    session: Session, *, quiet_from: str, quiet_until: str, actor: str = audit.HUB
) -> Policy:
    """Set the clients' quiet hours, each as HH:MM; equal ones: none."""
    values = {"quiet_from": quiet_from, "quiet_until": quiet_until}
    wrong = {name: [CLOCK_HINT] for name, text in values.items() if not is_clock(text)}
    if wrong:
        raise InvalidError(f"Some times can't be read: {', '.join(wrong)}.", wrong)
    if not leaves_time(quiet_from, quiet_until):
        raise InvalidError(TIME_HINT, {"quiet_until": [TIME_HINT]})
    insert_new(session, SendingPolicy, [{"id": _ROW, **values}], unique=("id",))
    row = session.get_one(SendingPolicy, _ROW, with_for_update=True)
    row.quiet_from, row.quiet_until = quiet_from, quiet_until
    audit.record(session, actor, "policy.changed", "policy:sending", **values)
    session.flush()
    return policy(session)


CLOCK_HINT = "Write a time of day as HH:MM, for example 20:00."


TIME_HINT = "Leave at least an hour of the day in which something can be sent."


def leaves_time(start: str, end: str) -> bool:
    """True unless these quiet hours take nearly the whole day: what waits for their
    end would wait for ever. Equal times are no quiet hours."""
    first, last = time.fromisoformat(start), time.fromisoformat(end)
    free = (_minutes(first) - _minutes(last)) % (24 * 60)
    return first == last or free >= _LEAST_FREE


def _minutes(reading: time) -> int:
    return reading.hour * 60 + reading.minute


def is_clock(text: object) -> bool:
    """True if it is a time of day as HH:MM."""
    return isinstance(text, str) and _CLOCK.fullmatch(text) is not None


def provider_of(plugins: Plugins, name: str) -> Provider | None:
    """A plugin's provider, None if it is broken or not installed."""
    try:
        return plugins.provider(name)
    except HubError:
        return None


def _rule(row: SendingRule) -> Rule:
    return Rule(row.when, tuple(row.targets), given=True)


def _connection(session: Session, id: str) -> Connection:
    found = session.get(Connection, id)
    if found is None or found.removed_at is not None:
        raise NotFoundError("There is no such connection.")
    return found


def _provider(session: Session, connection: Connection) -> Provider:
    return hub_of(session).plugins.provider(connection.plugin)


def _check(
    provider: Provider,
    event_type: str,
    audience: str,
    when: str | None,
    targets: tuple[str, ...],
) -> None:
    wrong: dict[str, object] = {}
    reach = provider.reach
    fitting = ("channel",) if reach == "channel" else ("contact", "staff")
    if event_type not in EVENT_TYPES:
        wrong["event_type"] = ["There is no such event."]
    if audience not in fitting:
        wrong["audience"] = [f"{provider.title} tells {' and '.join(fitting)} only."]
    allowed = kinds.choices(
        event_type, audience, reach=reach, summarises=provider.summarises
    )
    if when is not None and when not in allowed:
        wrong["when"] = [f"It must be one of {', '.join(allowed)}."]
    if targets and (reach != "channel" or when in (None, "off")):
        wrong["targets"] = ["Only a channel that is told has targets."]
    elif len(targets) > MOST_TARGETS or any(len(t) > LONGEST_TARGET for t in targets):
        wrong["targets"] = [
            f"{MOST_TARGETS} at the most, of {LONGEST_TARGET} characters each."
        ]
    if wrong:
        names = ", ".join(sorted(wrong))
        raise InvalidError(f"Some values can't be used: {names}.", wrong)


def _keep(session: Session, key: Key, when: str, targets: tuple[str, ...]) -> None:
    connection_id, event_type, audience = key
    parts = {
        "connection_id": connection_id,
        "event_type": event_type,
        "audience": audience,
    }
    values = {**parts, "when": when, "targets": list(targets)}
    column = SendingRule.connection_id
    insert_new(session, SendingRule, [values], unique=tuple(parts), returning=column)
    row = session.get_one(SendingRule, key, with_for_update=True)
    row.when, row.targets = when, list(targets)


def _forget(session: Session, key: Key) -> None:
    row = session.get(SendingRule, key, with_for_update=True)
    if row is not None:
        session.delete(row)

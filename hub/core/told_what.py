"""Who is told what by one connection, as a whole table: shown and decided at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core import audit, connections
from hub.core.configuration.live import LiveConnection
from hub.core.policy import kinds, rules
from hub.core.policy.defaults import DEFAULTS
from hub.core.policy.kinds import Kind
from hub.core.policy.rules import Rules
from hub.hookspecs import EVENT_HOOKS
from hub.sdk.errors import InvalidError
from hub.sdk.events import hook_of
from hub.sdk.provider import Provider


@dataclass(frozen=True, kw_only=True)
class Line:
    """What holds for one kind of event and audience, and what could be chosen."""

    kind: Kind
    audience: str
    when: str
    choices: Sequence[str]
    targets: tuple[str, ...] = ()
    given: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Event type and audience."""
        return self.kind.type, self.audience


@dataclass(frozen=True)
class Wish:
    """What an admin wants for a line; `targets` None leaves them."""

    when: str
    targets: tuple[str, ...] | None = None


def hears(session: Session, connection: LiveConnection) -> bool:
    """True if it tells anybody anything by itself."""
    provider = connection.provider
    if provider is None:
        return False
    return provider.reach != "channel" or bool(_hooks(session, connection))


def lines(session: Session, connection: LiveConnection) -> list[Line]:
    """The table of one connection, in the order of the kinds."""
    provider = connection.provider
    if provider is None:
        return []
    known = rules.load(session, (connection.id,))
    if provider.reach == "channel":
        hooks = _hooks(session, connection)
        heard = [each for each in kinds.KINDS.values() if hook_of(each.type) in hooks]
        return [_line(connection, provider, known, each, "channel") for each in heard]
    return [
        _line(connection, provider, known, each, audience)
        for each in kinds.KINDS.values()
        for audience in ("contact", "staff")
        # A client is written to about what there is a text for.
        if audience == "staff" or (provider.reach, each.type) in DEFAULTS
    ]


def decide(
    session: Session,
    connection: LiveConnection,
    wishes: Mapping[tuple[str, str], Wish],
    *,
    actor: str = audit.HUB,
) -> int:
    """Set what differs from what holds; returns how many lines changed. InvalidError
    for what this connection tells nobody of."""
    present = {line.key: line for line in lines(session, connection)}
    strange = [" to ".join(key) for key in wishes.keys() - present.keys()]
    if strange:
        said = f"{connection.title} can't tell of {', '.join(sorted(strange))}."
        raise InvalidError(said, {"rules": [said]})
    known = [(present[key], wish) for key, wish in wishes.items()]
    wanted = {hook_of(line.kind.type) for line, wish in known if wish.when != "off"}
    ticked = wanted & connection.hooks_off
    # What was off by the tick alone stays off for whom it isn't wanted.
    changed = [
        (line, wish)
        for line, wish in known
        if _differs(line, wish) or hook_of(line.kind.type) in ticked
    ]
    for line, wish in changed:
        targets = line.targets if wish.targets is None else wish.targets
        rules.set_rule(
            session,
            connection.id,
            line.kind.type,
            line.audience,
            when=wish.when,
            targets=targets if wish.when != "off" else (),
            actor=actor,
        )
    if ticked:
        off = connection.hooks_off - ticked
        connections.set_hooks_off(session, connection.slug, off, actor=actor)
    return len(changed)


def _line(
    connection: LiveConnection,
    provider: Provider,
    known: Rules,
    kind: Kind,
    audience: str,
) -> Line:
    rule = known.of(connection.id, provider, kind.type, audience)
    allowed = kinds.choices(
        kind.type, audience, reach=provider.reach, summarises=provider.summarises
    )
    if audience == "staff":
        # Each of us chooses when; an admin only whether.
        allowed = ["off", "now"]
    when = rule.when if rule.when in allowed else "now"
    unticked = not connection.hears(hook_of(kind.type))
    return Line(
        kind=kind,
        audience=audience,
        when="off" if unticked else when,
        choices=allowed,
        targets=rule.targets,
        given=rule.given,
    )


def _differs(line: Line, wish: Wish) -> bool:
    if wish.when != line.when:
        return True
    return wish.when != "off" and wish.targets not in (None, line.targets)


def _hooks(session: Session, connection: LiveConnection) -> Collection[str]:
    plugin = hub_of(session).plugins.get(connection.plugin)
    return frozenset(plugin.hooks) & frozenset(EVENT_HOOKS)

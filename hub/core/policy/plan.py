"""Plan who is told of events: the rows that publish adds, one for each who is told and
one for each who is not, with the reason (ROAD 8, 12, 15)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.models import Connection, Event, PluginSwitch, new_id
from hub.core.policy import digests, kinds, recipients, rules
from hub.core.policy.recipients import Client, Member
from hub.core.policy.rules import Rule, Rules
from hub.sdk.clock import now
from hub.sdk.events import hook_of
from hub.sdk.provider import Provider

SEND = "send_message"
# A connection in these states hears nothing and gets nothing later (ROAD 12).
_NOT_IN_USE = ("setup", "disabled")
_CHANNELS = {"phone": "sms", "email": "email"}
_WAYS = {"phone": "by text message", "email": "by e-mail"}
_PERIODS = {"hourly": "by the hour", "daily": "by the day"}
Row = dict[str, Any]


@dataclass(frozen=True)
class Listener:
    """A connection in use whose plugin is whole."""

    connection_id: str
    slug: str
    provider: Provider
    hooks: Collection[str]  # what its plugin implements
    hooks_off: frozenset[str]

    @property
    def personal(self) -> bool:
        """True if it reaches people, not a channel."""
        return self.provider.reach != "channel"


def listeners(session: Session) -> list[Listener]:
    """Connections in use. One whose plugin is quarantined is: its deliveries wait."""
    plugins = hub_of(session).plugins
    found = session.execute(
        select(Connection.id, Connection.slug, Connection.plugin, Connection.hooks_off)
        .join(PluginSwitch, PluginSwitch.name == Connection.plugin)
        .where(
            PluginSwitch.enabled,
            Connection.state.not_in(_NOT_IN_USE),
            Connection.removed_at.is_(None),
        )
        .order_by(Connection.id)
    )
    return [
        Listener(id, slug, provider, plugins.get(plugin).hooks, frozenset(off))
        for id, slug, plugin, off in found
        if (provider := rules.provider_of(plugins, plugin)) is not None
    ]


def rows(
    session: Session, events: Sequence[Event], heard_by: Sequence[Listener]
) -> list[Row]:
    """The deliveries of these events to these connections. The queries are as many
    for one event as for a thousand."""
    if not heard_by:
        return []
    plan = _Plan(session, events, heard_by)
    planned = [row for event in events for row in plan.of(event)]
    digests.gather(session, plan.later)
    return planned


@dataclass
class _Plan:
    session: Session
    events: Sequence[Event]
    heard_by: Sequence[Listener]
    later: list[digests.Later] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rules: Rules = rules.load(self.session)
        self.at = now()

    def of(self, event: Event) -> Iterator[Row]:
        hook = hook_of(event.type)
        for listener in self.heard_by:
            if not listener.personal:
                if hook in listener.hooks and hook not in listener.hooks_off:
                    yield from self._channel(event, listener, hook)
            elif event.type in kinds.KINDS and SEND in listener.hooks:
                yield from _distinct(self._personal(event, listener))

    def rule(self, type: str, listener: Listener, audience: str) -> Rule:
        id, provider = listener.connection_id, listener.provider
        if listener.personal and hook_of(type) in listener.hooks_off:
            return Rule("off", given=True)
        return self.rules.of(id, provider, type, audience)

    def _channel(self, event: Event, listener: Listener, hook: str) -> Iterator[Row]:
        rule = self.rule(event.type, listener, "channel")
        base = self._row(event, listener, hook, "channel")
        if event.origin_id == listener.connection_id:
            yield base | _skipped("echo", "It came from there.", self.at)
        elif rule.when == "off":
            yield base | _skipped("policy", _why_off(listener), self.at)
        else:
            for target in rule.targets or ("",):
                row = base | {"id": new_id("dlv"), "target": target}
                if rule.when in kinds.DIGESTS and SEND in listener.hooks:
                    self._put_off(row, event, rule.when)
                yield row

    def _personal(self, event: Event, listener: Listener) -> Iterator[Row]:
        yield from self._contacts(event, listener)
        rule = self.rule(event.type, listener, "staff")
        for member in self._staff:
            when = member.chosen.when(listener.slug, event.type)
            if when != "off" and member.hears(event.type):
                yield self._member(event, listener, rule, member, when)

    def _member(
        self, event: Event, listener: Listener, rule: Rule, member: Member, when: str
    ) -> Row:
        address = member.address(listener.provider.reach)
        row = self._row(event, listener, SEND, "staff")
        # Named by something: a row without any target is the client's.
        row |= {"target": address or member.email, "user_id": member.id}
        if rule.when == "off":
            return row | _skipped("policy", _why_off(listener), self.at)
        if not address:
            return row | _skipped("no address", _no_number(member), self.at)
        if when in _later_ones(event, listener):
            self._put_off(row, event, when, zone=member.chosen.time_zone)
        return row

    def _contacts(self, event: Event, listener: Listener) -> Iterator[Row]:
        # What clients are never told of was not decided about: no row says so.
        if not self._is_for_clients(event.type, listener):
            return
        client = self._clients.get(_company_of(event))
        if client is None:
            return
        rule = self.rule(event.type, listener, "contact")
        row = self._row(event, listener, SEND, "contact") | {"company_id": client.id}
        if rule.when == "off":
            yield row | _skipped("policy", _why_off(listener), self.at)
            return
        reached, reason, why = reached_of(client, listener.provider.reach)
        for contact_id, address in reached:
            yield row | {
                "id": new_id("dlv"),
                "target": address,
                "contact_id": contact_id,
            }
        if not reached:
            yield row | _skipped(reason, why, self.at)

    def _is_for_clients(self, type: str, listener: Listener) -> bool:
        usual = kinds.default(type, "contact", reach=listener.provider.reach)
        return "now" in (usual, self.rule(type, listener, "contact").when)

    @cached_property
    def _clients(self) -> Mapping[str, Client]:
        types = {event.type for event in self.events} & kinds.KINDS.keys()
        people = [each for each in self.heard_by if each.personal]
        told = {
            t for t in types if any(self._is_for_clients(t, each) for each in people)
        }
        ids = {_company_of(event) for event in self.events if event.type in told}
        return recipients.clients(self.session, ids - {""})

    @cached_property
    def _staff(self) -> Collection[Member]:
        return recipients.staff(self.session)

    def _put_off(self, row: Row, event: Event, when: str, *, zone: str = "") -> None:
        said = f"Told with others, {_PERIODS[when]}."
        row |= _skipped("digest", said, self.at)
        self.later.append(digests.Later(row, event.type, when, zone))

    def _row(self, event: Event, listener: Listener, hook: str, audience: str) -> Row:
        return {
            "id": new_id("dlv"),
            "event_id": event.id,
            "connection_id": listener.connection_id,
            "hook": hook,
            "target": "",
            "subject": event.subject,
            "position": event.id,
            "audience": audience,
            "kind": event.type if audience != "channel" else "",
            "company_id": None,
            "contact_id": None,
            "user_id": None,
            "digest_id": None,
            "state": "pending",
            "reason": "",
            "explanation": "",
            "next_attempt_at": self.at,
            "created_at": self.at,
            "finished_at": None,
        }


def _distinct(found: Iterator[Row]) -> Iterator[Row]:
    """One message to one address: a client's contact may work here too."""
    seen: set[str] = set()
    for row in found:
        address = row["target"].lower()
        if address not in seen:
            seen.add(address)
            yield row


def _company_of(event: Event) -> str:
    company = event.data.get("company")
    return str(company.get("id") or "") if isinstance(company, Mapping) else ""


def _later_ones(event: Event, listener: Listener) -> set[str]:
    provider = listener.provider
    allowed = kinds.choices(
        event.type, "staff", reach=provider.reach, summarises=provider.summarises
    )
    return set(allowed) & set(kinds.DIGESTS)


def reached_of(client: Client, reach: str) -> tuple[list[tuple[str, str]], str, str]:
    """Contacts with their addresses; where there are none: the reason, in a word and
    in a sentence. An e-mail goes to each who agreed, a text to the first."""
    way = _WAYS[reach]
    if reach == "phone" and not client.texts:
        return [], "policy", f"Not sent: texts to {client.name} are switched off."
    agreed = [each for each in client.contacts if _CHANNELS[reach] in each.agreed]
    if not agreed:
        said = f"Not sent: no contact of {client.name} agreed to be told {way}."
        return [], "no consent", said
    found = [
        (each.id, address)
        for each in agreed
        if (address := each.phone if reach == "phone" else each.email)
    ]
    thing = "number" if reach == "phone" else "e-mail address"
    said = f"Not sent: who agreed at {client.name} to be told {way} has no {thing}."
    return found[:1] if reach == "phone" else found, "no address", said


def _why_off(listener: Listener) -> str:
    return f"Not sent: an admin switched this off for {listener.provider.title}."


def _no_number(member: Member) -> str:
    return f"Not sent: {member.email} gave no phone number."


def _skipped(reason: str, why: str, at: datetime) -> Row:
    return {
        "state": "skipped",
        "reason": reason,
        "explanation": why,
        "next_attempt_at": None,
        "finished_at": at,
    }

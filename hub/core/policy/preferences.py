"""What each user wants to hear of: in the hub, by their own phone or mailbox, and not
at night."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core import audit
from hub.core.models import Connection, User
from hub.core.policy import kinds, rules
from hub.sdk.errors import InvalidError, NotFoundError
from hub.sdk.phones import e164
from hub.sdk.provider import Provider

PERSONAL: Final = ("phone", "email")
_FIELDS: Final = (
    "muted",
    "channels",
    "quiet_from",
    "quiet_until",
    "time_zone",
    "phone",
)
Chosen = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """One user's. `channels`: connection's slug → event type → when (what isn't there
    is off). Quiet hours are both None, or wall-clock times in `time_zone` ("": the
    hub's)."""

    muted: frozenset[str] = frozenset()
    channels: Chosen = field(default_factory=dict)
    quiet_from: time | None = None
    quiet_until: time | None = None
    time_zone: str = ""
    phone: str = ""

    def when(self, slug: str, type: str) -> str:
        """When this user is told of it by that connection."""
        return self.channels.get(slug, {}).get(type, "off")


def of(user: User) -> Preferences:
    """What this user chose."""
    return read(user.preferences)


def by_id(session: Session, user_id: str) -> Preferences:
    """What the user with this id chose."""
    user = session.get(User, user_id)
    return of(user) if user else Preferences()


def read(kept: Mapping[str, Any]) -> Preferences:
    """The same from the stored value."""
    start, end = kept.get("quiet_from"), kept.get("quiet_until")
    quiet = bool(start and end)
    return Preferences(
        muted=muted(kept),
        channels=kept.get("channels", {}),
        quiet_from=time.fromisoformat(start) if quiet and start else None,
        quiet_until=time.fromisoformat(end) if quiet and end else None,
        time_zone=kept.get("time_zone", ""),
        phone=kept.get("phone", ""),
    )


def muted(kept: Mapping[str, Any]) -> frozenset[str]:
    """The event types not shown to them in the hub; critical ones always are."""
    return frozenset(kept.get("muted", ())) - kinds.CRITICAL


def change(
    session: Session,
    user_id: str,
    values: Mapping[str, Any],
    *,
    actor: str = audit.HUB,
) -> Preferences:
    """Change what is given: muted (event types), channels (slug → type → when; a slug
    that is given is replaced), quiet_from and quiet_until (HH:MM, or both ""),
    time_zone, phone. InvalidError names every wrong field."""
    user = session.get(User, user_id, with_for_update=True)
    if user is None or user.service:
        raise NotFoundError("There is no such user.")
    wrong: dict[str, object] = {
        name: ["There is no such field."] for name in values.keys() - set(_FIELDS)
    }
    kept = {**user.preferences}
    for name in (each for each in _FIELDS if each in values):
        try:
            kept[name] = _CHECKS[name](session, values[name], kept)
        except ValueError as error:
            wrong[name] = [str(error)]
    wrong = wrong or _misfit(session, kept)
    if wrong:
        names = ", ".join(sorted(wrong))
        raise InvalidError(f"Some values can't be used: {names}.", wrong)
    user.preferences = kept
    subject = f"user:{user.id}"
    audit.record(session, actor, "preferences.changed", subject, changed=sorted(values))
    session.flush()
    return of(user)


def personal(session: Session) -> dict[str, Provider]:
    """The connections by which users may be told: slug → provider."""
    plugins = hub_of(session).plugins
    found = session.execute(
        select(Connection.slug, Connection.plugin)
        .where(Connection.removed_at.is_(None))
        .order_by(Connection.slug)
    )
    reached = {slug: rules.provider_of(plugins, plugin) for slug, plugin in found}
    return {
        slug: provider
        for slug, provider in reached.items()
        if provider is not None and provider.reach in PERSONAL
    }


def _muted(session: Session, value: Any, kept: Mapping[str, Any]) -> list[str]:
    listed = isinstance(value, Collection) and not isinstance(value, str)
    types = {str(each) for each in value} if listed else {""}
    if types - kinds.KINDS.keys():
        raise ValueError("Name event types, as invoice.overdue.")
    fixed = sorted(kinds.of(each).title for each in types & kinds.CRITICAL)
    if fixed:
        raise ValueError(f"This can't be muted: {', '.join(fixed)}.")
    return sorted(types)


def _channels(
    session: Session, value: Any, kept: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    if not isinstance(value, Mapping):
        raise ValueError("Name connections, each with event types and when.")
    found = {**kept.get("channels", {})}
    providers = personal(session)
    for slug, chosen in value.items():
        if slug not in providers:
            raise ValueError(f"{slug!r} is no connection that tells people.")
        found[slug] = _chosen(providers[slug], chosen)
    return {slug: chosen for slug, chosen in found.items() if chosen}


def _chosen(provider: Provider, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or value.keys() - kinds.KINDS.keys():
        raise ValueError("Name event types, as invoice.overdue, and when.")
    for type, when in value.items():
        allowed = kinds.choices(
            type, "staff", reach=provider.reach, summarises=provider.summarises
        )
        if when not in allowed:
            title = kinds.of(type).title
            raise ValueError(f"{title}: it must be one of {', '.join(allowed)}.")
    return {type: when for type, when in value.items() if when != "off"}


def _clock(session: Session, value: Any, kept: Mapping[str, Any]) -> str:
    if value not in ("", None) and not rules.is_clock(value):
        raise ValueError(rules.CLOCK_HINT)
    return value or ""


def _zone(session: Session, value: Any, kept: Mapping[str, Any]) -> str:
    try:
        return ZoneInfo(str(value)).key if value else ""
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("Write a time zone such as Europe/Berlin.") from None


def _phone(session: Session, value: Any, kept: Mapping[str, Any]) -> str:
    return e164(str(value)) if value else ""


def _misfit(session: Session, kept: Mapping[str, Any]) -> dict[str, object]:
    """What each value is right for, and all together are not."""
    if bool(kept.get("quiet_from")) != bool(kept.get("quiet_until")):
        return {"quiet_until": ["Give both times, or none."]}
    start, end = kept.get("quiet_from"), kept.get("quiet_until")
    if start and end and not rules.leaves_time(start, end):
        return {"quiet_until": [rules.TIME_HINT]}
    if kept.get("channels") and not kept.get("phone"):
        providers = personal(session)
        texts = [
            slug
            for slug in kept["channels"]
            if slug in providers and providers[slug].reach == "phone"
        ]
        if texts:
            return {"phone": [f"{texts[0]} needs your phone number."]}
    return {}


_CHECKS: Final = {
    "muted": _muted,
    "channels": _channels,
    "quiet_from": _clock,
    "quiet_until": _clock,
    "time_zone": _zone,
    "phone": _phone,
}

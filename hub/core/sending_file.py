"""Who is told what, and in which words, as a part of the configuration file."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.models import Connection, MessageTemplate, SendingRule
from hub.core.policy import rules, templates
from hub.sdk.errors import InvalidError

_RULE = {"connection": str, "event_type": str, "audience": str, "when": str}
_TEXT = {"reach": str, "kind": str, "subject": str, "body": str}
_POLICY = {"quiet_from": str, "quiet_until": str}
Data = dict[str, Any]


def export(session: Session) -> Data:
    """What admins decided; where nobody did, the default holds and isn't named."""
    policy = rules.policy(session)
    given = session.execute(
        select(SendingRule, Connection.slug)
        .join(Connection, Connection.id == SendingRule.connection_id)
        .where(Connection.removed_at.is_(None))
        .order_by(Connection.slug, SendingRule.event_type, SendingRule.audience)
    )
    texts = session.scalars(
        select(MessageTemplate).order_by(MessageTemplate.reach, MessageTemplate.kind)
    )
    return {
        "quiet_from": f"{policy.quiet_from:%H:%M}",
        "quiet_until": f"{policy.quiet_until:%H:%M}",
        "rules": [_rule(row, slug) for row, slug in given],
        "texts": [{name: getattr(row, name) for name in _TEXT} for row in texts],
    }


def load(session: Session, data: Any, *, actor: str) -> bool:
    """Make it as the file says, going back to the default where it names nothing;
    False if it is so already. InvalidError says what can't be used."""
    given, now = _checked(data), export(session)
    if given == now:
        return False
    hours = {name: given[name] for name in _POLICY}
    if hours != {name: now[name] for name in _POLICY}:
        rules.set_policy(session, **hours, actor=actor)
    _load_rules(session, now["rules"], given["rules"], actor)
    _load_texts(session, now["texts"], given["texts"], actor)
    return True


def _load_rules(
    session: Session, now: list[Data], wanted: list[Data], actor: str
) -> None:
    kept = {_place(rule) for rule in wanted}
    gone = [{**rule, "when": None} for rule in now if _place(rule) not in kept]
    for rule in [*gone, *(each for each in wanted if each not in now)]:
        rules.set_rule(
            session,
            _connection(session, rule["connection"]),
            rule["event_type"],
            rule["audience"],
            when=rule["when"],
            targets=rule["targets"] if rule["when"] else (),
            actor=actor,
        )


def _load_texts(
    session: Session, now: list[Data], wanted: list[Data], actor: str
) -> None:
    kept = {(text["reach"], text["kind"]) for text in wanted}
    for text in now:
        if (text["reach"], text["kind"]) not in kept:
            templates.reset(session, text["reach"], text["kind"], actor=actor)
    for text in (each for each in wanted if each not in now):
        templates.set(session, **text, actor=actor)


def _connection(session: Session, slug: str) -> str:
    found = session.scalar(
        select(Connection.id).where(
            Connection.slug == slug, Connection.removed_at.is_(None)
        )
    )
    if found is None:
        raise _misshapen(f"it has a rule for {slug!r}, which is no connection")
    return found


def _place(rule: Mapping[str, Any]) -> tuple[str, str, str]:
    return rule["connection"], rule["event_type"], rule["audience"]


def _rule(row: SendingRule, slug: str) -> Data:
    return {
        "connection": slug,
        "event_type": row.event_type,
        "audience": row.audience,
        "when": row.when,
        "targets": list(row.targets),
    }


def _checked(data: Any) -> Data:
    if not isinstance(data, dict) or not _has(data, _POLICY):
        raise _misshapen("sending needs quiet_from and quiet_until, such as 20:00")
    listed, texts = data.get("rules", []), data.get("texts", [])
    if not _all_have(listed, _RULE) or not all(
        _are_texts(rule.setdefault("targets", [])) for rule in listed
    ):
        raise _misshapen(f"each rule needs {', '.join(_RULE)}")
    if not _all_have(texts, _TEXT):
        raise _misshapen(f"each text needs {', '.join(_TEXT)}")
    return {
        **{name: data[name] for name in _POLICY},
        "rules": [{k: rule[k] for k in (*_RULE, "targets")} for rule in listed],
        "texts": [{k: text[k] for k in _TEXT} for text in texts],
    }


def _all_have(rows: Any, fields: Mapping[str, type]) -> bool:
    return isinstance(rows, list) and all(_has(row, fields) for row in rows)


def _has(row: Any, fields: Mapping[str, type]) -> bool:
    return isinstance(row, dict) and all(
        isinstance(row.get(name), kind) for name, kind in fields.items()
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _misshapen(what: str) -> InvalidError:
    return InvalidError(f"The configuration can't be read: {what}.")

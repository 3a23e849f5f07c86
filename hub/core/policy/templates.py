"""The texts of messages to clients: an admin's own, else the default."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core import audit
from hub.core.models import MessageTemplate
from hub.core.policy import texts
from hub.core.policy.defaults import DEFAULTS, TITLES, Text
from hub.sdk.clock import now
from hub.sdk.errors import InvalidError, NotFoundError


@dataclass(frozen=True, kw_only=True)
class Template:
    """A text in use; `by` and `since` if it is an admin's own."""

    reach: str
    kind: str
    text: Text
    by: str = ""
    since: datetime | None = None

    @property
    def own(self) -> bool:
        """False for the default."""
        return self.since is not None

    @property
    def title(self) -> str:
        """What it is for, in words."""
        return TITLES[self.kind]


def all(session: Session) -> Sequence[Template]:
    """Every text, in the order of the defaults."""
    rows = {(row.reach, row.kind): row for row in session.scalars(_ALL)}
    return [_template(*key, rows.get(key)) for key in DEFAULTS]


def get(session: Session, reach: str, kind: str) -> Template:
    """The text in use; NotFoundError if messages of this kind have none."""
    _check(reach, kind)
    return _template(reach, kind, session.get(MessageTemplate, (reach, kind)))


def set(
    session: Session,
    reach: str,
    kind: str,
    *,
    body: str,
    subject: str = "",
    actor: str = audit.HUB,
) -> Template:
    """Put an admin's own text in use; InvalidError says what is wrong with it."""
    _check(reach, kind)
    found = texts.problems(reach, subject, body, kind)
    if found:
        raise InvalidError(" ".join(found), {"body": found})
    row = session.get(MessageTemplate, (reach, kind))
    if row is None:
        row = MessageTemplate(reach=reach, kind=kind)
        session.add(row)
    row.subject, row.body, row.by = subject, body, actor
    row.updated_at = now()
    audit.record(session, actor, "message_template.changed", _subject(reach, kind))
    session.flush()
    return _template(reach, kind, row)


def reset(
    session: Session, reach: str, kind: str, *, actor: str = audit.HUB
) -> Template:
    """Go back to the default."""
    _check(reach, kind)
    row = session.get(MessageTemplate, (reach, kind))
    if row is not None:
        session.delete(row)
        audit.record(session, actor, "message_template.reset", _subject(reach, kind))
        session.flush()
    return _template(reach, kind, None)


_ALL = select(MessageTemplate)


def _template(reach: str, kind: str, row: MessageTemplate | None) -> Template:
    if row is None:
        return Template(reach=reach, kind=kind, text=DEFAULTS[reach, kind])
    text = Text(row.body, row.subject)
    return Template(reach=reach, kind=kind, text=text, by=row.by, since=row.updated_at)


def _check(reach: str, kind: str) -> None:
    if (reach, kind) not in DEFAULTS:
        raise NotFoundError(f"There is no text for {kind} by {reach}.")


def _subject(reach: str, kind: str) -> str:
    return f"message_template:{reach}/{kind}"

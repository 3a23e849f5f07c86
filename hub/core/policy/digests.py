"""Several events told as one: by the hour or day, or because they came at once.

An item is a delivery that is skipped as `digest` and points to its digest, whose own
delivery carries the summary. It is written when that delivery is first claimed; what
happens later opens another digest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.models import Delivery, Digest, Event, new_id
from hub.core.policy import kinds
from hub.core.policy.kinds import Kind
from hub.core.wording import wording
from hub.sdk.clock import now
from hub.sdk.text import one_line

SEND = "send_message"
SUBJECT = "digest:"
MOST_LINES, LONGEST_LINE = 20, 200
MORNING = 8  # o'clock, when the day's digest is due
_ITEM = (Delivery.state == "skipped", Delivery.reason == "digest")


@dataclass(frozen=True)
class Later:
    """A delivery to be told with others: its row, and by the hour or by the day."""

    row: dict[str, Any]
    type: str
    when: str
    zone: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes a digest: one per connection, target and event type."""
        return self.row["connection_id"], self.row["target"], self.type


def gather(session: Session, later: Sequence[Later]) -> None:
    """Give each of these the digest that is open for it, or a new one.

    The open ones are held until the commit: whoever closes one waits for its items.
    """
    if not later:
        return
    open_now = _open(session, {each.key[0] for each in later})
    for each in later:
        if each.key not in open_now:
            open_now[each.key] = _begin(session, each)
        each.row["digest_id"] = open_now[each.key]


def due(at: datetime, when: str, zone: ZoneInfo) -> datetime:
    """When a digest begun at `at` is sent: at the next full hour, or next morning."""
    if when == "hourly":
        return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    local = at.astimezone(zone)
    morning = local.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    if morning <= local:
        morning += timedelta(days=1)  # by the clock on the wall
    return morning.astimezone(at.tzinfo)


def write(session: Session, taken: Sequence[Delivery], at: datetime) -> list[Digest]:
    """Close the digests among what was claimed and write their messages; returns
    them. One that was written before keeps its words: a retry says the same."""
    ids = {digest_id(each) for each in taken} - {""}
    if not ids:
        return []
    found = session.scalars(
        select(Digest)
        .where(Digest.id.in_(ids))
        .order_by(Digest.connection_id, Digest.id)
        .with_for_update()
    ).all()
    by_id = {each.id: each for each in found}
    for delivery in taken:
        digest = by_id.get(digest_id(delivery))
        if digest is not None and delivery.message is None:
            digest.closed_at = digest.closed_at or at
            delivery.message = _message(session, digest, delivery)
    return list(found)


def digest_id(delivery: Delivery) -> str:
    """The digest that this delivery carries; "" if it carries none."""
    id = delivery.subject.removeprefix(SUBJECT)
    return id if id != delivery.subject and delivery.event_id is None else ""


def begun(
    session: Session,
    row: Mapping[str, Any],
    type: str,
    *,
    due_at: datetime,
    closed_at: datetime | None = None,
) -> str:
    """Add a digest with its delivery, for items like this row; returns its id."""
    id, delivery_id = new_id("dig"), new_id("dlv")
    digest = {
        "id": id,
        "connection_id": row["connection_id"],
        "target": row["target"],
        "event_type": type,
        "due_at": due_at,
        "closed_at": closed_at,
        "delivery_id": delivery_id,
    }
    copied = ("connection_id", "target", "audience", "user_id", "position")
    delivery = {
        **{name: row[name] for name in copied},
        "id": delivery_id,
        "hook": SEND,
        "kind": type,
        "subject": SUBJECT + id,
        "state": "pending",
        "next_attempt_at": due_at,
        "created_at": now(),
    }
    session.execute(insert(Digest), [digest])
    session.execute(insert(Delivery), [delivery])
    return id


def _open(session: Session, connections: set[str]) -> dict[tuple[str, str, str], str]:
    # In the order in which claims close them: two can't wait for each other.
    rows = session.execute(
        select(Digest.connection_id, Digest.target, Digest.event_type, Digest.id)
        .where(Digest.connection_id.in_(connections), Digest.closed_at.is_(None))
        .order_by(Digest.connection_id, Digest.id)
        .with_for_update()
    )
    return {(connection, target, type): id for connection, target, type, id in rows}


def _begin(session: Session, later: Later) -> str:
    settings = hub_of(session).settings
    zone = ZoneInfo(later.zone) if later.zone else settings.time_zone
    return begun(session, later.row, later.type, due_at=due(now(), later.when, zone))


def _message(
    session: Session, digest: Digest, delivery: Delivery
) -> dict[str, str] | None:
    items = (Delivery.digest_id == digest.id, *_ITEM)
    count = session.scalar(select(func.count()).where(*items)) or 0
    if not count:
        return None
    events = session.scalars(
        select(Event)
        .join(Delivery, Delivery.event_id == Event.id)
        .where(*items)
        .order_by(Event.id)
        .limit(MOST_LINES)
    ).all()
    kind = kinds.of(digest.event_type)
    link = hub_of(session).url(kind.page)
    lines = [f"• {_line(kind, each)}" for each in events]
    if count > len(lines):
        lines.append(f"and {count - len(lines)} more")
    heading = kind.heading(count)
    text = "\n".join([heading, *lines])
    if delivery.audience == "channel":
        return {"text": f"{text}\n{link}"}
    return {"text": text, "subject": heading, "link": link, "label": "Open the list"}


def _line(kind: Kind, event: Event) -> str:
    words = wording(event.type, event.data)
    said = one_line(words.title if words else kind.plainly(event.data))
    short = said[: LONGEST_LINE - 1] + "…" if len(said) > LONGEST_LINE else said
    return short or kind.title

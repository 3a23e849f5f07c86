"""Messages in words: to a client from a template, to staff as a notification has it."""

from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.models import Connection, Delivery, Event
from hub.core.policy import kinds, subjects, templates, texts, unsubscribe
from hub.core.policy.defaults import DEFAULTS, OPT_OUT
from hub.core.policy.texts import Message, preview, problems
from hub.core.policy.variables import harmless
from hub.core.wording import Wording, wording
from hub.sdk.errors import InvalidError

__all__ = ("Message", "preview", "problems", "render")
_TITLE: Final = 200
_BODY: Final = {"phone": 300, "email": 1_000}


def render(session: Session, delivery: Delivery, event: Event | None) -> Message:
    """Write a delivery's message; one that is written is kept, so that a retry says
    the same. InvalidError says why it can't be written."""
    if delivery.message is not None:
        return dict(delivery.message)
    reach = _reach(session, delivery)
    if delivery.audience == "staff":
        return _to_staff(session, reach, event)
    if (reach, delivery.kind) not in DEFAULTS:
        raise InvalidError(
            f"There are no words for {delivery.kind or 'this'} to clients. Let them not"
            " be told of it, under Settings, Who is told what."
        )
    about = subjects.of(session, delivery, event, reach)
    own = templates.get(session, reach, delivery.kind)
    made = texts.filled(reach, own.text, about.values)
    made |= {"link": about.link, "label": about.label}
    if reach == "email":
        return made | {"unsubscribe_url": unsubscribe.url(session, delivery.contact_id)}
    if not _was_written_to(session, delivery) and OPT_OUT not in made["text"]:
        made["text"] += f"\n{OPT_OUT}"
    return made


def _reach(session: Session, delivery: Delivery) -> str:
    connection = session.get_one(Connection, delivery.connection_id)
    provider = hub_of(session).plugins.provider(connection.plugin)
    return "phone" if provider.reach == "phone" else "email"


def _was_written_to(session: Session, delivery: Delivery) -> bool:
    """True if this number may have had a text of this connection before. Looked for
    among the client's: what we ever sent is too much to look through."""
    before = select(Delivery.id).where(
        Delivery.company_id == delivery.company_id,
        Delivery.connection_id == delivery.connection_id,
        Delivery.target == delivery.target,
        Delivery.audience == "contact",
        Delivery.id != delivery.id,
        or_(Delivery.sent_at.is_not(None), Delivery.state == "delivered"),
    )
    return session.scalar(before.limit(1)) is not None


def _to_staff(session: Session, reach: str, event: Event | None) -> Message:
    if event is None:
        raise InvalidError("There is no event to tell of.")
    said = wording(event.type, event.data) or Wording(
        title=kinds.of(event.type).plainly(event.data)
    )
    title = harmless(said.title, reach, _TITLE)
    body = harmless(said.body, reach, _BODY[reach])
    name = harmless(hub_of(session).settings.msp_name, reach)
    link = {"link": event.url, "label": "Open it in the hub"}
    if reach == "phone":
        text = f"{name}: {' '.join(filter(None, (_ended(title), body, event.url)))}"
        return {"text": text, "subject": "", **link, "unsubscribe_url": ""}
    parts = filter(None, (title, body, event.url))
    text = "\n\n".join(parts)
    return {"text": text, "subject": title, **link, "unsubscribe_url": ""}


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", "...")) else f"{sentence}."
